// Which weights survive pruning: pure functions from matrices to masks, with no model around them, so that training
// can re-apply the same masks after every step (an optimizer's decay and momentum revive dropped weights).
//
// Magnitude masks share one threshold among all matrices (global beats uniform). Wanda masks (|W_ij| ||X_j||, Sun et al.)
// compare within an output row only: the scores of two rows are in units of two different outputs.
//
// A mask is u8 [N, K], 1 = kept, 0 = dropped. Equal scores are settled by position: the earlier one is kept.

import { TILE_INPUTS, TILE_OUTPUTS } from '../../kernels/program/weights.ts'

/** A matrix to prune. */
export interface Prunable {
  /** Hugging Face tensor stem, for messages */
  name: string
  N: number
  K: number
  /** f32 [N, K] row-major */
  data: Float32Array
  /** [K], sum over the calibration rows of x_j^2: what enters each column; Wanda's scores need it */
  inputSquares?: Float64Array
}

/** What to keep. `sparsity` is the share that is dropped, 0 <= sparsity < 1. */
export type PruneRule =
  /** single weights by magnitude, one threshold for all matrices */
  | { kind: 'unstructured'; sparsity: number }
  /** blocks of 1x4 along K by L2 norm, one threshold for all matrices */
  | { kind: 'blocks'; sparsity: number }
  /** tiles of 16 outputs x 32 inputs by Frobenius norm, one threshold for all matrices */
  | { kind: 'tiles'; sparsity: number }
  /** |W_ij| ||X_j||_2 within each output row; `blocks`: 1x4 blocks by the L2 norm of these scores */
  | { kind: 'wanda'; sparsity: number; blocks: boolean }
  /** n of every m inputs, the same for each `group` of outputs, by the sum of |w| over the group */
  | { kind: 'nm'; n: number; m: number; group: number }

/** Outputs that share one n:m index list. */
export const NM_GROUP = 32

/**
 * Sparsity after a share `done` (0 to 1) of the pruning steps: to + (from - to)(1 - done)^3. Most is dropped early, while
 * there is still much to choose from and training to repair it.
 */
export function cubicSparsity(done: number, from: number, to: number): number {
  const left = 1 - Math.min(1, Math.max(0, done))
  return to + (from - to) * left ** 3
}

/** How many of `total` weights (or blocks) stay at this sparsity. */
export function keptCount(total: number, sparsity: number): number {
  return Math.round(total * (1 - sparsity))
}

/** One mask per matrix. Throws on NaN or infinity and on sizes that the rule cannot divide. */
export function pruneMask(matrices: readonly Prunable[], rule: PruneRule): Uint8Array<ArrayBuffer>[] {
  switch (rule.kind) {
    case 'unstructured':
      return magnitudeMasks(matrices, rule.sparsity)
    case 'blocks':
      return blockMasks(matrices, rule.sparsity)
    case 'tiles':
      return blockMasks(matrices, rule.sparsity, TILE_OUTPUTS, TILE_INPUTS)
    case 'wanda':
      return matrices.map((matrix) => wandaMask(matrix, rule.sparsity, rule.blocks ? 4 : 1))
    case 'nm':
      return matrices.map((matrix) => nmMask(matrix, rule.n, rule.m, rule.group))
  }
}

/** Sets dropped weights to 0 in place. */
export function applyMask(data: Float32Array, mask: Uint8Array): void {
  if (data.length !== mask.length) throw new Error(`mask of ${mask.length} elements for ${data.length} weights`)
  for (let i = 0; i < data.length; i++) if (mask[i] === 0) data[i] = 0
}

/** Keeps exactly keptCount(all weights, sparsity) of the largest magnitudes, over all matrices together. */
export function magnitudeMasks(matrices: readonly Prunable[], sparsity: number): Uint8Array<ArrayBuffer>[] {
  checkSparsity(sparsity)
  const total = matrices.reduce((sum, { data }) => sum + data.length, 0)
  return keepLargest(
    matrices.map(({ data }) => data),
    keptCount(total, sparsity),
    matrices.map(({ name }) => name),
  )
}

