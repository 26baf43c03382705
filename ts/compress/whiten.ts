// Factors that are best for the inputs a layer really sees. With G = sum x x^T over the calibration rows, the squared
// output error of W' in place of W is tr((W - W') G (W - W')^T) = ||(W - W') S||^2 for any S S^T = G; so the SVD of W S
// gives the best W' of every rank, and the error at rank R is the tail of its squared singular values: a whole
// sensitivity curve from one decomposition.
//
// The best W' keeps the leading left singular vectors: W' = U_R U_R^T W. Where N <= K they are eigenvectors of W G W^T,
// and neither S nor its inverse is needed; where N > K, those of S^T W^T W S are the smaller problem.
//
// G gets a ridge of 1e-6 of its mean diagonal: few calibration rows leave directions that no input took, and among those
// the larger weights should come first. The errors below are of G without it.

import type { ChainWeight } from '../../kernels/program/weights.ts'
import type { InputSums } from './calibration.ts'
import {
  cholesky,
  gram,
  multiply,
  solveLower,
  sumOfSquares,
  symmetricEigen,
  transpose,
  view,
} from './linear-algebra.ts'

const RIDGE = 1e-6

/** W = sum over i < n of left_i right_i^T, n = min(N, K), the terms in falling order of what they do to the outputs. */
export interface Spectrum {
  N: number
  K: number
  /** [n, N] */
  left: Float64Array
  /** [n, K] */
  right: Float64Array
  /** singular values of W S per root of a row: the root mean square of the output along each term; of W without sums */
  values: Float64Array
  /** tail[r]: squared output error over the calibration rows of the first r terms, r = 0 to n; of the weights without sums */
  tail: Float64Array
}

export interface WhitenedSvd {
  /** two f32 factors [R, K] and [N, R] */
  chain: ChainWeight
  /** squared output error over the calibration rows: tail[R] */
  loss: number
  /** the same at every rank, 0 to min(N, K) */
  tail: Float64Array
}

/**
 * A lower triangle S with S S^T = matrix + added I, and what had to be added: nothing where the matrix is positive
 * definite. Sums that were made in f32 can miss that by their rounding, about 1e-7 of the largest eigenvalue.
 */
export function positiveCholesky(matrix: Float64Array, n: number): { S: Float64Array; added: number } {
  let trace = 0
  for (let i = 0; i < n; i++) trace += matrix[i * n + i]
  let added = 0
  for (;;) {
    const lifted = matrix.slice()
    for (let i = 0; i < n; i++) lifted[i * n + i] += added
    const S = cholesky(lifted, n)
    if (S) return { S, added }
    added = added === 0 ? (RIDGE * trace) / n : 10 * added
    if (!(added <= trace / n))
      throw new Error('whitening: the calibration sums are no sums of squares; calibrate the model again')
  }
}

/** G + ridge [K, K] and the ridge; a layer whose inputs are all 0 gets the unit matrix. */
export function ridged({ gram: sums, K }: InputSums): { metric: Float64Array; ridge: number } {
  let trace = 0
  for (let k = 0; k < K; k++) trace += sums[k * K + k]
  if (!Number.isFinite(trace))
    throw new Error(`calibration: the inputs' squares add up to ${trace}, expected a finite sum; calibrate again`)
  const ridge = trace > 0 ? (RIDGE * trace) / K : 1
  const metric = sums.slice()
  for (let k = 0; k < K; k++) metric[k * K + k] += ridge
  return { metric, ridge }
}

/**
 * The whole decomposition of a row-major matrix [N, K], in f64.
 *
 * @param sums what enters the layer; null for the plain SVD of W
 * @throws where the sums are of another width
 */
