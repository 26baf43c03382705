// Our devices as the benches ask for them.

import { readFileSync } from 'node:fs'
import { createWasmDevice } from '../../kernels/plan/wasm.ts'
import type { Device } from '../../kernels/runtime/device.ts'

/** `threads` is the CPU's. The GPU's runtime is loaded only where it is asked for. */
export async function createDevice(kind: 'cpu' | 'gpu', threads: number): Promise<Device> {
  if (kind === 'cpu') return createWasmDevice({ threads })
  const { createGpuDevice } = await import('../../kernels/plan/webgpu.ts')
  return createGpuDevice()
}

/** Version of this package. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
