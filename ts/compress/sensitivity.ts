// What each storage format of a layer costs in bytes and in the error of what the layer puts out: one currency for int8,
// pruning and low rank. With d = x - mean(x) over the calibration rows and G = sum d d^T, the error of W' in place of W
// is tr((W - W') G (W - W')^T), as a share of the output's own tr(W G W^T). The mean's part is left out, because it is
// mended for nothing: b' = b + (W - W') mean(x) (ts/compress/bias.ts). The square is multiplied out, tr(W G W^T) - 2 tr(W G W'^T)
// + tr(W' G W'^T): W G is made once, and the last term costs little where W' is sparse or of low rank.
//
// int8 kernels round their input rows too. A row of scale s adds an error of about s^2 / 12 per input, which reaches the
// outputs through W': s^2 / 12 ||W'||^2 a row, independent of the weights' own error, so that the two add up.

import type {
  ChainWeight,
  DenseWeight,
  EmbeddingTable,
  LeafWeight,
  LinearWeight,
} from '../../kernels/program/weights.ts'
import { centered } from './bias.ts'
import type { InputSums } from './calibration.ts'
import { denseData, denseTable } from './dense.ts'
import { requireFinite } from './finite.ts'
import { multiply, sumOfSquares, transpose, view } from './linear-algebra.ts'
import { breakEvenRank, roundRank } from './ranks.ts'
import { NM_GROUP, pruneMask } from './prune-mask.ts'
import type { PruneRule } from './prune-mask.ts'
import { csrFromMask, nmFromMask } from './prune.ts'
import { quantizeBlocks, quantizeEmbedding, quantizeLinear } from './quantize.ts'
import { chainOfSpectrum, spectrum } from './whiten.ts'

/** One storage format of a weight or a table. */
export interface Candidate<W> {
  /** as a recipe step would call it: f32, q8, sp90, sp80x4+q8, nm2:4, wsvd:64+q8, e8 */
  method: string
  /** of its tensors in the file, biases not counted */
  bytes: number
  /** squared error of the outputs as a share of their own squares about the mean */
  error: number
  /** makes the weight, the same one at every call */
  make: () => W
}

/** The calibration of one layer's inputs, as candidates need it. */
export interface LayerInputs {
  /** about the mean: gram is G as above */
  centred: InputSums
  /** mean square of a row's largest magnitude, estimated */
  peakSquare: number
}

/** Sums about the mean, and the peaks of rows. */
export function layerInputs(sums: InputSums): LayerInputs {
  const { K, rows } = sums
  const largest = sums.largest.reduce((a, b) => Math.max(a, b), 0)
  const squares = Float64Array.from({ length: K }, (_, k) => sums.gram[k * K + k] / rows)
  return { centred: centered(sums), peakSquare: Math.min(largest ** 2, expectedPeakSquare(squares)) }
}

/**
 * Mean square of the largest of n Gaussians: about their variance times 1 + 2 ln n, where n counts inputs as far as they
 * are as strong as the strongest (one strong input among weak ones is the peak by itself).
 */
function expectedPeakSquare(squares: Float64Array): number {
  const most = squares.reduce((a, b) => Math.max(a, b), 0)
  if (most === 0) return 0
  const alike = squares.reduce((a, b) => a + b, 0) / most
  return most * (1 + 2 * Math.log(alike))
}

/** Shares of weights that are dropped: single weights stay f32, 1x4 blocks go on to int8. */
const SPARSITIES = [80, 90, 95]
const BLOCK_SPARSITIES = [50, 60, 70, 80, 90, 95]
const NM: readonly (readonly [n: number, m: number])[] = [
  [2, 4],
  [1, 4],
]
/** Ranks as shares of the rank at which two factors are as large as the matrix. */
const RANK_SHARES = [3 / 4, 1 / 2, 3 / 8, 1 / 4, 1 / 8, 1 / 16]

/**
 * Every storage format of a dense layer, f32 first, with exact output errors. What is returned keeps no calibration.
 *
 * @param name tensor stem, for messages
 * @param only 'plain': f32 and int8 alone
 * @throws where the weight holds NaN or the inputs are of another width
 */
