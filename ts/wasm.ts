// compact-kernels/wasm: the kernels on WebAssembly, for callers who want one fast layer or a device of their own.

import { createWasmDevice } from '../kernels/wasm/device.ts'
import { createKernelCalls } from './pipeline/kernel-calls.ts'

const calls = /* @__PURE__ */ createKernelCalls(() => createWasmDevice())

/** f32 linear layer on WebAssembly: see `KernelCalls.denseMatmul`. */
export const denseMatmul = calls.denseMatmul
/** int8 linear layer on WebAssembly: see `KernelCalls.int8Matmul`. */
export const int8Matmul = calls.int8Matmul
/** Sparse linear layer on WebAssembly: see `KernelCalls.sparseMatmul`. */
export const sparseMatmul = calls.sparseMatmul
/** Low-rank linear layer on WebAssembly: see `KernelCalls.lowRankLinear`. */
export const lowRankLinear = calls.lowRankLinear
/** A layer on WebAssembly that is packed once and held: see `KernelCalls.prepare`. */
export const prepare = calls.prepare
/** Ends the threads and frees the weights that the calls above keep; the next call starts anew. */
export const disposeWasm = calls.dispose

export { createWasmDevice, createKernelCalls }
export type {
  KernelCalls,
  LinearMemory,
  LinearOptions,
  PreparedLinear,
  PrepareOptions,
  QuantizedInput,
} from './pipeline/kernel-calls.ts'
export type { WasmDeviceOptions } from '../kernels/wasm/device.ts'
export type { Device, DeviceInfo, Int8Rows, Session, SessionStats } from '../kernels/program/device.ts'
export type { Batch, Program } from '../kernels/program/program.ts'
export type * from '../kernels/program/stored-weights.ts'
export type * from '../kernels/program/weights.ts'
export { quantizeWeight } from './compress/quantize-weight.ts'
