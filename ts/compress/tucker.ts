// Steps `tucker:<R>` and `wtucker:<R>`: Tucker-2 of stacked layers. The L matrices of one role and shape are a tensor T [L, N, K]; all of
// them share the bases U [N, r1] and V [K, r2], and each keeps a core G_l [r1, r2]: W_l ~ U G_l V^T.
//
// The sharing is what makes it small: (N + K) r + L r^2 weights for L N K. On a single matrix Tucker never beats SVD.
// Contract with the file writer: layers of a group hold the *same* Float32Array object in their first and last factors,
// and an array that occurs several times is stored once.
//
// Matrices are scaled to unit Frobenius norm before stacking, so that no layer outweighs the others; the norm goes back
// into the core. ST-HOSVD gives the start, HOOI improves it until the relative error falls by less than the tolerance.

import { createRandom } from '../../kernels/program/random.ts'
import { contractChain } from '../../kernels/low-rank-linear/contract-chain.ts'
import type { ChainWeight, DenseWeight } from '../../kernels/program/weights.ts'
import { mixtureOf } from '../model/weights.ts'
import { breathe } from './dense.ts'
import {
  gram,
  iterateSubspace,
  leadingEigenvectors,
  multiply,
  OVERSAMPLING,
  POWER_STEPS,
  randomStart,
  sumOfSquares,
  transpose,
  view,
} from './linear-algebra.ts'
import type { View } from './linear-algebra.ts'

const TOLERANCE = 1e-4
const MAX_ITERATIONS = 20

/**
 * Multiply-adds that HOOI may spend on one group: about 6 s of plain JavaScript. Models up to 256 wide reach the
 * tolerance or MAX_ITERATIONS first; at BERT-base's size it allows 2 iterations on [768, 768] and 1 on [3072, 768], so
 * that twelve layers take minutes, not an hour. The first iterations bring most of the gain.
 */
const ITERATION_BUDGET = 1e10

/** HOOI iterations for L matrices [N, K] at these ranks: MAX_ITERATIONS, or what ITERATION_BUDGET allows, at least 1. */
export function hooiIterations(L: number, [N, K]: [number, number], [r1, r2]: [number, number]): number {
  const work = L * N * K * (r1 + r2) + 2 * L * r1 * r2 * (N + K)
  return Math.max(1, Math.min(MAX_ITERATIONS, Math.floor(ITERATION_BUDGET / work)))
}

export interface Tucker2 {
  /** U^T [r1, N], orthonormal rows */
  left: Float64Array
  /** V^T [r2, K], orthonormal rows */
  right: Float64Array
  /** G_l [r1, r2] of each matrix, its norm included */
  cores: Float64Array[]
  /** ||T - T'|| / ||T|| of the normalised stack: after ST-HOSVD, then after each HOOI iteration; never rises */
  errors: number[]
}

export interface Tucker2Options {
  seed: number
  /** least fall of the relative error that is worth another iteration; 1e-4 */
  tolerance?: number
  /** most HOOI iterations; hooiIterations() unless given */
  maxIterations?: number
}

/** Tucker-2 of equally shaped row-major matrices [N, K]. */
export async function tucker2(
  matrices: readonly (Float32Array | Float64Array)[],
  [N, K]: [number, number],
  [r1, r2]: [number, number],
  options: Tucker2Options,
): Promise<Tucker2> {
  if (!(r1 >= 1 && r1 <= N && r2 >= 1 && r2 <= K))
    throw new Error(`tucker: ranks [${r1}, ${r2}] for matrices [${N}, ${K}]`)
  const { seed, tolerance = TOLERANCE, maxIterations = hooiIterations(matrices.length, [N, K], [r1, r2]) } = options
  const normal = createRandom(seed).normal
  const norms = matrices.map((data) => Math.sqrt(sumOfSquares(data)))
  const stack = matrices.map((data, l) => view(norms[l] > 0 ? data.map((w) => w / norms[l]) : data, N, K))
  const total = norms.filter((norm) => norm > 0).length

  // The stack seen from one mode with the other mode cut down by its basis: pieces whose rows live in that mode.
  const seenFromN = (right: Float64Array): View[] =>
    stack.map((w) => view(multiply(view(right, r2, K), transpose(w)), r2, N))
  const seenFromK = (left: Float64Array): View[] => stack.map((w) => view(multiply(view(left, r1, N), w), r1, K))

  // ST-HOSVD, smaller mode first: it makes the other one cheap.
  let left: Float64Array
  let right: Float64Array
  if (K <= N) {
    right = leadingRows(stack, K, r2, null, normal)
    left = leadingRows(seenFromN(right), N, r1, null, normal)
  } else {
    left = leadingRows(stack.map(transpose), N, r1, null, normal)
    right = leadingRows(seenFromK(left), K, r2, null, normal)
  }
  let pieces = seenFromK(left)
  let cores = coresOf(pieces, right, r1, r2, K)
  const errors = [relativeError(cores, total)]
  for (let iteration = 0; iteration < maxIterations && errors.at(-1)! > 0; iteration++) {
    await breathe()
    right = leadingRows(pieces, K, r2, right, normal)
    left = leadingRows(seenFromN(right), N, r1, left, normal)
    pieces = seenFromK(left)
    cores = coresOf(pieces, right, r1, r2, K)
    errors.push(relativeError(cores, total))
    if (errors.at(-2)! - errors.at(-1)! < tolerance) break
  }
  return { left, right, cores: cores.map((core, l) => core.map((g) => g * norms[l])), errors }
}

