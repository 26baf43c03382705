// What an operation folder gives a session: one op, its weights packed into memory, and how to write its records for a
// batch.

import type { Batch, BufferId, BufferSpec, Op } from '../program/program.ts'
import { PANEL } from './abi.ts'
import type { WasmMemory } from './memory.ts'
import type { TapeWriter } from './tape.ts'
import type { ChosenVariants } from './variant.ts'

/** Where an operation puts its packed weights at load. */
export interface LoadContext {
  memory: WasmMemory
  variants: ChosenVariants
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
   * Address of a copy of buffer `id` in another layout (quantized, in token blocks): `make` writes the record that fills
   * it, unless one of this batch did so since the buffer was written, with the same `scale`.
   */
  derived(id: BufferId, copy: string, make: (target: number) => void, scale?: number): number
}

/** A linear layer without its weights, which are given apart. */
export type LinearOp = Omit<Extract<Op, { kind: 'linear' }>, 'weight'>

export interface Lowered {
  /** a linear layer whose kernel reads and writes f32 in token blocks; it takes rows too */
  takesBlocks?: boolean
  /**
   * what the op needs beside its buffers for a batch of this shape: a copy of an input in another layout, shared by the
   * ops that name it alike, and scratch per thread
   *
   * @param layoutOf the layout of a buffer when the op runs
   */
  needs(
    shape: BatchShape,
    threads: number,
    layoutOf: (id: BufferId) => Pick<BufferView, 'rows' | 'isBlocked'>,
  ): { copy?: string; copyBytes?: number; scratchBytes?: number }
  encode(context: EncodeContext): void
}

/** Rows of a buffer for a batch of this shape. */
export function rowsOf(rows: BufferSpec['rows'], { tokens, sequences }: BatchShape): number {
  return rows === 'tokens' ? tokens : sequences
}

export function shapeOf(batch: Batch): BatchShape {
  const { offsets } = batch
  let longest = 0
  for (let b = 1; b < offsets.length; b++) longest = Math.max(longest, offsets[b] - offsets[b - 1])
  return { tokens: offsets[offsets.length - 1], sequences: offsets.length - 1, longest, offsets }
}

/** `count` padded to whole panels. */
export function padToPanel(count: number): number {
  return Math.ceil(count / PANEL) * PANEL
}

/** Copies a vector into weight memory, padded with zeros to whole panels of so many columns; 0 for none. */
export function placeVector(load: LoadContext, name: string, vector: Float32Array | null, columns = PANEL): number {
  if (!vector) return 0
  const padded = Math.ceil(vector.length / columns) * columns
  const address = load.allocateWeights(name, padded * 4)
  const view = load.memory.f32(address, padded)
  view.fill(0)
  view.set(vector)
  return address
}