export function spectrum(data: Float32Array, N: number, K: number, sums: InputSums | null): Spectrum {
  if (sums && sums.K !== K)
    throw new Error(
      `whitening: the calibration has ${sums.K} inputs, the matrix [${N}, ${K}] has ${K}; calibrate this model`,
    )
  const { metric, ridge: base } = sums ? ridged(sums) : { metric: null, ridge: 0 }
  let ridge = base
  const W = view(data, N, K)
  const n = Math.min(N, K)
  let left: Float64Array
  let right: Float64Array
  let squares: Float64Array
  if (N <= K) {
    const product = metric ? multiply(view(multiply(W, view(metric, K, K)), N, K), transpose(W)) : gram(W)
    const eigen = symmetricEigen(product, N)
    squares = eigen.values
    left = eigen.vectors
    right = multiply(view(left, N, N), W)
  } else {
    const { S, added } = metric ? positiveCholesky(metric, K) : { S: null, added: 0 }
    ridge += added
    const whitened = S ? view(multiply(W, view(S, K, K)), N, K) : W
    const eigen = symmetricEigen(gram(transpose(whitened)), K)
    squares = eigen.values
    left = multiply(view(eigen.vectors, K, K), transpose(whitened))
    right = eigen.vectors
    if (S) solveLower(right, K, S, K)
  }
  const values = new Float64Array(n)
  const tail = new Float64Array(n + 1)
  for (let i = n - 1; i >= 0; i--) {
    const square = Math.max(0, squares[i])
    values[i] = Math.sqrt(square / (sums ? Math.max(1, sums.rows) : 1))
    const weight = sumOfSquares(left.subarray(i * N, (i + 1) * N)) * sumOfSquares(right.subarray(i * K, (i + 1) * K))
    tail[i] = tail[i + 1] + Math.max(0, square - ridge * weight)
  }
  return { N, K, left, right, values, tail }
}

/**
 * The first R terms as a chain y = (x F0^T) F1^T. Both sides of a term carry the square root of its value: what flows
 * between the factors and the columns it meets fall alike, which int8 wants afterwards.
 */
export function chainOfSpectrum({ N, K, left, right, values }: Spectrum, R: number): ChainWeight {
  if (!(R >= 1 && R <= values.length))
    throw new Error(`svd: rank ${R} of a matrix [${N}, ${K}], expected 1 to ${values.length}`)
  const first = new Float32Array(R * K)
  const second = new Float32Array(N * R)
  for (let r = 0; r < R; r++) {
    const norm = Math.sqrt(sumOfSquares(left.subarray(r * N, (r + 1) * N)))
    // a term of no weight at all stays 0
    if (values[r] === 0 || norm === 0) continue
    const scale = Math.sqrt(values[r]) / norm
    for (let k = 0; k < K; k++) first[r * K + k] = right[r * K + k] / scale
    for (let n = 0; n < N; n++) second[n * R + r] = left[r * N + n] * scale
  }
  return {
    kind: 'chain',
    N,
    K,
    factors: [
      { kind: 'f32', N: R, K, data: first },
      { kind: 'f32', N, K: R, data: second },
    ],
  }
}

/**
 * The matrix of rank R that changes the layer's outputs over the calibration rows the least.
 *
 * @param data f32 [N, K]
 * @param R 1 to min(N, K)
 * @param sums what entered the layer
 */
export function whitenedSvd(data: Float32Array, N: number, K: number, R: number, sums: InputSums): WhitenedSvd {
  const found = spectrum(data, N, K, sums)
  return { chain: chainOfSpectrum(found, R), loss: found.tail[R], tail: found.tail }
}

/** tr((W - W') G (W - W')^T): the squared output error of `other` in place of `data`, both [N, K], over the rows of G. */
export function outputError(data: Float32Array, other: Float32Array, N: number, sums: InputSums): number {
  const { K } = sums
  const difference = view(
    Float64Array.from(data, (w, i) => w - other[i]),
    N,
    K,
  )
  const image = multiply(difference, view(sums.gram, K, K))
  let error = 0
  for (let i = 0; i < N * K; i++) error += difference.data[i] * image[i]
  // sums made in f32 may miss a sum of squares by their rounding
  return Math.max(0, error)
}
