// What a room gives the plan: one op, its weights packed into memory, and how to write its records for a batch.

import type { Activation, BufferId, Op } from '../program/program.ts'
import type { WasmMemory } from './memory.ts'
import type { TapeWriter } from './tape.ts'

/**
 * How int8 products are summed. i16x8: activations as i16, i32x4.dot_i16x8_s, exact on every engine. u8 and s8: relaxed
 * dot on engines where a probe showed it exact for u8 (activations + 128) or s8 activations.
 */
export type Int8Path = 'i16x8' | 'u8' | 's8'

/** As the quantize records take it. */
export const INT8_PATH_CODES: Record<Int8Path, number> = { i16x8: 0, u8: 1, s8: 2 }

/** As assembly/lib/epilogue.ts takes it. */
export const ACTIVATION_CODES: Record<Activation, number> = { none: 0, gelu: 1, tanh: 2 }

/** Where a room puts its packed weights at load. */
export interface LoadContext {
  memory: WasmMemory
  int8: Int8Path
  /** Address of `bytes` bytes for packed weights; `name` is for guards. */
  allocateWeights(name: string, bytes: number): number
}

export interface BatchShape {
  /** M */
  tokens: number
  /** B */
  sequences: number
  /** tokens of the longest sequence */
  longest: number
  /** row offsets, i32 [B + 1], on the host */
  offsets: Int32Array
}

/** A buffer of the running batch. */
export interface BufferView {
  /** f32 [rows, width], or s8 [rows, width] */
  address: number
  /** f32 [rows] where the buffer is s8, else 0 */
  scales: number
  rows: number
  width: number
  /** f32 in token blocks (assembly/lib/blocks.ts) instead of rows; never so where there is one row */
  isBlocked: boolean
}

/** Token blocks hold up to so many tokens more than there are. */
export const BLOCK_PADDING = 8

export interface EncodeContext {
  tape: TapeWriter
  shape: BatchShape
  threads: number
  /** addresses of offsets i32 [B + 1], ids i32 [M], types i32 [M] */
  offsets: number
  ids: number
  types: number
  buffer(id: BufferId): BufferView
  /**
   * Address of buffer `id` in another form (quantized, transposed): `make` writes the record that fills it, unless one
   * of this batch did so since the buffer was written, with the same `variant` (a scale, say).
   */
  derived(id: BufferId, form: string, make: (target: number) => void, variant?: number): number
}

/** A linear layer without its weights, which rooms are given apart. */
export type LinearOp = Omit<Extract<Op, { kind: 'linear' }>, 'weight'>

export interface Lowered {
  /** a linear layer whose kernel reads and writes f32 in token blocks; it takes rows too */
  takesBlocks?: boolean
  /**
   * what the op needs beside its buffers for a batch of this shape
   * @param stands how a buffer stands when the op runs
   */
  needs(
    shape: BatchShape,
    threads: number,
    stands: (id: BufferId) => Pick<BufferView, 'rows' | 'isBlocked'>,
  ): { form?: string; formBytes?: number; scratchBytes?: number }
  encode(context: EncodeContext): void
}

/** Copies a vector into weight memory, padded with zeros to a multiple of 8; 0 for none. */
export function placeVector(load: LoadContext, name: string, vector: Float32Array | null): number {
  if (!vector) return 0
  const padded = Math.ceil(vector.length / 8) * 8
  const address = load.allocateWeights(name, padded * 4)
  const view = load.memory.f32(address, padded)
  view.fill(0)
  view.set(vector)
  return address
}
