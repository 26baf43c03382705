// Step `tucker3:<R>`: Tucker-3 of stacked layers. On top of Tucker-2, W_l ~ U G_l V^T, the cores of L layers are mixed
// from P common ones: G_l = sum_p C[l, p] P_p. Files hold the common cores once, (N + K) r + P r^2 + L P weights; in memory
// every layer has its own core G_l, so that it runs as a Tucker-2 layer does.
//
// Given U and V, the best mixing is the leading P left singular vectors of the cores as rows [L, r1 r2].

import type { ChainWeight, DenseWeight } from '../../kernels/program/weights.ts'
import { mix } from '../model/weights.ts'
import { gram, multiply, sumOfSquares, symmetricEigen, view } from './linear-algebra.ts'
import type { Tucker2 } from './tucker.ts'

export interface Tucker3 extends Tucker2 {
  /** P_p [P, r1 r2] */
  basis: Float64Array
  /** C [L, P], the norms of the layers included */
  mixing: Float64Array
}

/**
 * Mixes the cores of a Tucker-2 from P common ones.
 *
 * @param norms Frobenius norms of the L layers: each counts by what it loses of its own
 * @param P 1 to L; L reproduces the cores
 * @returns the decomposition with its new cores; `errors` gets the error that mixing leaves
 */
export function mixCores(tucker: Tucker2, norms: readonly number[], P: number): Tucker3 {
  const L = tucker.cores.length
  if (!(P >= 1 && P <= L)) throw new Error(`tucker3: ${P} common cores for ${L} layers, expected 1 to ${L}`)
  const n = tucker.cores[0].length
  const rows = new Float64Array(L * n)
  tucker.cores.forEach((core, l) => {
    for (let i = 0; i < n; i++) rows[l * n + i] = norms[l] > 0 ? core[i] / norms[l] : 0
  })
  const { vectors } = symmetricEigen(gram(view(rows, L, n)), L)
  const basis = multiply(view(vectors.subarray(0, P * L), P, L), view(rows, L, n))
  const mixing = Float64Array.from({ length: L * P }, (_, i) => {
    const l = Math.floor(i / P)
    return vectors[(i % P) * L + l] * norms[l]
  })
  const mixed = multiply(view(mixing, L, P), view(basis, P, n))
  const total = norms.filter((norm) => norm > 0).length
  const error = total === 0 ? 0 : Math.sqrt(Math.max(0, 1 - sumOfSquares(basis) / total))
  return {
    ...tucker,
    cores: tucker.cores.map((_, l) => mixed.slice(l * n, (l + 1) * n)),
    errors: [...tucker.errors, error],
    basis,
    mixing,
  }
}

/** Chains V^T, G_l, U with the outer factors shared, whose cores files store as mixtures of the common ones. */
export function chainsFromTucker3(tucker: Tucker3, N: number, K: number): ChainWeight[] {
  const { left, right, cores, mixing } = tucker
  const [r1, r2, L] = [left.length / N, right.length / K, cores.length]
  const P = mixing.length / L
  const first: DenseWeight = { kind: 'f32', N: r2, K, data: Float32Array.from(right) }
  const last: DenseWeight = { kind: 'f32', N, K: r1, data: new Float32Array(N * r1) }
  for (let n = 0; n < N; n++) for (let r = 0; r < r1; r++) last.data[n * r1 + r] = left[r * N + n]
  const basis = Float32Array.from(tucker.basis)
  return cores.map((_, l) => {
    const data = mix({ basis, weights: Float32Array.from(mixing.subarray(l * P, (l + 1) * P)) })
    return { kind: 'chain', N, K, factors: [first, { kind: 'f32', N: r1, K: r2, data }, last] }
  })
}
