// Low rank is composition: the factors' own ops, one after another. This multiplies a chain out in float64, so that a
// chain can be compared with the dense layer it stands for.

import type { ChainWeight, LeafWeight } from '../runtime/weights.ts'

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
