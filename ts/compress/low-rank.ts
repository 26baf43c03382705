// Step `svd:<R>`: every encoder linear W [N, K] becomes a chain of two factors, the best approximation of its rank:
// y = (x F0^T) F1^T with F0 = sqrt(S) V^T [R, K] and F1 = U sqrt(S) [N, R]. The square root in both balances their
// ranges, which int8 wants afterwards.

import { Matrix, SVD } from 'ml-matrix'
import type { ChainWeight, LinearWeight } from '../../kernels/runtime/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import { breathe, encoderLinears, formatCount, requireDense, requireFinite, withEncoderWeights } from './dense.ts'
import type { StepResult } from './dense.ts'
import { gram, leadingEigenvectors, multiply, normalNumbers, sumOfSquares, transpose, view } from './linear-algebra.ts'

/** Ranks of matrices whose smaller side is at least this are multiples of RANK_STEP, for the kernels' tiles. */
const ROUNDED_FROM = 64
const RANK_STEP = 8

/** The rank at which two factors hold as many weights as the matrix itself. */
export function breakEvenRank(N: number, K: number): number {
  return Math.floor((N * K) / (N + K))
}

/** R as a share of the full rank min(N, K) where R <= 1, else as a rank; rounded, at least 1, at most `limit`. */
export function roundRank(N: number, K: number, R: number, limit: number): number {
  const full = Math.min(N, K)
  const wanted = R <= 1 ? R * full : R
  if (full < ROUNDED_FROM || limit < RANK_STEP) return Math.max(1, Math.min(limit, Math.round(wanted)))
  const steps = Math.max(1, Math.round(wanted / RANK_STEP))
  return Math.min(steps, Math.floor(limit / RANK_STEP)) * RANK_STEP
}

/** The rank that `svd:<R>` gives a matrix [N, K]: never above break-even, so that no layer grows. */
export function svdRank(N: number, K: number, R: number): number {
  return roundRank(N, K, R, Math.max(1, breakEvenRank(N, K)))
}

/** W ~ U diag(S) V^T cut to R terms; `left` holds U^T [R, N] and `right` V^T [R, K], one singular vector per row. */
export interface TruncatedSvd {
  left: Float64Array
  values: Float64Array
  right: Float64Array
  /** ||W - W_R|| / ||W|| in the Frobenius norm; 0 for a matrix of zeros */
  error: number
}

/** Up to this smaller side a full SVD is exact and quick. */
const FULL_SVD_SIZE = 96

/**
 * Truncated SVD of a row-major matrix [N, K]. Small matrices go through a full SVD; large ones through the Gram matrix
 * of their smaller side and its leading eigenvectors (seeded subspace iteration), after which W is projected once: the
 * result is the best approximation within the subspace that was found.
 */
export function truncatedSvd(data: Float32Array, N: number, K: number, R: number, seed: number): TruncatedSvd {
  if (!(R >= 1 && R <= Math.min(N, K)))
    throw new Error(`svd: rank ${R} of a matrix [${N}, ${K}], expected 1 to ${Math.min(N, K)}`)
  const total = sumOfSquares(data)
  const { left, values, right } =
    Math.min(N, K) <= FULL_SVD_SIZE ? fullSvd(data, N, K, R) : subspaceSvd(data, N, K, R, seed)
  return { left, values, right, error: total === 0 ? 0 : Math.sqrt(Math.max(0, 1 - sumOfSquares(values) / total)) }
}

type Triple = Omit<TruncatedSvd, 'error'>

function fullSvd(data: Float32Array, N: number, K: number, R: number): Triple {
  const svd = new SVD(Matrix.from1DArray(N, K, data), { autoTranspose: true })
  const [U, V] = [svd.leftSingularVectors, svd.rightSingularVectors]
  return {
    left: Float64Array.from({ length: R * N }, (_, i) => U.get(i % N, Math.floor(i / N))),
    values: Float64Array.from({ length: R }, (_, r) => svd.diagonal[r]),
    right: Float64Array.from({ length: R * K }, (_, i) => V.get(i % K, Math.floor(i / K))),
  }
}

function subspaceSvd(data: Float32Array, N: number, K: number, R: number, seed: number): Triple {
  const wide = N <= K
  const a = wide ? view(data, N, K) : transpose(view(data, N, K))
  const basis = leadingEigenvectors(gram(a), a.rows, R, normalNumbers(seed))
  const projected = multiply(view(basis, R, a.rows), a)
  const width = a.columns
  const values = new Float64Array(R)
  for (let r = 0; r < R; r++) {
    const row = projected.subarray(r * width, (r + 1) * width)
    values[r] = Math.sqrt(sumOfSquares(row))
    if (values[r] > 0) for (let i = 0; i < width; i++) row[i] /= values[r]
  }
  return wide ? { left: basis, values, right: projected } : { left: projected, values, right: basis }
}

/** The balanced two-factor chain of a truncated SVD. */
export function chainFromSvd(svd: TruncatedSvd, N: number, K: number): ChainWeight {
  const R = svd.values.length
  const first = new Float32Array(R * K)
  const second = new Float32Array(N * R)
  for (let r = 0; r < R; r++) {
    const root = Math.sqrt(svd.values[r])
    for (let k = 0; k < K; k++) first[r * K + k] = svd.right[r * K + k] * root
    for (let n = 0; n < N; n++) second[n * R + r] = svd.left[r * N + n] * root
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

export interface LowRankOptions {
  seed: number
  progress?: (done: number, total: number) => void
}

/** Step `svd:<R>` over the encoder's linears. */
export async function factorizeSvd(model: ModelWeights, R: number, options: LowRankOptions): Promise<StepResult> {
  const linears = encoderLinears(model)
  const weights: LinearWeight[] = []
  let before = 0
  let after = 0
  let errors = 0
  let worst = { error: -1, stem: '' }
  for (const [i, { stem, linear }] of linears.entries()) {
    const { N, K, data } = requireDense(linear.weight, stem, 'svd')
    requireFinite(data, K, stem)
    const svd = truncatedSvd(data, N, K, svdRank(N, K, R), options.seed + i)
    weights.push(chainFromSvd(svd, N, K))
    before += N * K
    after += svd.values.length * (N + K)
    errors += svd.error
    if (svd.error > worst.error) worst = { error: svd.error, stem }
    options.progress?.(i + 1, linears.length)
    await breathe()
  }
  return {
    model: withEncoderWeights(model, weights),
    notes: [
      `svd:${R}: ${formatCount(before)} encoder weights became ${formatCount(after)}; relative error ` +
        `${(errors / linears.length).toFixed(3)} on average, ${worst.error.toFixed(3)} at worst (${worst.stem})`,
    ],
  }
}
