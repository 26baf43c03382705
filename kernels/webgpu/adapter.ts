// Finds a WebGPU adapter: the browser's own; in Node a real GPU through the optional package `webgpu`, else software.

import { MATRIX_SHAPES, type MatrixShape } from './matrix-shape.ts'
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

/** Features that the int8 matrix kernels ask for, and the one that sets the size of subgroups where a shape needs it. */
export const MATRIX_FEATURES = ['chromium-experimental-subgroup-matrix', 'subgroups']
export const SIZE_FEATURE = 'subgroup-size-control'

/**
 * The first of MATRIX_SHAPES in which subgroups multiply i8 into i32 here, or null. The first needs subgroups of its size alone,
 * the others that their size can be asked for. Experimental, so not in the types yet.
 */
export function int8MatrixShape(features: GPUSupportedFeatures, info: GPUAdapterInfo): MatrixShape | null {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> }
  if (!MATRIX_FEATURES.every((feature) => features.has(feature))) return null
  const configs = [...subgroupMatrixConfigs]
  const { subgroupMinSize: least, subgroupMaxSize: most } = info
  const hasSize = ({ lanes }: MatrixShape, i: number): boolean =>
    i === 0 ? least === lanes && most === lanes : features.has(SIZE_FEATURE) && least <= lanes && lanes <= most
  const found = MATRIX_SHAPES.find(
    (shape, i) =>
      hasSize(shape, i) &&
      configs.some(
        ({ componentType, resultComponentType, M, N, K }) =>
          componentType === 'i8' &&
          resultComponentType === 'i32' &&
          M === shape.rows &&
          N === shape.columns &&
          K === shape.inputs,
      ),
  )
  return found ?? null
}

/** True where subgroups of 32 multiply i8 matrices of 16 x 16 x 32 into i32. */
export const hasInt8Matrices = (features: GPUSupportedFeatures, info: GPUAdapterInfo): boolean =>
  int8MatrixShape(features, info) === MATRIX_SHAPES[0]

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
    if (adapter && isSoftware(adapter.info)) node.calmPolls()
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