export function linearCandidates(
  weight: DenseWeight,
  name: string,
  inputs: LayerInputs,
  only: 'all' | 'plain' = 'all',
): Candidate<LinearWeight>[] {
  const { N, K, data } = weight
  const { gram } = inputs.centred
  if (inputs.centred.K !== K)
    throw new Error(`${name}: the calibration has ${inputs.centred.K} inputs, the layer ${K}; calibrate this model`)
  requireFinite(data, K, name)
  const image = multiply(view(data, N, K), view(gram, K, K))
  const total = dot(image, data)
  const ranks = only === 'all' ? candidateRanks(N, K) : []
  const terms = ranks.length > 0 ? spectrum(data, N, K, inputs.centred) : null
  const formats: Format[] = [
    { method: 'f32', make: () => weight, square: 0 },
    { method: 'q8', make: () => quantizeLinear(weight, name) },
    ...(only === 'all' ? sparseFormats(weight, name, deviations(inputs)) : []),
    ...(terms ? lowRankFormats(chainOfSpectrum(terms, ranks[0]), name, ranks, terms.tail) : []),
  ]
  return formats.map(({ method, make, square }) => {
    const made = make()
    square ??= total - 2 * dot(image, denseData(made)) + outputSquares(made, gram)
    const error = total > 0 ? Math.max(0, square + roundingError(made, inputs)) / total : 0
    return { method, bytes: weightBytes(made), error, make }
  })
}

interface Format {
  method: string
  make: () => LinearWeight
  /** squared output error, where it is known beforehand */
  square?: number
}

const deviations = ({ centred: { gram, K } }: LayerInputs): Float64Array =>
  Float64Array.from({ length: K }, (_, k) => Math.sqrt(Math.max(0, gram[k * K + k])))

/** Keeps the weights of the largest |w| times the deviation of its input: Wanda's scores, about the mean. */
function sparseFormats(weight: DenseWeight, name: string, deviation: Float64Array): Format[] {
  const { N, K, data } = weight
  const maskOf = (rule: PruneRule): Uint8Array =>
    pruneMask([{ name, N, K, data: data.map((w, i) => w * deviation[i % K]) }], rule)[0]
  const single = SPARSITIES.map((percent) => ({
    method: `sp${percent}`,
    make: () => csrFromMask(data, maskOf({ kind: 'unstructured', sparsity: percent / 100 }), N, K, name),
  }))
  const blocks = BLOCK_SPARSITIES.map((percent) => ({
    method: `sp${percent}x4+q8`,
    make: () =>
      quantizeBlocks(csrFromMask(data, maskOf({ kind: 'blocks', sparsity: percent / 100 }), N, K, name), name),
  }))
  const nm = NM.filter(([, m]) => K % m === 0).map(([n, m]) => ({
    method: `nm${n}:${m}`,
    make: () => nmFromMask(data, maskOf({ kind: 'nm', n, m, group: NM_GROUP }), { N, K, n, m }),
  }))
  return [...single, ...(K % 4 === 0 ? blocks : []), ...nm]
}

function lowRankFormats(whole: ChainWeight, name: string, ranks: number[], tail: Float64Array): Format[] {
  return ranks.flatMap((R) => [
    { method: `wsvd:${R}`, make: () => cutChain(whole, R), square: tail[R] },
    { method: `wsvd:${R}+q8`, make: () => quantizeLinear(cutChain(whole, R), name) },
  ])
}

/** Falling, all different. */
function candidateRanks(N: number, K: number): number[] {
  const limit = breakEvenRank(N, K)
  if (limit < 2) return []
  const ranks = RANK_SHARES.map((share) => roundRank(N, K, Math.max(1.01, share * limit), limit - 1))
  return [...new Set(ranks)]
}

/** The first R terms of a chain of two f32 factors. */
function cutChain(chain: ChainWeight, R: number): ChainWeight {
  const [first, second] = chain.factors as DenseWeight[]
  const { N, K } = chain
  const data = new Float32Array(N * R)
  for (let n = 0; n < N; n++) data.set(second.data.subarray(n * second.K, n * second.K + R), n * R)
  return {
    ...chain,
    factors: [
      { kind: 'f32', N: R, K, data: first.data.slice(0, R * K) },
      { kind: 'f32', N, K: R, data },
    ],
  }
}

const dot = (a: Float64Array, b: Float32Array): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** F G F^T [N, N] of a factor [N, K]. */
const passOn = (factor: LeafWeight, gram: Float64Array): Float64Array => {
  const F = view(denseData(factor), factor.N, factor.K)
  return multiply(view(multiply(F, view(gram, factor.K, factor.K)), factor.N, factor.K), transpose(F))
}

