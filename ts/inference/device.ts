// Which machine a pipeline runs on. GPU code is fetched only where a GPU is asked for or looked for.

import type { Device } from '../../kernels/program/device.ts'

export type DeviceChoice = 'auto' | 'cpu' | 'wasm' | 'gpu' | 'webgpu'

export interface DeviceOptions {
  /** 'auto' (default): the GPU where there is a real one, else WebAssembly; 'cpu' = 'wasm', 'gpu' = 'webgpu' */
  device?: DeviceChoice
  /** WebAssembly threads; the cores, at most 4, if not given */
  threads?: number
  /** the caller's own GPUDevice; it is left alone when the pipeline is disposed */
  gpuDevice?: GPUDevice
}

const CHOICES: DeviceChoice[] = ['auto', 'cpu', 'wasm', 'gpu', 'webgpu']

/**
 * Opens a device. What 'auto' decided against is said in the notes.
 * @throws where the device that was asked for by name is not there
 */
export async function openDevice(options: DeviceOptions = {}): Promise<{ device: Device; notes: string[] }> {
  const { device: choice = 'auto', threads, gpuDevice } = options
  if (!CHOICES.includes(choice))
    throw new Error(`device '${choice}' is not known; expected one of ${CHOICES.join(', ')}`)
  if (gpuDevice && (choice === 'cpu' || choice === 'wasm'))
    throw new Error(`device '${choice}' does not run on the gpuDevice given with it; give one of them`)
  const notes: string[] = []
  if (choice === 'gpu' || choice === 'webgpu' || gpuDevice) return { device: await openGpu(gpuDevice), notes }
  if (choice === 'auto') {
    const found = await findRealGpu(notes)
    if (found) return { device: found, notes }
  }
  const { createWasmDevice } = await import('../../kernels/wasm/device.ts')
  return { device: await createWasmDevice(threads === undefined ? {} : { threads }), notes }
}

async function openGpu(gpuDevice?: GPUDevice): Promise<Device> {
  const { createGpuDevice } = await import('../../kernels/webgpu/device.ts')
  return createGpuDevice(gpuDevice ? { device: gpuDevice } : {})
}

/** A GPU that is not an emulation; where there is none, why is added to the notes. */
async function findRealGpu(notes: string[]): Promise<Device | null> {
  // a page without WebGPU need not fetch the GPU code to learn that
  const isPage = typeof navigator !== 'undefined' && typeof process === 'undefined'
  if (isPage && !('gpu' in navigator)) {
    notes.push('device auto: this browser has no WebGPU; WebAssembly is used')
    return null
  }
  try {
    const { createGpuDevice } = await import('../../kernels/webgpu/device.ts')
    return await createGpuDevice({ software: 'never' })
  } catch (error) {
    notes.push(`device auto: no GPU, WebAssembly is used (${(error as Error).message.split('\n')[0]})`)
    return null
  }
}
