// Steps `svd:<R>` and `wsvd:<R>`: every encoder linear W [N, K] becomes a chain of two factors, the best approximation of
// its rank: y = (x F0^T) F1^T with F0 = sqrt(S) V^T [R, K] and F1 = U sqrt(S) [N, R]. The square root in both balances
// their ranges, which int8 wants afterwards. Best for the weights (svd), or for the outputs over the calibration (wsvd).

import { createRandom } from '../../kernels/program/random.ts'
import { Matrix, SVD } from 'ml-matrix'
import type { ChainWeight } from '../../kernels/program/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import { centered, correctedBias, inputsOf } from './bias.ts'
import type { Calibration } from './calibration.ts'
import { breathe, encoderLinears, formatCount, requireDense, withEncoderWeights } from './dense.ts'
import { requireFinite } from './finite.ts'
import type { EncoderLinear, StepResult } from './dense.ts'
import { gram, leadingEigenvectors, multiply, sumOfSquares, transpose, view } from './linear-algebra.ts'
import { chooseRanks, energyRank, isCapped, rankCandidates, rankChoices, svdRank } from './ranks.ts'
import type { RankRule } from './ranks.ts'
import { chainOfSpectrum, spectrum } from './whiten.ts'
import type { Spectrum } from './whiten.ts'

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
  const basis = leadingEigenvectors(gram(a), a.rows, R, createRandom(seed).normal)
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
  /** what enters the layers; with it the biases are corrected, unless `biasCorrection` says no */
  calibration?: Calibration
  /** factors that are best for those inputs, not for the weights themselves; needs the calibration */
  whitened?: boolean
  /** b += (W - W') E[x], so that the mean outputs stay; true where there is a calibration */
  biasCorrection?: boolean
}

/**
 * Steps `svd:<R>` and `wsvd:<R>` over the encoder's linears.
 *
 * @param rule how high each rank is; a number is the R of `svd:<R>`
 * @throws where a layer is not dense f32, or whitening has no calibration of it
 */
export async function factorizeSvd(
  model: ModelWeights,
  rule: number | RankRule,
  options: LowRankOptions,
): Promise<StepResult> {
  const { seed, progress, calibration, whitened = false, biasCorrection = calibration !== undefined } = options
  const wanted: RankRule = typeof rule === 'number' ? { by: 'rank', R: rule } : rule
  const step = whitened ? 'wsvd' : 'svd'
  const linears = encoderLinears(model)
  const found: (Factorised | Spectrum)[] = []
  let capped = 0
  for (const [i, { stem, linear }] of linears.entries()) {
    const { N, K, data } = requireDense(linear.weight, stem, step)
    requireFinite(data, K, stem)
    const sums = whitened ? inputsOf(calibration, stem, step) : null
    let tail: Float64Array | null = null
    if (wanted.by === 'rank' && !sums) {
      const svd = truncatedSvd(data, N, K, svdRank(N, K, wanted.R), seed + i)
      found.push({ chain: chainFromSvd(svd, N, K), error: svd.error })
    } else {
      const whole = spectrum(data, N, K, sums && biasCorrection ? centered(sums) : sums)
      if (wanted.by === 'bytes') found.push(trimmed(whole, rankCandidates(N, K).at(-1)!))
      else {
        tail = whole.tail
        found.push(cut(whole, wanted.by === 'rank' ? svdRank(N, K, wanted.R) : energyRank(N, K, tail, wanted.share)))
      }
    }
    if (isCapped(N, K, wanted, tail)) capped++
    progress?.(i + 1, linears.length)
    await breathe()
  }
  const layers = wanted.by === 'bytes' ? cutToBytes(found as Spectrum[], wanted.bytes) : (found as Factorised[])
  const biases = linears.map(({ stem, linear }, i) =>
    biasCorrection ? correctedBias(linear, layers[i].chain, inputsOf(calibration, stem, step)) : linear.bias,
  )
  const weights = layers.map(({ chain }) => chain)
  const notes = [noteOf(step, linears, layers, biasCorrection)]
  if (capped > 0)
    notes.push(
      `${step}: ${capped} of ${linears.length} layers asked for more than break-even, where two factors hold as much as the matrix: their ranks are held to it`,
    )
  return { model: withEncoderWeights(model, weights, biases), notes }
}

interface Factorised {
  chain: ChainWeight
  /** relative error: of the outputs where whitened, of the weights where not */
  error: number
}

const cut = (whole: Spectrum, R: number): Factorised => ({
  chain: chainOfSpectrum(whole, R),
  error: whole.tail[0] > 0 ? Math.sqrt(whole.tail[R] / whole.tail[0]) : 0,
})

/** Without the terms that no rank may reach: every layer's decomposition is held until the budget is dealt out. */
function trimmed(whole: Spectrum, R: number): Spectrum {
  const { N, K, left, right, values } = whole
  return { ...whole, left: left.slice(0, R * N), right: right.slice(0, R * K), values: values.slice(0, R) }
}

function cutToBytes(spectra: readonly Spectrum[], bytes: number): Factorised[] {
  const choices = spectra.map(({ N, K, tail }) => rankChoices(N, K, tail, (R) => 4 * (R * (N + K) + N)))
  return chooseRanks(choices, bytes).map((R, i) => cut(spectra[i], R))
}

function noteOf(step: string, linears: EncoderLinear[], layers: Factorised[], biasCorrection: boolean): string {
  let before = 0
  let after = 0
  let errors = 0
  let worst = { error: -1, stem: '' }
  const ranks: number[] = []
  for (const [i, { chain, error }] of layers.entries()) {
    const { N, K, factors } = chain
    before += N * K
    after += factors[0].N * (N + K)
    ranks.push(factors[0].N)
    errors += error
    if (error > worst.error) worst = { error, stem: linears[i].stem }
  }
  const [low, high] = [Math.min(...ranks), Math.max(...ranks)]
  return (
    `${step}: ${formatCount(before)} encoder weights became ${formatCount(after)}, ` +
    `${low === high ? `rank ${low}` : `ranks ${low} to ${high}`}; relative error of the ` +
    `${step === 'wsvd' ? 'outputs' : 'weights'} ${(errors / layers.length).toFixed(3)} on average, ` +
    `${worst.error.toFixed(3)} at worst (${worst.stem})${biasCorrection ? '; biases corrected' : ''}`
  )
}
