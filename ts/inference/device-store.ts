// What keeps the decisions of device: 'auto'.

export interface DeviceStore {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
  /** Everything that is kept. */
  clear(): Promise<void>
}
