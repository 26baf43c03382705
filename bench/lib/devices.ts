// Our devices as the benches ask for them.

import { createWasmDevice } from '../../kernels/wasm/device.ts'
import type { ContextOptions } from '../../kernels/webgpu/context.ts'
import type { Device } from '../../kernels/program/device.ts'

/**
 * `threads` and `wide` are the CPU's, other options the GPU's, whose runtime is loaded only where it is asked for.
 * @throws where precision 'f16' is asked for and the adapter lacks shader-f16
 */
export async function createDevice(
  kind: 'cpu' | 'gpu',
  threads: number,
  options: Pick<ContextOptions, 'precision' | 'keepsSparse'> & { wide?: boolean } = {},
): Promise<Device> {
  const { wide, ...ofGpu } = options
  if (kind === 'cpu') return createWasmDevice({ threads, wide, keepsSparse: options.keepsSparse ?? false })
  const { createGpuDeviceWith } = await import('../../kernels/webgpu/device.ts')
  return createGpuDeviceWith(ofGpu)
}
