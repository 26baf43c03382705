// int8 rounding that makes up for itself (GPTQ, Frantar et al. 2022, arXiv 2210.17323): weights of a row are rounded one after
// another, and what one is off by is made good by those that are still to come, as the inputs' correlations allow.
//
// Row w, G = sum of x x^T over the calibration rows, damped; G^-1 = U^T U with U upper triangular. For k from the first input on:
// q = round(w_k / scale), e = (w_k - scale q) / U_kk, w_j -= e U_kj for all j > k. Inputs with the most energy come first.

import type { Int8Weight } from '../../kernels/program/weights.ts'
import { centered } from './bias.ts'
import type { Calibration, InputSums } from './calibration.ts'
import { requireFinite } from './finite.ts'
import { cholesky } from './linear-algebra.ts'

/** Added to G's diagonal, as a share of its mean: inputs that are sums of others would divide by nothing. */
const DAMPING = 0.01

/** What rounding a layer with such inputs needs. */
export interface Compensation {
  /** inputs in the order of their energy */
  order: Int32Array
  /** U [K, K] in that order */
  upper: Float64Array
}

/** By a layer's name; null where nothing is known of its K inputs. */
export type Compensator = (name: string, K: number) => Compensation | null

/**
 * The compensation of each layer of a calibration; layers that share their inputs, one after another, share it.
 * @param isCentred the bias has the mean of the inputs already, so that sums are taken about it
 */
export function compensator(calibration: Calibration, isCentred: boolean): Compensator {
  let last: { sums: InputSums; made: Compensation } | null = null
  return (name, K) => {
    const sums = calibration.get(name)
    if (sums?.K !== K || sums.rows === 0) return null
    if (last?.sums !== sums) last = { sums, made: compensationOf(isCentred ? centered(sums) : sums, name) }
    return last.made
  }
}

/** @throws where the sums are not those of a calibration */
export function compensationOf({ K, gram }: Pick<InputSums, 'K' | 'gram'>, name: string): Compensation {
  let mean = 0
  for (let k = 0; k < K; k++) mean += gram[k * K + k] / K
  const order = Int32Array.from({ length: K }, (_, k) => k).sort((a, b) => gram[b * K + b] - gram[a * K + a] || a - b)
  // from the last to the first: the lower triangle of that order is, turned round, the upper one of G^-1
  const turned = new Float64Array(K * K)
  for (let i = 0; i < K; i++)
    for (let j = 0; j <= i; j++) turned[i * K + j] = gram[order[K - 1 - i] * K + order[K - 1 - j]]
  for (let i = 0; i < K; i++) turned[i * K + i] += DAMPING * mean || 1
  const lower = cholesky(turned, K)
  if (!lower) throw new Error(`q8:gptq: the calibration of ${name} is not that of inputs; calibrate this model`)
  const inverse = inverseOfLower(lower, K)
  const upper = new Float64Array(K * K)
  for (let i = 0; i < K; i++) for (let j = 0; j <= i; j++) upper[(K - 1 - i) * K + (K - 1 - j)] = inverse[i * K + j]
  return { order, upper }
}

/** S^-1 of a lower triangle S [n, n]. */
function inverseOfLower(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    const row = inverse.subarray(i * n, i * n + n)
    row[i] = 1
    for (let c = 0; c < i; c++) {
      const factor = lower[i * n + c]
      if (factor === 0) continue
      for (let j = 0; j <= c; j++) row[j] -= factor * inverse[c * n + j]
    }
    for (let j = 0; j <= i; j++) row[j] /= lower[i * n + i]
  }
  return inverse
}

/**
 * int8 of a row-major f32 matrix [N, K], with the scales that plain rounding has.
 * @param scales f32 [N]; 0 for a row of zeros
 * @throws where a weight is NaN or infinite
 */
export function roundCompensated(
  data: Float32Array,
  N: number,
  K: number,
  scales: Float32Array,
  { order, upper }: Compensation,
  name = 'weight',
): Int8Weight {
  requireFinite(data, K, name)
  const quantized = new Int8Array(N * K)
  const w = new Float64Array(K)
  for (let n = 0; n < N; n++) {
    const scale = scales[n]
    if (scale === 0) continue
    for (let k = 0; k < K; k++) w[k] = data[n * K + order[k]]
    for (let k = 0; k < K; k++) {
      const q = Math.max(-127, Math.min(127, Math.round(w[k] / scale)))
      quantized[n * K + order[k]] = q
      const row = upper.subarray(k * K, k * K + K)
      const error = (w[k] - scale * q) / row[k]
      for (let j = k + 1; j < K; j++) w[j] -= error * row[j]
    }
  }
  return { kind: 'int8', N, K, data: quantized, scales }
}
