// What the two machines have in common: a device loads a program once and runs it on ragged batches.

import type { Batch } from './program.ts'
import type { StoredProgram } from './stored-weights.ts'

export interface DeviceInfo {
  kind: 'cpu' | 'gpu'
  /** e.g. 'wasm relaxed-simd, 2 threads' or the adapter's own words */
  name: string
  /** true where a GPU is emulated on the CPU (SwiftShader, llvmpipe) */
  software: boolean
  threads: number
  /** chosen variant per kernel, e.g. { 'int8-matmul': 'i16x8' }, and why */
  variants: Record<string, string>
  /** self-test failures, fall-backs: one sentence each; empty where all is as asked */
  notes: string[]
}

export interface LoadOptions {
  /** tests only: surround every buffer with guard bands, fill outputs with NaN before each run */
  guard?: boolean
}

export interface SessionStats {
  /** bytes of packed weights on the device */
  weightBytes: number
  /** bytes of activation buffers at the largest batch seen */
  arenaBytes: number
  /** tape records or dispatches of the last run */
  calls: number
}

export interface Session {
  /** Runs one batch and returns the output buffer, f32 [B or M, width]. Calls may overlap; they run one after another. */
  run(batch: Batch): Promise<Float32Array>
  stats(): SessionStats
  /** tests only, after a guarded run: what was written outside the buffers, one sentence each */
  checkGuards(): Promise<string[]>
  dispose(): void
}

export interface Device {
  info(): DeviceInfo
  /** Packs the program's weights; those that lie in files are read meanwhile, and the files may be closed after. */
  load(program: StoredProgram, options?: LoadOptions): Promise<Session>
  /** Ends threads, frees what the device owns; a GPUDevice handed in by the caller is left alone. */
  dispose(): Promise<void>
}
