// Opens the machines that a study, an evaluation or a filter runs on.

import type { Device } from '../../kernels/runtime/device.ts'

/**
 * Opens a device.
 * @param threads CPU threads, 0 for the device's own choice
 * @throws where there is no such device; the sentence says what to do instead
 */
export async function openDevice(kind: 'cpu' | 'gpu', threads: number): Promise<Device> {
  if (kind === 'cpu') {
    const { createWasmDevice } = await import('../../kernels/plan/wasm.ts')
    return createWasmDevice(threads ? { threads } : {})
  }
  try {
    const { createGpuDevice } = await import('../../kernels/plan/webgpu.ts')
    return await createGpuDevice({ software: 'allow' })
  } catch (error) {
    throw new Error(`no GPU can be used here: ${(error as Error).message}; choose the CPU instead`, { cause: error })
  }
}
