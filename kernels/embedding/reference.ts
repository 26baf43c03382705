// float64 reference of the embedding: three gathers, a sum, LayerNorm.

import type { Referenced } from '../dense-matmul/reference.ts'
import { layernormReference } from '../row-ops/reference.ts'
import type { EmbeddingTable } from '../program/weights.ts'

export interface EmbeddingOperands {
  word: EmbeddingTable
  position: EmbeddingTable
  type: EmbeddingTable
  gamma: Float32Array
  beta: Float32Array
  epsilon: number
}

export function tableValue(table: EmbeddingTable, row: number, c: number): number {
  const stored = table.data[row * table.width + c]
  return table.kind === 'f32' ? stored : table.offsets[row] + table.scales[row] * stored
}

/** y [M, C]; the position of a token counts from the start of its sequence */
export function embeddingReference(
  op: EmbeddingOperands,
  ids: Int32Array,
  types: Int32Array,
  offsets: Int32Array,
): Referenced {
  const C = op.gamma.length
  const sums = new Float64Array(ids.length * C)
  for (let b = 0; b + 1 < offsets.length; b++)
    for (let t = offsets[b]; t < offsets[b + 1]; t++)
      for (let c = 0; c < C; c++)
        sums[t * C + c] =
          tableValue(op.word, ids[t], c) + tableValue(op.position, t - offsets[b], c) + tableValue(op.type, types[t], c)
  return layernormReference(sums, null, op.gamma, op.beta, op.epsilon)
}
