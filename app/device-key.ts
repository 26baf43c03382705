// Devices by name: in addresses, in lists and in caches.

import type { DeviceRequest } from './messages.ts'

/** 'wasm1', 'wasm4', 'webgpu' */
export const deviceKey = ({ kind, threads }: DeviceRequest): string => (kind === 'webgpu' ? kind : `wasm${threads}`)

/** null where it names no device */
export function deviceOfKey(key: string): DeviceRequest | null {
  if (key === 'webgpu') return { kind: 'webgpu', threads: 0 }
  const threads = Number(/^wasm(\d{1,2})$/.exec(key)?.[1] ?? 0)
  return threads > 0 ? { kind: 'wasm', threads } : null
}
