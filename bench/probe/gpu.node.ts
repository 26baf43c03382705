// The GPU probe for Node: a device of its own on the adapter that our device takes, and the shaders from disk.

import { readFile } from 'node:fs/promises'
import { describeAdapter, findAdapter, hasInt8Matrices, MATRIX_FEATURES } from '../../kernels/webgpu/adapter.ts'
import { HALF_FEATURE } from '../../kernels/webgpu/half.ts'
import type { GpuCeilings } from '../lib/results.ts'
import { probeGpu, type ProbeShaders } from './gpu.ts'

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

export async function readShaders(): Promise<ProbeShaders> {
  const read = (file: string): Promise<string> => readFile(new URL(file, import.meta.url), 'utf8')
  return {
    fma: await read('./fma.wgsl'),
    fmaF16: await read('./fma-f16.wgsl'),
    dot4: await read('./dot4.wgsl'),
    matrix: await read('./matrix.wgsl'),
  }
}

/** What the adapter is, offers and reaches. Throws where there is none. */
export async function probeAdapter(): Promise<AdapterReport> {
  const { adapter, software } = await findAdapter('allow')
  const name = describeAdapter(adapter.info)
  const shaders = await readShaders()
  const { subgroupMinSize, subgroupMaxSize } = adapter.info
  const features = [HALF_FEATURE, ...(hasInt8Matrices(adapter.features, adapter.info) ? MATRIX_FEATURES : [])]
  const requiredFeatures = features.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[]
  const device = await adapter.requestDevice({ requiredFeatures })
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
