// float64 reference of self-attention over ragged sequences.

import type { Referenced } from '../dense-matmul/reference.ts'
import { F32_ROUNDOFF } from '../runtime/contract.ts'

/** Error of a backend's own exp, relative. */
const EXP_ERROR = 4e-7

/** per sequence and head: softmax(Q K^T / sqrt(D)) V; q, k, v are [M, H * D] */
export function attentionReference(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  offsets: Int32Array,
  heads: number,
  headSize: number,
): Referenced {
  const width = heads * headSize
  const values = new Float64Array(q.length)
  const bounds = new Float64Array(q.length)
  for (let b = 0; b + 1 < offsets.length; b++)
    for (let h = 0; h < heads; h++)
      for (let i = offsets[b]; i < offsets[b + 1]; i++) {
        const T = offsets[b + 1] - offsets[b]
        const scores = new Float64Array(T)
        let scoreError = 0
        for (let j = 0; j < T; j++) {
          let magnitude = 0
          for (let d = 0; d < headSize; d++) {
            const product = q[i * width + h * headSize + d] * k[(offsets[b] + j) * width + h * headSize + d]
            scores[j] += product / Math.sqrt(headSize)
            magnitude += Math.abs(product) / Math.sqrt(headSize)
          }
          scoreError = Math.max(scoreError, (headSize + 6) * F32_ROUNDOFF * magnitude)
        }
        const largest = scores.reduce((a, s) => Math.max(a, s), -Infinity)
        let total = 0
        for (let j = 0; j < T; j++) total += scores[j] = Math.exp(scores[j] - largest)
        for (let d = 0; d < headSize; d++) {
          let magnitude = 0
          let sum = 0
          for (let j = 0; j < T; j++) {
            const product = (scores[j] / total) * v[(offsets[b] + j) * width + h * headSize + d]
            sum += product
            magnitude += Math.abs(product)
          }
          values[i * width + h * headSize + d] = sum
          // exp turns an absolute score error into a relative one, in the numerator and in the sum
          bounds[i * width + h * headSize + d] =
            magnitude * (4 * scoreError + 2 * EXP_ERROR + (2 * T + 8) * F32_ROUNDOFF)
        }
      }
  return { values, bounds }
}
