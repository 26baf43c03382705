// From a storage format back to plain f32 numbers.

import type { LeafWeight } from '../../kernels/program/weights.ts'
import { spreadEntries } from '../../kernels/sparse-matmul/spread.ts'

export { denseTable } from '../../kernels/program/weights.ts'

/** The matrix [N, K] of a weight, row-major. Dense f32 gives its own array. */
export function denseLeaf(weight: LeafWeight): Float32Array {
  const { N, K } = weight
  if (weight.kind === 'f32') return weight.data
  const data = new Float32Array(N * K)
  switch (weight.kind) {
    case 'int8':
      for (let row = 0; row < N; row++)
        for (let i = row * K; i < (row + 1) * K; i++) data[i] = weight.scales[row] * weight.data[i]
      return data
    case 'csr':
      return spreadEntries(weight, data)
    case 'int8-1x4':
      spreadEntries(weight, data)
      for (let i = 0; i < data.length; i++) data[i] *= weight.scales[Math.floor(i / K)]
      return data
    case 'nm': {
      const P = (K / weight.m) * weight.n
      for (let row = 0; row < N; row++) {
        const list = Math.floor(row / weight.group) * P
        for (let p = 0; p < P; p++) data[row * K + weight.indices[list + p]] = weight.values[row * P + p]
      }
      return data
    }
  }
}
