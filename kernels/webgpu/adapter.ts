// Finds a WebGPU adapter: the browser's own; in Node a real GPU through the optional package `webgpu`, else software.

import type { SoftwareChoice } from './software-choice.ts'

export type { SoftwareChoice } from './software-choice.ts'

export interface FoundAdapter {
  adapter: GPUAdapter
  software: boolean
}

/** Thrown where no adapter can be had; the message says what was tried and what to install. */
export class NoAdapterError extends Error {
  override name = 'NoAdapterError'
}

/** True for adapters that run on the CPU: SwiftShader, llvmpipe, Microsoft's basic renderer. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  const words = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render|^google\b/i.test(words)
}

/** Features that the int8 matrix kernel asks for. */
export const MATRIX_FEATURES = ['chromium-experimental-subgroup-matrix', 'subgroups']

/** True where subgroups of 32 multiply i8 matrices of 16 x 16 x 32 into i32. Experimental, so not in the types yet. */
export function hasInt8Matrices(features: GPUSupportedFeatures, info: GPUAdapterInfo): boolean {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> }
  return (
    MATRIX_FEATURES.every((feature) => features.has(feature)) &&
    info.subgroupMinSize === 32 &&
    info.subgroupMaxSize === 32 &&
    [...subgroupMatrixConfigs].some(
      ({ componentType, resultComponentType, M, N, K }) =>
        componentType === 'i8' && resultComponentType === 'i32' && M === 16 && N === 16 && K === 32,
    )
  )
}

interface MatrixConfig {
  componentType: string
  resultComponentType: string
  M: number
  N: number
  K: number
}

/** The adapter in words, for info() and reports. */
export function describeAdapter(info: GPUAdapterInfo): string {
  const name = info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ')
  return name || 'unnamed adapter'
}

const browserGpu = (): GPU | undefined => (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu

/** Throws NoAdapterError where there is none, or only one that `software` refuses. */
export async function findAdapter(software: SoftwareChoice): Promise<FoundAdapter> {
  const tried: string[] = []
  const gpu = browserGpu()
  let adapter: GPUAdapter | null = null
  if (gpu) {
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
    if (!adapter) tried.push('navigator.gpu has no adapter (is hardware acceleration off?)')
  } else if (isNode()) {
    const node = await import('./adapter.node.ts')
    adapter = await node.requestNodeAdapter(software, tried)
  } else {
    tried.push('navigator.gpu is missing: this browser has no WebGPU, or the page is not a secure context')
  }
  if (!adapter) throw new NoAdapterError(`WebGPU: no adapter found. Tried: ${tried.join('; ')}`)
  const found = { adapter, software: isSoftware(adapter.info) }
  if (found.software && software === 'never')
    throw new NoAdapterError(
      `WebGPU: the only adapter is software (${describeAdapter(adapter.info)}) and software: 'never' was asked for`,
    )
  return found
}

function isNode(): boolean {
  return (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined
}