/** tr(W G W^T) for G [K, K]: by the factors of a chain, by the non-zeros of each row. */
function outputSquares(weight: LinearWeight, gram: Float64Array): number {
  if (weight.kind === 'chain') {
    const { factors } = weight
    const last = factors[factors.length - 1]
    return outputSquares(
      last,
      factors.slice(0, -1).reduce((inner, factor) => passOn(factor, inner), gram),
    )
  }
  const { N, K } = weight
  const data = denseData(weight)
  if (weight.kind === 'f32' || weight.kind === 'int8') return dot(multiply(view(data, N, K), view(gram, K, K)), data)
  const columns = new Uint32Array(K)
  let sum = 0
  for (let n = 0; n < N; n++) {
    let count = 0
    for (let k = 0; k < K; k++) if (data[n * K + k] !== 0) columns[count++] = k
    for (let i = 0; i < count; i++) {
      const row = columns[i] * K
      let after = 0
      for (let j = i + 1; j < count; j++) after += data[n * K + columns[j]] * gram[row + columns[j]]
      const w = data[n * K + columns[i]]
      sum += w * (w * gram[row + columns[i]] + 2 * after)
    }
  }
  return sum
}

/**
 * Squared output error over the calibration rows of rounding input rows to int8: an estimate (see the head), by the mean
 * square of a row's peak. A chain rounds between its factors too, where the rows have the moments F0 G F0^T.
 */
export function roundingError(weight: LinearWeight, inputs: LayerInputs): number {
  const { gram, rows, sum } = inputs.centred
  const rounded = (peakSquare: number, data: Float32Array): number =>
    ((rows * peakSquare) / 127 ** 2 / 12) * sumOfSquares(data)
  if (weight.kind === 'int8' || weight.kind === 'int8-1x4') return rounded(inputs.peakSquare, denseData(weight))
  if (weight.kind !== 'chain' || weight.factors[0].kind !== 'int8') return 0
  const [first, second] = weight.factors
  const inner = passOn(first, gram)
  const totals = multiply(view(denseData(first), first.N, first.K), view(sum, first.K, 1))
  const squares = totals.map((total, r) => inner[r * first.N + r] / rows + (total / rows) ** 2)
  return rounded(inputs.peakSquare, denseData(weight)) + rounded(expectedPeakSquare(squares), denseData(second))
}

/**
 * f32 and int8 rows of a word table.
 *
 * @param counts how often each row occurs in the calibration texts, [rows]
 * @returns errors as shares of the table's squares, rows weighted by their counts
 */
export function tableCandidates(table: EmbeddingTable, counts: ArrayLike<number>): Candidate<EmbeddingTable>[] {
  const plain: Candidate<EmbeddingTable> = { method: 'f32', bytes: tableBytes(table), error: 0, make: () => table }
  if (table.kind === 'int8') return [{ ...plain, method: 'e8' }]
  const make = (): EmbeddingTable => quantizeEmbedding(table, 'the word table')
  const made = make()
  const now = denseTable(made)
  let [error, total] = [0, 0]
  for (let i = 0; i < now.length; i++) {
    const weight = counts[Math.floor(i / table.width)]
    if (weight === 0) continue
    error += weight * (table.data[i] - now[i]) ** 2
    total += weight * table.data[i] ** 2
  }
  return [plain, { method: 'e8', bytes: tableBytes(made), error: total > 0 ? error / total : 0, make }]
}

const tableBytes = ({ kind, rows, width }: EmbeddingTable): number =>
  kind === 'f32' ? rows * width * 4 : rows * (width + 8)

/** Bytes of a weight's tensors as the model file holds them (ts/model/shape.ts); a mask bit a weight, block or input. */
export function weightBytes(weight: LinearWeight): number {
  const { N, K } = weight
  switch (weight.kind) {
    case 'f32':
      return N * K * 4
    case 'int8':
      return N * (K + 4)
    case 'csr':
      return N * Math.ceil(K / 8) + weight.values.length * 4
    case 'int8-1x4':
      return N * (Math.ceil(K / 32) + 4) + weight.values.length
    case 'nm':
      return Math.ceil(N / weight.group) * Math.ceil(K / 8) + weight.values.length * 4
    case 'chain':
      return weight.factors.reduce((sum, factor) => sum + weightBytes(factor), 0)
  }
}
