// compact-kernels/webgpu: the kernels on WebGPU, for callers who want one fast layer, a device of their own, or a layer
// on GPUBuffers that are there already.

import { createGpuDevice } from '../kernels/webgpu/device.ts'
import { createKernelCalls } from './pipeline/kernel-calls.ts'

const calls = /* @__PURE__ */ createKernelCalls(() => createGpuDevice())

/** f32 linear layer on the GPU: see `KernelCalls.denseMatmul`. */
export const denseMatmul = calls.denseMatmul
/** int8 linear layer on the GPU: see `KernelCalls.int8Matmul`. */
export const int8Matmul = calls.int8Matmul
/** Sparse linear layer on the GPU: see `KernelCalls.sparseMatmul`. */
export const sparseMatmul = calls.sparseMatmul
/** Low-rank linear layer on the GPU: see `KernelCalls.lowRankLinear`. */
export const lowRankLinear = calls.lowRankLinear
/** A layer on the GPU that is packed once and held: see `KernelCalls.prepare`. */
export const prepare = calls.prepare
/** Frees the weights that the calls above keep, and the device; the next call starts anew. */
export const disposeGpu = calls.dispose

export { createGpuDevice, createKernelCalls }
export { createGpuLinear, requestGpuDevice } from '../kernels/webgpu/device.ts'
export type { GpuDeviceOptions, GpuLinear, GpuLinearOptions, GpuRows, Precision } from '../kernels/webgpu/device.ts'
export type {
  KernelCalls,
  LinearMemory,
  LinearOptions,
  PreparedLinear,
  PrepareOptions,
  QuantizedInput,
} from './pipeline/kernel-calls.ts'
export type { Device, DeviceInfo, Int8Rows, Session, SessionStats } from '../kernels/program/device.ts'
export type { Batch, Program } from '../kernels/program/program.ts'
export type * from '../kernels/program/stored-weights.ts'
export type * from '../kernels/program/weights.ts'
export { quantizeWeight } from './compress/quantize-weight.ts'
export type { PRECISIONS } from '../kernels/program/device.ts'
export type { KernelChoice } from '../kernels/webgpu/context.ts'
export type { GpuDevice } from '../kernels/webgpu/device.ts'
export type { TuningStore } from '../kernels/webgpu/tune.ts'
