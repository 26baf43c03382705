// Which weights survive pruning: pure functions from matrices to masks, with no model around them, so that training
// can re-apply the same masks after every step (an optimizer's decay and momentum revive dropped weights).
//
// A mask is u8 [N, K], 1 = kept, 0 = dropped. Equal scores are settled by position: the earlier one is kept.

/** A matrix to prune. */
export interface Prunable {
  /** Hugging Face tensor stem, for messages */
  name: string
  N: number
  K: number
  /** f32 [N, K] row-major */
  data: Float32Array
}

/** What to keep. `sparsity` is the share that is dropped, 0 <= sparsity < 1. */
export type PruneRule =
  /** single weights by magnitude, one threshold for all matrices */
  | { kind: 'unstructured'; sparsity: number }
  /** blocks of 1x4 along K by L2 norm, one threshold for all matrices */
  | { kind: 'blocks'; sparsity: number }
  /** n of every m inputs, the same for each `group` of outputs, by the sum of |w| over the group */
  | { kind: 'nm'; n: number; m: number; group: number }

/** Outputs that share one n:m index list. */
export const NM_GROUP = 32

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
 * Keeps exactly keptCount(all blocks, sparsity) of the 1x4 blocks with the largest L2 norm, over all matrices together:
 * of all choices of that many blocks this one loses the least of sum w^2.
 */
export function blockMasks(matrices: readonly Prunable[], sparsity: number): Uint8Array<ArrayBuffer>[] {
  checkSparsity(sparsity)
  const scores = matrices.map(({ name, K, data }) => {
    if (K % 4 !== 0)
      throw new Error(`${name}: K = ${K} is not a multiple of 4; 1x4 blocks need that, use sp<NN> instead`)
    const norms = new Float32Array(data.length / 4)
    for (let block = 0; block < norms.length; block++) {
      const i = block * 4
      norms[block] = Math.sqrt(data[i] ** 2 + data[i + 1] ** 2 + data[i + 2] ** 2 + data[i + 3] ** 2)
    }
    return norms
  })
  const blocks = scores.reduce((sum, { length }) => sum + length, 0)
  const kept = keepLargest(
    scores,
    keptCount(blocks, sparsity),
    matrices.map(({ name }) => name),
  )
  return kept.map((blockMask) => {
    const mask = new Uint8Array(blockMask.length * 4)
    blockMask.forEach((keep, block) => mask.fill(keep, block * 4, block * 4 + 4))
    return mask
  })
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

/** The bucket, counted from the top, in which the wanted-th largest lies, and how many of it are wanted. */
function findBucket(counts: Float64Array, wanted: number): { bucket: number; wanted: number } {
  let bucket = counts.length - 1
  while (bucket > 0 && counts[bucket] < wanted) wanted -= counts[bucket--]
  return { bucket, wanted }
}