/**
 * Keeps exactly keptCount(all blocks, sparsity) of the blocks of `outputs` x `inputs` (1x4 unless given) with the largest
 * Frobenius norm, over all matrices together: of all choices of that many blocks this one loses the least of sum w^2.
 */
export function blockMasks(
  matrices: readonly Prunable[],
  sparsity: number,
  outputs = 1,
  inputs = 4,
): Uint8Array<ArrayBuffer>[] {
  checkSparsity(sparsity)
  const scores = matrices.map(({ name, N, K, data }) => {
    if (N % outputs !== 0 || K % inputs !== 0)
      throw new Error(
        `${name}: ${K % inputs !== 0 ? `K = ${K} is not a multiple of ${inputs}` : `N = ${N} is not a multiple of ${outputs}`};` +
          ` ${outputs}x${inputs} blocks need that, use sp<NN> instead`,
      )
    const perRow = K / inputs
    const squares = new Float64Array((N / outputs) * perRow)
    for (let row = 0; row < N; row++) {
      const first = Math.floor(row / outputs) * perRow
      for (let block = 0; block < perRow; block++) {
        const begin = row * K + block * inputs
        for (let i = begin; i < begin + inputs; i++) squares[first + block] += data[i] ** 2
      }
    }
    return Float32Array.from(squares, Math.sqrt)
  })
  const blocks = scores.reduce((sum, { length }) => sum + length, 0)
  const kept = keepLargest(
    scores,
    keptCount(blocks, sparsity),
    matrices.map(({ name }) => name),
  )
  return matrices.map(({ N, K }, i) => {
    const mask = new Uint8Array(N * K)
    const perRow = K / inputs
    for (let row = 0; row < N; row++) {
      const first = Math.floor(row / outputs) * perRow
      for (let block = 0; block < perRow; block++)
        if (kept[i][first + block] === 1) mask.fill(1, row * K + block * inputs, row * K + (block + 1) * inputs)
    }
    return mask
  })
}

/**
 * Keeps in every output row exactly keptCount(K / width, sparsity) of its blocks of `width` inputs: those with the largest
 * sum of (w_ij ||X_j||)^2, the most that dropping one of them alone could add to the row's squared output error.
 */
export function wandaMask(matrix: Prunable, sparsity: number, width: 1 | 4 = 1): Uint8Array<ArrayBuffer> {
  checkSparsity(sparsity)
  const { name, N, K, data, inputSquares } = matrix
  if (inputSquares?.length !== K)
    throw new Error(
      `${name}: Wanda's scores need the squares of its ${K} inputs, found ${inputSquares?.length ?? 'none'};` +
        ' give context.calibration (calibrate() of compact-kernels/train on training texts)',
    )
  if (K % width !== 0)
    throw new Error(`${name}: K = ${K} is not a multiple of ${width}; 1x4 blocks need that, use wanda<NN> instead`)
  const units = K / width
  const kept = keptCount(units, sparsity)
  const mask = new Uint8Array(N * K)
  const scores = new Float64Array(units)
  for (let row = 0; row < N; row++) {
    scores.fill(0)
    for (let k = 0; k < K; k++) scores[Math.floor(k / width)] += data[row * K + k] ** 2 * inputSquares[k]
    if (!scores.every(Number.isFinite)) throw notFinite(name)
    const rising = scores.slice().sort()
    const threshold = kept > 0 ? rising[units - kept] : Infinity
    let ties = kept - scores.reduce((above, score) => above + (score > threshold ? 1 : 0), 0)
    for (let unit = 0; unit < units; unit++) {
      const isKept = scores[unit] > threshold || (scores[unit] === threshold && ties-- > 0)
      if (isKept) mask.fill(1, row * K + unit * width, row * K + (unit + 1) * width)
    }
  }
  return mask
}

