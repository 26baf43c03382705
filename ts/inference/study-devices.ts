// Opens the machines that a study, an evaluation or a filter runs on.

import type { Device } from '../../kernels/program/device.ts'

/**
 * Opens a device.
 * @param threads CPU threads, 0 for the device's own choice
 * @throws where there is no such device; the sentence says what to do instead
 */
export async function openDevice(kind: 'cpu' | 'gpu', threads: number): Promise<Device> {
  if (kind === 'cpu') {
    const { createWasmDevice } = await import('../../kernels/wasm/device.ts')
    return createWasmDevice(threads ? { threads } : {})
  }
  try {
    const { createGpuDevice } = await import('../../kernels/webgpu/device.ts')
    return await createGpuDevice({ software: 'allow' })
  } catch (error) {
    throw new Error(`no GPU can be used here: ${(error as Error).message}; choose the CPU instead`, { cause: error })
  }
}
