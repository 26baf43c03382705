// The GPU probe for Node: a device of its own on the adapter that our device takes, and the shaders from disk.

import { readFile } from 'node:fs/promises'
import { describeAdapter, findAdapter } from '../../kernels/runtime/gpu/adapter.ts'
import type { GpuCeilings } from '../lib/results.ts'
import { probeGpu } from './gpu.ts'

export interface AdapterReport {
  name: string
  software: boolean
  features: string[]
  limits: Record<string, number>
  ceilings: GpuCeilings
}

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const

/** What the adapter is, offers and reaches. Throws where there is none. */
export async function probeAdapter(): Promise<AdapterReport> {
  const { adapter, software } = await findAdapter('allow')
  const name = describeAdapter(adapter.info)
  const read = (file: string): Promise<string> => readFile(new URL(file, import.meta.url), 'utf8')
  const shaders = { fma: await read('./fma.wgsl'), dot4: await read('./dot4.wgsl') }
  const { subgroupMinSize, subgroupMaxSize } = adapter.info
  const device = await adapter.requestDevice()
  try {
    return {
      name,
      software,
      features: [...adapter.features].sort(),
      limits: {
        ...Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
        subgroupMinSize,
        subgroupMaxSize,
      },
      ceilings: await probeGpu(device, shaders, { name, software }),
    }
  } finally {
    device.destroy()
  }
}
