// What the float64 training step is made of: activations, products, LayerNorm.

/** Row-major f64. */
export type Rows = Float64Array

/** erf by its series below 3, by the continued fraction of erfc beyond: error below 1e-14. */
export function erf(x: number): number {
  const size = Math.abs(x)
  if (size < 3) {
    let term = x
    let sum = x
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = size
  for (let n = 60; n >= 1; n--) fraction = size + n / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / fraction)
}

export const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2))
export const geluSlope = (x: number): number =>
  0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)

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
