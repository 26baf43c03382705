// float64 references of the ops that work on whole rows.

import type { Referenced } from '../dense-matmul/reference.ts'
import { F32_ROUNDOFF } from '../program/contract.ts'

/** y = (s - mean) / sqrt(variance + epsilon) * gamma + beta per row, s = x + residual; variance is the population's */
export function layernormReference(
  x: ArrayLike<number>,
  residual: ArrayLike<number> | null,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
): Referenced {
  const C = gamma.length
  const M = x.length / C
  const values = new Float64Array(x.length)
  const bounds = new Float64Array(x.length)
  for (let m = 0; m < M; m++) {
    let mean = 0
    let largest = 0
    for (let c = 0; c < C; c++) {
      const s = x[m * C + c] + (residual?.[m * C + c] ?? 0)
      values[m * C + c] = s
      mean += s / C
      largest = Math.max(largest, Math.abs(s))
    }
    let variance = 0
    for (let c = 0; c < C; c++) variance += (values[m * C + c] - mean) ** 2 / C
    const deviation = Math.sqrt(variance + epsilon)
    // the mean is off by at most (C + 2) u of the row's magnitude, in practice by lanes: C / 4 + 6
    const meanError = (C / 4 + 6) * F32_ROUNDOFF * largest
    for (let c = 0; c < C; c++) {
      const normal = (values[m * C + c] - mean) / deviation
      values[m * C + c] = normal * gamma[c] + beta[c]
      const normalError =
        (meanError * 2 + 4 * F32_ROUNDOFF * largest) / deviation + Math.abs(normal) * (C / 4 + 12) * F32_ROUNDOFF
      bounds[m * C + c] =
        normalError * Math.abs(gamma[c]) + 4 * F32_ROUNDOFF * (Math.abs(values[m * C + c]) + Math.abs(beta[c]))
    }
  }
  return { values, bounds }
}

/** y[b] = x[offsets[b]]; x [M, C] */
export function firstTokenReference(x: ArrayLike<number>, C: number, offsets: Int32Array): Referenced {
  const B = offsets.length - 1
  const values = Float64Array.from({ length: B * C }, (_, i) => x[offsets[Math.floor(i / C)] * C + (i % C)])
  return { values, bounds: new Float64Array(B * C) }
}

/** y[b] = mean over sequence b, divided by max(its L2 norm, 1e-12) where `normalize` */
export function meanPoolReference(
  x: ArrayLike<number>,
  C: number,
  offsets: Int32Array,
  normalize: boolean,
): Referenced {
  const B = offsets.length - 1
  const values = new Float64Array(B * C)
  const bounds = new Float64Array(B * C)
  for (let b = 0; b < B; b++) {
    const T = offsets[b + 1] - offsets[b]
    let norm = 0
    for (let c = 0; c < C; c++) {
      let magnitude = 0
      for (let t = offsets[b]; t < offsets[b + 1]; t++) {
        values[b * C + c] += x[t * C + c] / T
        magnitude += Math.abs(x[t * C + c]) / T
      }
      bounds[b * C + c] = (T + 4) * F32_ROUNDOFF * magnitude
      norm += values[b * C + c] ** 2
    }
    norm = Math.max(Math.sqrt(norm), 1e-12)
    if (!normalize) continue
    let normError = 0
    for (let c = 0; c < C; c++) normError += (bounds[b * C + c] * Math.abs(values[b * C + c])) / norm
    for (let c = 0; c < C; c++) {
      const y = values[b * C + c] / norm
      bounds[b * C + c] = bounds[b * C + c] / norm + Math.abs(y) * (normError / norm + (C / 4 + 8) * F32_ROUNDOFF)
      values[b * C + c] = y
    }
  }
  return { values, bounds }
}
