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

export interface Session extends Held {
  /** Runs one batch and returns the output buffer, f32 [B or M, width]. Calls may overlap; they run one after another. */
  run(batch: Batch): Promise<Float32Array>
  /** On WebAssembly alone: the memory of a batch of so many rows, for programs that take f32 rows. */
  memory?(rows: number): Promise<SessionMemory>
  stats(): SessionStats
  /** tests only, after a guarded run: what was written outside the buffers, one sentence each */
  checkGuards(): Promise<string[]>
}

/** Where a batch's rows lie in the device's own memory, to be filled and read without copies. */
export interface SessionMemory {
  /** f32 [M, K]; made anew at each access, since memory that grows detaches older views */
  readonly input: Float32Array
  /** f32 [M, N]: what the last `run` computed; made anew at each access */
  readonly output: Float32Array
  /** Computes `output` of `input`. Other runs of this session write over both. */
  run(): Promise<void>
}

/** `dispose` ends its threads and frees what it owns; a GPUDevice handed in by the caller is left alone. */
export interface Device extends HeldAsync {
  info(): DeviceInfo
  /** Packs the program's weights; those that lie in files are read meanwhile, and the files may be closed after. */
  load(program: StoredProgram, options?: LoadOptions): Promise<Session>
}
