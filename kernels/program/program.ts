// A program: what a model computes, as a flat list of kernel calls over named buffers. It is written once per model
// and says nothing of devices or shapes; kernels/wasm and kernels/webgpu compile it for WebAssembly (a tape) and for WebGPU (a pass).
//
// Batches are ragged: M = sum of the sequences' lengths rows ("tokens"), B = number of sequences, offsets [B + 1].

import { checkArray, type EmbeddingTable, type LeafWeight } from './weights.ts'

/** Index into `Program.buffers`. */
export type BufferId = number

export interface BufferSpec {
  name: string
  /** one row per token (M rows) or per sequence (B rows) */
  rows: 'tokens' | 'sequences'
  /** elements per row */
  width: number
  /**
   * f32, or s8 rows with one f32 scale each (value = scale * q). An s8 buffer can only be the program's input and the
   * input of int8 linears; its layout in memory is the device's own.
   */
  dtype: 'f32' | 's8'
}

/**
 * gelu: x * 0.5 * (1 + erf(x / sqrt(2))). gelu_tanh: x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
 * silu: x / (1 + exp(-x)). relu: max(x, 0).
 */
export type Activation = 'none' | 'gelu' | 'tanh' | 'relu' | 'gelu_tanh' | 'silu'

/** Rules for every op: output differs from each input buffer; every element of the output is written. */
export type Op =
  | {
      /** output = layernorm(word[id] + position[index in sequence] + type[token type]) */
      kind: 'embedding'
      word: EmbeddingTable
      position: EmbeddingTable
      type: EmbeddingTable
      gamma: Float32Array
      beta: Float32Array
      epsilon: number
      output: BufferId
      /**
       * where it is given, tokens of this id take row 0 of `position`, others row 1 + the number of tokens before them in
       * the sequence that are not of this id, so that the table has one row more than the longest sequence has tokens
       */
      paddingId?: number
    }
  | {
      /** output = activation(input W^T + bias) + residual; int8 weights quantize each input row first (kernels/int8-matmul) */
      kind: 'linear'
      input: BufferId
      output: BufferId
      weight: LeafWeight
      /** f32 [N] or none */
      bias: Float32Array | null
      activation: Activation
      residual: BufferId | null
    }
  | {
      /** output = (x - mean) / sqrt(variance + epsilon) * gamma + beta per row, x = input + residual */
      kind: 'layernorm'
      input: BufferId
      residual: BufferId | null
      output: BufferId
      gamma: Float32Array
      beta: Float32Array
      epsilon: number
    }
  | {
      /** per sequence and head: softmax(Q K^T / sqrt(D) + bias) V; query, key, value, output are [M, H * D] */
      kind: 'attention'
      query: BufferId
      key: BufferId
      value: BufferId
      output: BufferId
      heads: number
      headSize: number
      /**
       * f32 [H, 2 P - 1] or none: element (h, j - i + P - 1) is added to the score of query i with key j, which count from
       * the first token of their sequence. No sequence has more than P tokens.
       */
      distanceBias: Float32Array | null
    }
  /** output[b] = input[offsets[b]]: the [CLS] row of each sequence */
  | { kind: 'first-token'; input: BufferId; output: BufferId }
  /** output[b] = mean of input rows of sequence b, divided by its L2 norm where `normalize` */
  | { kind: 'mean-pool'; input: BufferId; output: BufferId; normalize: boolean }

export interface Program {
  buffers: BufferSpec[]
  ops: Op[]
  /** 'ids' where the first op is an embedding; else the buffer that `run` fills from `batch.rows` */
  input: 'ids' | BufferId
  output: BufferId
}

export interface Batch {
  /** [B + 1] row offsets of the sequences, first 0, last M; no sequence is empty */
  offsets: Int32Array
  /** [M] token ids and token types, where the program's input is 'ids' */
  ids?: Int32Array
  types?: Int32Array
  /** [M, width] where the program's input is a buffer; s8 rows carry one scale each */
  rows?: Float32Array | { data: Int8Array; scales: Float32Array }
}

