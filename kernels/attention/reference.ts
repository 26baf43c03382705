// float64 reference of self-attention over ragged sequences.

import type { Referenced } from '../dense-matmul/reference.ts'
import { F32_ROUNDOFF } from '../program/contract.ts'
import { positionsOfBias } from '../program/program.ts'

/** Error of a backend's own exp, relative. */
const EXP_ERROR = 4e-7

/** Largest value of V, of Q and K, and of weights as integers: contract.ts `range`. */
const VALUE_MOST = 511
const operandMost = (D: number): number => Math.min(32767, Math.floor(Math.sqrt((2 ** 31 - 1) / D)))
const weightMost = (T: number): number => 2 ** Math.floor(Math.log2(Math.min(32767, (2 ** 31 - 1) / (VALUE_MOST * T))))

/**
 * per sequence and head: softmax(Q K^T / sqrt(D) + bias) V; q, k, v are [M, H * D]
 *
 * @param distanceBias [H, 2 P - 1] or none, as the op has it
 * @param mayRound the bounds allow for operands and weights that are rounded to integers
 */
export function attentionReference(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  offsets: Int32Array,
  heads: number,
  headSize: number,
  distanceBias: Float32Array | null,
  mayRound = false,
): Referenced {
  const width = heads * headSize
  const positions = distanceBias ? positionsOfBias(distanceBias, heads) : 0
  const values = new Float64Array(q.length)
  const bounds = new Float64Array(q.length)
  for (let b = 0; b + 1 < offsets.length; b++)
    for (let h = 0; h < heads; h++) {
      const T = offsets[b + 1] - offsets[b]
      const largest = (x: ArrayLike<number>): number => {
        let most = 0
        for (let i = offsets[b]; i < offsets[b + 1]; i++)
          for (let d = h * headSize; d < (h + 1) * headSize; d++) most = Math.max(most, Math.abs(x[i * width + d]))
        return most
      }
      // half of a step of each: what rounding moves an element by
      const qStep = mayRound ? largest(q) / operandMost(headSize) / 2 : 0
      const kStep = mayRound ? largest(k) / operandMost(headSize) / 2 : 0
      const vStep = mayRound ? largest(v) / VALUE_MOST / 2 : 0
      const weightStep = mayRound ? 0.5 / weightMost(T) : 0
      for (let i = offsets[b]; i < offsets[b + 1]; i++) {
        const scores = new Float64Array(T)
        let scoreError = 0
        for (let j = 0; j < T; j++) {
          const distance = j - (i - offsets[b])
          const bias = distanceBias ? distanceBias[h * (2 * positions - 1) + distance + positions - 1] : 0
          scores[j] = bias
          let magnitude = Math.abs(bias)
          let rounding = 0
          for (let d = 0; d < headSize; d++) {
            const [qd, kd] = [q[i * width + h * headSize + d], k[(offsets[b] + j) * width + h * headSize + d]]
            const product = qd * kd
            rounding += (Math.abs(qd) * kStep + Math.abs(kd) * qStep + qStep * kStep) / Math.sqrt(headSize)
            scores[j] += product / Math.sqrt(headSize)
            magnitude += Math.abs(product) / Math.sqrt(headSize)
          }
          scoreError = Math.max(scoreError, (headSize + 6) * F32_ROUNDOFF * magnitude + rounding)
        }
        const most = scores.reduce((a, s) => Math.max(a, s), -Infinity)
        let total = 0
        for (let j = 0; j < T; j++) total += scores[j] = Math.exp(scores[j] - most)
        for (let d = 0; d < headSize; d++) {
          let magnitude = 0
          let sum = 0
          let sizes = 0
          for (let j = 0; j < T; j++) {
            const value = v[(offsets[b] + j) * width + h * headSize + d]
            sum += (scores[j] / total) * value
            magnitude += Math.abs((scores[j] / total) * value)
            sizes += Math.abs(value)
          }
          values[i * width + h * headSize + d] = sum
          // exp turns an absolute score error into a relative one, in the numerator and in the sum
          const relative = Math.expm1(2 * scoreError) + 2 * EXP_ERROR + (2 * T + 8) * F32_ROUNDOFF
          // weights are rounded where the largest, of 1 / total, is weightMost: by a share of it each
          const ofWeights = (weightStep / total) * (1 + relative)
          bounds[i * width + h * headSize + d] =
            magnitude * relative + ofWeights * (sizes + T * vStep) + vStep * (1 + relative)
        }
      }
    }
  return { values, bounds }
}
