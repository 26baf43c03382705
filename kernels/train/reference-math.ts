// What the float64 training step is made of: slopes of activations, products, LayerNorm.

import { erf } from '../program/activations.ts'
import type { TrainActivation } from './activations.ts'

/** Row-major f64. */
export type Rows = Float64Array

/** Derivative of an activation. */
export function activationSlope(x: number, activation: TrainActivation): number {
  switch (activation) {
    case 'gelu':
      return 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
    case 'gelu_tanh': {
      const root = Math.sqrt(2 / Math.PI)
      const t = Math.tanh(root * (x + 0.044715 * x ** 3))
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x)
    }
    case 'silu': {
      const s = 1 / (1 + Math.exp(-x))
      return s * (1 + x * (1 - s))
    }
    case 'relu':
      return x > 0 ? 1 : 0
    case 'tanh':
      return 1 - Math.tanh(x) ** 2
  }
}

/** y [M,N] = x [M,K] W[N,K]^T */
export function product(x: Rows, M: number, K: number, W: Float64Array, N: number): Rows {
  const y = new Float64Array(M * N)
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = 0
      for (let k = 0; k < K; k++) sum += x[m * K + k] * W[n * K + k]
      y[m * N + n] = sum
    }
  return y
}

/** Columns of equally wide parts side by side, and back; M rows. */
export function join(parts: Rows[], M: number): Rows {
  const width = parts[0].length / M
  const whole = new Float64Array(M * width * parts.length)
  parts.forEach((part, p) => {
    for (let m = 0; m < M; m++) whole.set(part.subarray(m * width, m * width + width), (m * parts.length + p) * width)
  })
  return whole
}

export function split(whole: Rows, parts: number, M: number): Rows[] {
  const width = whole.length / M / parts
  return Array.from({ length: parts }, (_, p) =>
    Float64Array.from(
      { length: M * width },
      (_, i) => whole[(Math.floor(i / width) * parts + p) * width + (i % width)],
    ),
  )
}

/** One after the other. */
export function concatenate(parts: Rows[]): Rows {
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export interface Normed {
  normal: Rows
  rstd: Float64Array
  y: Rows
}

export function layernorm(z: Rows, C: number, gamma: Float64Array, beta: Float64Array, epsilon: number): Normed {
  const M = z.length / C
  const normal = new Float64Array(M * C)
  const rstd = new Float64Array(M)
  const y = new Float64Array(M * C)
  for (let m = 0; m < M; m++) {
    let mean = 0
    for (let c = 0; c < C; c++) mean += z[m * C + c] / C
    let variance = 0
    for (let c = 0; c < C; c++) variance += (z[m * C + c] - mean) ** 2 / C
    rstd[m] = 1 / Math.sqrt(variance + epsilon)
    for (let c = 0; c < C; c++) {
      normal[m * C + c] = (z[m * C + c] - mean) * rstd[m]
      y[m * C + c] = normal[m * C + c] * gamma[c] + beta[c]
    }
  }
  return { normal, rstd, y }
}
