// How dense a sparse weight is, and the dense weight that computes the same, for devices on which that one is faster.

import type { CsrWeight, DenseWeight, Int8BlockWeight, Int8Weight, LeafWeight, NmWeight } from '../program/weights.ts'
import { spreadEntries, spreadNm } from './spread.ts'

export type SparseWeight = CsrWeight | Int8BlockWeight | NmWeight

export const isSparse = (weight: Pick<LeafWeight, 'kind'>): weight is SparseWeight =>
  weight.kind === 'csr' || weight.kind === 'int8-1x4' || weight.kind === 'nm'

/** Share of weights, or of 1x4 blocks, that are stored in all of them together. */
export function densityOf(weights: readonly SparseWeight[]): number {
  const entries = weights.reduce(
    (sum, weight) => sum + (weight.kind === 'nm' ? weight.values : weight.columns).length,
    0,
  )
  const places = weights.reduce((sum, { kind, N, K }) => sum + (kind === 'int8-1x4' ? (N * K) / 4 : N * K), 0)
  return entries / places
}

/** The same weight with its zeros: `data` is made whenever it is asked for, and not kept. */
export function denseForm(weight: SparseWeight): DenseWeight | Int8Weight {
  const { N, K } = weight
  if (weight.kind !== 'int8-1x4')
    return {
      kind: 'f32',
      N,
      K,
      get data() {
        return weight.kind === 'nm' ? spreadNm(weight) : spreadEntries(weight, new Float32Array(N * K))
      },
    }
  const { scales, activationScale } = weight
  return {
    kind: 'int8',
    N,
    K,
    scales,
    ...(activationScale === undefined ? {} : { activationScale }),
    get data() {
      return spreadEntries(weight, new Int8Array(N * K))
    },
  }
}
