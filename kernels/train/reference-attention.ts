// Attention of the float64 training step: each sequence and head by itself, with a bias by distance where the model has one.

import { logSoftmax } from './batch.ts'
import type { Rows } from './reference-math.ts'

/** Where a sequence's rows begin, its tokens, and the number of the head. */
export interface Unit {
  first: number
  T: number
  head: number
}

export interface AttentionShape {
  units: Unit[]
  heads: number
  /** D */
  headSize: number
  /** index into the table of distances of key - query and a head, and the table; null where there is none */
  distances: { table: Float64Array; slope: Float64Array; at: (distance: number, head: number) => number } | null
}

/** @param qkv [M, 3, H * D] */
export function attention(
  qkv: Rows,
  { units, heads, headSize: D, distances }: AttentionShape,
): { context: Rows; probabilities: Float64Array[] } {
  const HD = heads * D
  const context = new Float64Array(qkv.length / 3)
  const probabilities = units.map(({ first, T, head: h }) => {
    const P = new Float64Array(T * T)
    const at = (t: number, part: number, d: number): number => (first + t) * 3 * HD + part * HD + h * D + d
    for (let i = 0; i < T; i++) {
      const scores = Float64Array.from({ length: T }, (_, j) => {
        let sum = 0
        for (let d = 0; d < D; d++) sum += qkv[at(i, 0, d)] * qkv[at(j, 1, d)]
        return sum / Math.sqrt(D) + (distances ? distances.table[distances.at(j - i, h)] : 0)
      })
      P.set(logSoftmax(scores, 0, T, 1).map(Math.exp), i * T)
      for (let d = 0; d < D; d++)
        for (let j = 0; j < T; j++) context[(first + i) * HD + h * D + d] += P[i * T + j] * qkv[at(j, 2, d)]
    }
    return P
  })
  return { context, probabilities }
}

/** The gradient of qkv; adds that of the table of distances to its slope. */
export function attentionBackward(
  dcontext: Rows,
  qkv: Rows,
  probabilities: Float64Array[],
  { units, heads, headSize: D, distances }: AttentionShape,
): Rows {
  const HD = heads * D
  const dqkv = new Float64Array(qkv.length)
  units.forEach(({ first, T, head: h }, unit) => {
    const P = probabilities[unit]
    const at = (t: number, part: number, d: number): number => (first + t) * 3 * HD + part * HD + h * D + d
    for (let i = 0; i < T; i++) {
      const dO = dcontext.subarray((first + i) * HD + h * D, (first + i) * HD + h * D + D)
      const dP = new Float64Array(T)
      let mean = 0
      for (let j = 0; j < T; j++) {
        for (let d = 0; d < D; d++) {
          dP[j] += dO[d] * qkv[at(j, 2, d)]
          dqkv[at(j, 2, d)] += P[i * T + j] * dO[d]
        }
        mean += P[i * T + j] * dP[j]
      }
      for (let j = 0; j < T; j++) {
        const dBias = P[i * T + j] * (dP[j] - mean)
        if (distances) distances.slope[distances.at(j - i, h)] += dBias
        const dS = dBias / Math.sqrt(D)
        for (let d = 0; d < D; d++) {
          dqkv[at(i, 0, d)] += dS * qkv[at(j, 1, d)]
          dqkv[at(j, 1, d)] += dS * qkv[at(i, 0, d)]
        }
      }
    }
  })
  return dqkv
}
