// Dawn's null backend: it takes all that the features allow and executes nothing.

import { create } from 'webgpu'

export interface NullDevice {
  device: GPUDevice
  /** Dawn frees its objects with these wrappers: they must live as long as the device is used */
  kept: readonly unknown[]
}

/** @param features that the device has, and all storage buffers that the backend allows */
export async function nullDevice(features: string[]): Promise<NullDevice> {
  const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']) as unknown as GPU
  const adapter = (await gpu.requestAdapter())!
  const { maxStorageBuffersPerShaderStage } = adapter.limits
  const device = await adapter.requestDevice({
    requiredFeatures: features as GPUFeatureName[],
    requiredLimits: { maxStorageBuffersPerShaderStage },
  })
  return { device, kept: [gpu, adapter] }
}
