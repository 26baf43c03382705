// What the two backends have in common: a device loads a program once and runs it on ragged batches.

import type { HeldAsync, Held } from './disposable.ts'
import type { Batch } from './program.ts'
import type { StoredProgram } from './stored-weights.ts'

/**
 * What dense f32 layers are computed from and in on a GPU:
 * - 'f32': weights and arithmetic in f32.
 * - 'f16-weights': weights stored in half precision, each off by at most 2^-11 of itself (or 2^-15, if that is more);
 *   arithmetic in f32. Refuses weights beyond 65504.
 * - 'f16': such weights, and where a layer has many rows (more than 32 to 128, by its width) inputs rounded to halves,
 *   products and sums of 32 of them in f16, their sums in f32: off by at most 35 x 2^-11 of the sum of |x||W|, in practice
 *   by about 1/1000 of the outputs' RMS. Needs shader-f16, inputs within 65504 and sums of 32 |x||W| as well.
 */
export type Precision = (typeof PRECISIONS)[number]

export const PRECISIONS = ['f32', 'f16-weights', 'f16'] as const

export interface DeviceInfo {
  kind: 'cpu' | 'gpu'
  /** e.g. 'wasm relaxed-simd, 2 threads' or the adapter's own words */
  name: string
  /** true where a GPU is emulated on the CPU (SwiftShader, llvmpipe) */
  software: boolean
  threads: number
  /** what dense f32 layers of a GPU are computed from and in; none for a CPU, which knows f32 alone */
  precision?: Precision
  /** chosen variants by operation, e.g. { 'int8-matmul': 'i16x8' }, and other choices of the device, in words */
  variants: Record<string, string>
  /** self-test failures, fall-backs: one sentence each; empty where all is as asked */
  notes: string[]
}

export interface LoadOptions {
  /** tests only: surround every buffer with guard bands, fill outputs with NaN before each run */
  guard?: boolean
  /** ends the loading, and frees what it took; its reason is thrown */
  signal?: AbortSignal
}

export interface SessionStats {
  /** bytes of packed weights on the device */
  weightBytes: number
  /** bytes of activation buffers at the largest batch seen */
  arenaBytes: number
  /** tape records or dispatches of the last run */
  calls: number
}

/** s8 rows with one f32 scale each: value = scale * q. */
export interface Int8Rows {
  /** s8 [M, width] in [-127, 127] */
  data: Int8Array
  /** f32 [M] */
  scales: Float32Array
}

export interface Session extends Held {
  /** Runs one batch and returns the output buffer, f32 [B or M, width]. Calls may overlap; they run one after another. */
  run(batch: Batch): Promise<Float32Array>
  /**
   * As `run`, with the output's rows as s8, rounded on the device by the rule of every int8 layer (quantization.ts).
   * @param activationScale calibrated scale of all rows; each has its own where there is none
   */
  runToInt8(batch: Batch, activationScale?: number): Promise<Int8Rows>
  /** On WebAssembly alone: the memory of a batch of so many rows, for programs that take rows. */
  memory?(rows: number): Promise<SessionMemory>
  stats(): SessionStats
  /** tests only, after a guarded run: what was written outside the buffers, one sentence each */
  checkGuards(): Promise<string[]>
}

/** Where a batch's rows lie in the device's own memory, to be filled and read without copies. */
export interface SessionMemory {
  // views are made anew at each access, since memory that grows detaches older ones
  /** f32 [M, K], of programs that take f32 rows */
  readonly input: Float32Array
  /** s8 [M, K] and f32 [M], of programs that take s8 rows */
  readonly inputInt8: Int8Rows
  /** f32 [M, N]: what the last `run` computed */
  readonly output: Float32Array
  /** s8 [M, N] and f32 [M]: what the last `runToInt8` computed */
  readonly outputInt8: Int8Rows
  /** Computes `output` of the input. Other runs of this session write over both. */
  run(): Promise<void>
  /** Computes `outputInt8` of the input, as Session says. */
  runToInt8(activationScale?: number): Promise<void>
}

/** `dispose` ends its threads and frees what it owns; a GPUDevice handed in by the caller is left alone. */
export interface Device extends HeldAsync {
  info(): DeviceInfo
  /** Packs the program's weights; those that lie in files are read meanwhile, and the files may be closed after. */
  load(program: StoredProgram, options?: LoadOptions): Promise<Session>
}