/** G_l = (U^T W_l) V from the pieces U^T W_l [r1, K]. */
function coresOf(pieces: readonly View[], right: Float64Array, r1: number, r2: number, K: number): Float64Array[] {
  return pieces.map((piece) => multiply(piece, transpose(view(right, r2, K)), new Float64Array(r1 * r2)))
}

/** Orthonormal bases keep norms, so the error follows from the cores without rebuilding anything. */
function relativeError(cores: readonly Float64Array[], total: number): number {
  if (total === 0) return 0
  return Math.sqrt(Math.max(0, 1 - cores.reduce((sum, core) => sum + sumOfSquares(core), 0) / total))
}

/**
 * R orthonormal rows that hold the most of the pieces' rows (each piece [s, n]): leading eigenvectors of
 * G = sum piece^T piece. From `start` (a basis of R rows) one step of subspace iteration, which never holds less than
 * `start` did; without one, from a random start. G is formed where that is cheaper than applying it.
 */
function leadingRows(
  pieces: readonly View[],
  n: number,
  R: number,
  start: Float64Array | null,
  normal: () => number,
): Float64Array {
  const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0)
  const width = start ? R : Math.min(n, R + OVERSAMPLING)
  const applications = start ? 1 : POWER_STEPS + 1
  const formed = (n * n * rows) / 2 + applications * n * n * width
  const applied = applications * 2 * n * rows * width
  if (formed <= applied) {
    const matrix = new Float64Array(n * n)
    for (const piece of pieces) gram(transpose(piece), matrix)
    return leadingEigenvectors(matrix, n, R, normal)
  }
  const apply = (x: Float64Array, count: number): Float64Array => {
    const image = new Float64Array(count * n)
    for (const piece of pieces) {
      const inner = multiply(view(x, count, n), transpose(piece))
      multiply(view(inner, count, piece.rows), piece, image)
    }
    return image
  }
  return iterateSubspace(
    apply,
    n,
    R,
    start ? start.slice() : randomStart(n, R, normal),
    start ? 1 : POWER_STEPS,
    normal,
  )
}

/**
 * Chains of a decomposition, three factors V^T, G_l, U with the outer ones shared. Where a core can be multiplied into
 * an outer factor so that the layer runs faster and the group is stored no larger (few layers), it is.
 */
export function chainsFromTucker(tucker: Tucker2, N: number, K: number): ChainWeight[] {
  const { left, right, cores } = tucker
  const [r1, r2, L] = [left.length / N, right.length / K, cores.length]
  const first: DenseWeight = { kind: 'f32', N: r2, K, data: Float32Array.from(right) }
  const last: DenseWeight = { kind: 'f32', N, K: r1, data: new Float32Array(N * r1) }
  for (let n = 0; n < N; n++) for (let r = 0; r < r1; r++) last.data[n * r1 + r] = left[r * N + n]
  const chains = cores.map((core): ChainWeight => {
    const middle: DenseWeight = { kind: 'f32', N: r1, K: r2, data: Float32Array.from(core) }
    return { kind: 'chain', N, K, factors: [first, middle, last] }
  })
  const shared = K * r2 + L * r1 * r2 + N * r1
  const contracted = Math.min(L * K * r1 + N * r1, K * r2 + L * N * r2)
  return contracted <= shared ? chains.map(contractChain) : chains
}

/** Elements of the chains' factors as files store them: shared arrays once, mixtures by what they are mixed from. */
export function storedElements(chains: readonly ChainWeight[]): number {
  const arrays = new Set<{ length: number }>()
  for (const { factors } of chains)
    for (const factor of factors) {
      const mixture = factor.kind === 'f32' && mixtureOf(factor.data)
      if (mixture) arrays.add(mixture.basis).add(mixture.weights)
      else arrays.add(factor.kind === 'f32' || factor.kind === 'int8' ? factor.data : factor.values)
    }
  return [...arrays].reduce((sum, { length }) => sum + length, 0)
}