/** P of a distance bias [H, 2 P - 1]. */
export function positionsOfBias(bias: Float32Array, heads: number): number {
  const positions = (bias.length / heads + 1) / 2
  if (!Number.isInteger(positions) || positions < 1)
    throw new Error(
      `attention: distanceBias has ${bias.length} elements, which are not [${heads}, 2 P - 1] for a whole P`,
    )
  return positions
}

/** Throws where a sequence is longer than a distance bias reaches. */
function checkDistances({ ops }: Program, offsets: Int32Array): void {
  for (const op of ops) {
    if (op.kind !== 'attention' || !op.distanceBias) continue
    const positions = positionsOfBias(op.distanceBias, op.heads)
    for (let b = 1; b < offsets.length; b++) {
      const T = offsets[b] - offsets[b - 1]
      if (T > positions)
        throw new Error(`batch: sequence ${b - 1} has ${T} tokens, the distance bias of attention is for ${positions}`)
    }
  }
}

/** Throws where `batch` does not fit `program`. */
export function checkBatch(program: Program, batch: Batch): void {
  if (typeof batch !== 'object' || batch === null)
    throw new TypeError(`batch: ${String(batch)} was given, expected { offsets, ids, types } or { offsets, rows }`)
  const { offsets } = batch
  checkArray(offsets, Int32Array, 'batch: offsets')
  if (batch.ids !== undefined) checkArray(batch.ids, Int32Array, 'batch: ids')
  if (batch.types !== undefined) checkArray(batch.types, Int32Array, 'batch: types')
  if (offsets.length < 1 || offsets[0] !== 0) throw new Error(`batch: offsets must start with 0, found ${offsets[0]}`)
  for (let b = 1; b < offsets.length; b++)
    if (offsets[b] <= offsets[b - 1])
      throw new Error(`batch: sequence ${b - 1} is empty (offsets ${offsets[b - 1]}, ${offsets[b]})`)
  checkDistances(program, offsets)
  const M = offsets[offsets.length - 1]
  if (program.input === 'ids') {
    if (batch.ids?.length !== M || batch.types?.length !== M)
      throw new Error(
        `batch: ${M} tokens need ids and types of that length, found ${batch.ids?.length}, ${batch.types?.length}`,
      )
    const first = program.ops[0]
    if (first?.kind !== 'embedding') throw new Error('program: input is ids, but the first op is no embedding')
    for (let i = 0; i < M; i++) {
      if (batch.ids[i] < 0 || batch.ids[i] >= first.word.rows)
        throw new Error(`batch: token id ${batch.ids[i]} at ${i} is outside the vocabulary of ${first.word.rows}`)
      if (batch.types[i] < 0 || batch.types[i] >= first.type.rows)
        throw new Error(`batch: token type ${batch.types[i]} at ${i} is outside the ${first.type.rows} types`)
    }
    for (let b = 1; b < offsets.length; b++)
      if (offsets[b] - offsets[b - 1] > first.position.rows)
        throw new Error(
          `batch: sequence ${b - 1} has ${offsets[b] - offsets[b - 1]} tokens, the model has ${first.position.rows} positions`,
        )
    return
  }
  const spec = program.buffers[program.input]
  const rows = batch.rows
  const found = rows === undefined ? 'nothing' : rows instanceof Float32Array ? 'f32' : 's8'
  const elements = rows instanceof Float32Array ? rows.length : rows?.data.length
  if (
    found !== spec.dtype ||
    elements !== M * spec.width ||
    (rows && !(rows instanceof Float32Array) && rows.scales.length !== M)
  )
    throw new Error(
      `batch: input '${spec.name}' is ${spec.dtype} [${M}, ${spec.width}], found ${found} of ${elements} elements`,
    )
}
