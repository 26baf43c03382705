// Devices by name: in addresses, in lists and in caches.

import type { DeviceRequest } from './messages.ts'

/** 'wasm1', 'wasm4', 'webgpu', 'auto4' */
export const deviceKey = ({ kind, threads }: DeviceRequest): string => (kind === 'webgpu' ? kind : `${kind}${threads}`)

/** null where it names no device */
export function deviceOfKey(key: string): DeviceRequest | null {
  if (key === 'webgpu') return { kind: 'webgpu', threads: 0 }
  const [, kind, digits] = /^(wasm|auto)(\d{1,2})$/.exec(key) ?? []
  const threads = Number(digits ?? 0)
  return threads > 0 ? { kind: kind as 'wasm' | 'auto', threads } : null
}