/** Keeps n of every m inputs of one matrix; outputs share the choice in groups. */
export function nmMask(matrix: Prunable, n: number, m: number, group = NM_GROUP): Uint8Array<ArrayBuffer> {
  const { name, N, K, data } = matrix
  if (!(Number.isInteger(n) && Number.isInteger(m) && n >= 1 && n < m))
    throw new Error(`nm${n}:${m}: expected whole numbers with 1 <= n < m`)
  if (K % m !== 0) throw new Error(`${name}: K = ${K} is not a multiple of ${m}; nm${n}:${m} cannot divide it`)
  const mask = new Uint8Array(N * K)
  const scores = new Float64Array(K)
  for (let first = 0; first < N; first += group) {
    const last = Math.min(N, first + group)
    scores.fill(0)
    for (let row = first; row < last; row++) for (let k = 0; k < K; k++) scores[k] += Math.abs(data[row * K + k])
    for (let k0 = 0; k0 < K; k0 += m) {
      const order = Array.from({ length: m }, (_, i) => k0 + i)
      if (order.some((k) => !Number.isFinite(scores[k]))) throw notFinite(name)
      order.sort((i, j) => scores[j] - scores[i] || i - j)
      for (const k of order.slice(0, n)) for (let row = first; row < last; row++) mask[row * K + k] = 1
    }
  }
  return mask
}

function checkSparsity(sparsity: number): void {
  if (!(sparsity >= 0 && sparsity < 1)) throw new Error(`sparsity ${sparsity}: expected 0 <= sparsity < 1`)
}

function notFinite(name: string): Error {
  return new Error(`${name}: holds NaN or infinity, expected finite weights; the file or the training is broken`)
}

// Magnitudes of f32 order like their bits without the sign, so the threshold is found exactly by counting: first the
// upper 16 of those 31 bits, then the lower 15 among the ones that share the upper bits of the threshold.
const LOWER_BITS = 15
const MAGNITUDE_BITS = 0x7fffffff
const INFINITY_BITS = 0x7f800000

/** Marks exactly `kept` of the largest magnitudes over all arrays. */
function keepLargest(
  arrays: readonly Float32Array[],
  kept: number,
  names: readonly string[],
): Uint8Array<ArrayBuffer>[] {
  const views = arrays.map((a) => new Uint32Array(a.buffer, a.byteOffset, a.length))
  const upper = new Float64Array(1 << 16)
  views.forEach((bits, i) => {
    for (let j = 0; j < bits.length; j++) {
      const magnitude = bits[j] & MAGNITUDE_BITS
      if (magnitude >= INFINITY_BITS) throw notFinite(names[i])
      upper[magnitude >>> LOWER_BITS]++
    }
  })
  const coarse = findBucket(upper, kept)
  const lower = new Float64Array(1 << LOWER_BITS)
  for (const bits of views)
    for (let j = 0; j < bits.length; j++) {
      const magnitude = bits[j] & MAGNITUDE_BITS
      if (magnitude >>> LOWER_BITS === coarse.bucket) lower[magnitude & ((1 << LOWER_BITS) - 1)]++
    }
  const fine = findBucket(lower, coarse.wanted)
  const threshold = ((coarse.bucket << LOWER_BITS) | fine.bucket) >>> 0
  let ties = fine.wanted
  return views.map((bits) => {
    const mask = new Uint8Array(bits.length)
    for (let j = 0; j < bits.length; j++) {
      const magnitude = bits[j] & MAGNITUDE_BITS
      if (magnitude > threshold) mask[j] = 1
      else if (magnitude === threshold && ties > 0) {
        mask[j] = 1
        ties--
      }
    }
    return mask
  })
}

/** The bucket, counted from the top, in which the wanted-th largest is, and how many of it are wanted. */
function findBucket(counts: Float64Array, wanted: number): { bucket: number; wanted: number } {
  let bucket = counts.length - 1
  while (bucket > 0 && counts[bucket] < wanted) wanted -= counts[bucket--]
  return { bucket, wanted }
}
