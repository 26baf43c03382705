// Low rank is composition: the factors' own ops, one after another, with the bound that dense f32 factors keep together.
// And a chain multiplied out in float64, so that it can be compared with the dense layer that it replaces.

import { finish, type Epilogue, type Referenced } from '../dense-matmul/reference.ts'
import { sumBound } from '../program/contract.ts'
import type { ChainWeight, DenseWeight, LeafWeight } from '../program/weights.ts'

/** Any one-kernel weight as a dense float64 matrix [N, K]. */
export function toDense(weight: LeafWeight): Float64Array {
  const { N, K } = weight
  const dense = new Float64Array(N * K)
  for (let n = 0; n < N; n++)
    switch (weight.kind) {
      case 'f32':
        for (let k = 0; k < K; k++) dense[n * K + k] = weight.data[n * K + k]
        break
      case 'int8':
        for (let k = 0; k < K; k++) dense[n * K + k] = weight.data[n * K + k] * weight.scales[n]
        break
      case 'csr':
        for (let z = weight.rowOffsets[n]; z < weight.rowOffsets[n + 1]; z++)
          dense[n * K + weight.columns[z]] = weight.values[z]
        break
      case 'int8-1x4':
        for (let z = weight.rowOffsets[n]; z < weight.rowOffsets[n + 1]; z++)
          for (let i = 0; i < 4; i++)
            dense[n * K + weight.columns[z] * 4 + i] = weight.values[z * 4 + i] * weight.scales[n]
        break
      case 'nm': {
        const P = (K / weight.m) * weight.n
        const first = Math.floor(n / weight.group) * P
        for (let p = 0; p < P; p++) dense[n * K + weight.indices[first + p]] = weight.values[n * P + p]
      }
    }
  return dense
}

/** The product of a chain's factors, [N, K]. */
export function multiplyOut(chain: ChainWeight): Float64Array {
  let product = toDense(chain.factors[0])
  for (let i = 1; i < chain.factors.length; i++) {
    const { N, K } = chain.factors[i]
    const factor = toDense(chain.factors[i])
    const next = new Float64Array(N * chain.K)
    for (let n = 0; n < N; n++)
      for (let r = 0; r < K; r++)
        for (let k = 0; k < chain.K; k++) next[n * chain.K + k] += factor[n * K + r] * product[r * chain.K + k]
    product = next
  }
  return product
}

/** activation((x F0^T) F1^T + bias) + residual of x [M, K]: what is off in the ranks goes through |F1| into the outputs. */
export function lowRankReference(
  x: ArrayLike<number>,
  [first, last]: [DenseWeight, DenseWeight],
  epilogue: Epilogue,
): Referenced {
  const M = x.length / first.K
  const [R, N] = [last.K, last.N]
  const values = new Float64Array(M * N)
  const bounds = new Float64Array(M * N)
  for (let m = 0; m < M; m++) {
    const ranks = Array.from({ length: R }, (_, r) => {
      let sum = 0
      let magnitude = 0
      for (let k = 0; k < first.K; k++) {
        const product = x[m * first.K + k] * first.data[r * first.K + k]
        sum += product
        magnitude += Math.abs(product)
      }
      return { sum, error: sumBound(first.K, magnitude) }
    })
    for (let n = 0; n < N; n++) {
      let sum = 0
      let error = 0
      let magnitude = 0
      ranks.forEach((rank, r) => {
        const w = last.data[n * R + r]
        sum += rank.sum * w
        error += rank.error * Math.abs(w)
        magnitude += (Math.abs(rank.sum) + rank.error) * Math.abs(w)
      })
      finish(values, bounds, m * N + n, n, sum, error + sumBound(R, magnitude), epilogue)
    }
  }
  return { values, bounds }
}
