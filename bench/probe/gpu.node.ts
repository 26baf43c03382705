// The GPU probe for Node: reads its shaders from disk and asks one of our devices for its GPUDevice.

import { readFile } from 'node:fs/promises'
import type { GpuDevice } from '../../kernels/plan/webgpu.ts'
import type { Device } from '../../kernels/runtime/device.ts'
import type { GpuCeilings } from '../lib/results.ts'
import { probeGpu } from './gpu.ts'

export async function probeDevice(device: Device): Promise<GpuCeilings> {
  const read = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8')
  const { name, software } = device.info()
  const shaders = { fma: await read('./fma.wgsl'), dot4: await read('./dot4.wgsl') }
  return probeGpu((device as GpuDevice).gpuDevice, shaders, { name, software })
}
