// One batch, as the training step and its reference take it.

import type { TrainShape } from './layout.ts'

/** Ragged: M tokens of B sequences. */
export interface TrainBatch {
  /** [B + 1], first 0, last M; no sequence is empty */
  offsets: Int32Array
  /** [M] */
  ids: Int32Array
  /** [M]; all 0 where there is none */
  types?: Int32Array
}

/**
 * What the logits z are read as, and so what is compared with the target. softmax: shares of labels of which one holds,
 * cross-entropy. sigmoid: each label by itself, binary cross-entropy. identity: numbers, squared differences.
 */
export type Link = 'softmax' | 'sigmoid' | 'identity'

/**
 * Of a classifier, loss = alpha E + (1 - alpha) D + beta MSE of logits + gamma sum of MSE of states, by the link f:
 * - softmax: E cross-entropy, D = T^2 KL(teacher || softmax(z / T)); means over the B sequences
 * - sigmoid: E binary cross-entropy, D = T^2 KL(teacher || sigmoid(z / T)); means over the B x labels logits
 * - identity: E = (z - target)^2, D = (z - teacher)^2; means over the B x labels logits
 *
 * The first MSE is a mean over the B x labels logits, that of a match over its M x width numbers. Of a model without labels,
 * loss = delta mean over the sequences of 1 - cos(vector, teacher's) + gamma sum of MSE of states.
 */
export interface LossTarget {
  /** softmax where not given */
  link?: Link
  /**
   * f32 [B, labels]. softmax: rows add up to 1, or are all 0: an example without a label, whose cross-entropy is 0. sigmoid:
   * from 0 to 1. sigmoid and identity: NaN where it is not known, which adds nothing to the loss
   */
  target: Float32Array
  /** of a teacher f(z / T), of identity z, f32 [B, labels]; null without distillation */
  teacher: Float32Array | null
  /** share of the loss that E has; 1 without distillation */
  alpha: number
  /** T; identity has none */
  temperature: number
  /** beta, and a teacher's logits f32 [B, labels] as they are */
  logitMse?: { weight: number; logits: Float32Array }
  /** gamma, and of each match of the shape the teacher's hidden states f32 [M, width] */
  states?: { weight: number; teacher: Float32Array[] }
  /** delta, and a teacher's vectors f32 [B, width], rows of length 1 */
  vectors?: { weight: number; teacher: Float32Array }
}

/** What the dropout masks of one step depend on; null where nothing is dropped. */
export interface Dropout {
  rate: number
  /** differs from step to step */
  seed: number
}

/** Key of one site of one step: 32 bits, never 0. Sites: 0 the embeddings, 1 the pooled vector, then two per layer. */
export function dropoutKey(seed: number, site: number): number {
  let z = (Math.imul(seed, 0x9e3779b1) + Math.imul(site + 1, 0x85ebca6b)) | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) | 0 || 1
}

/** What element `index` of a site is multiplied by: 0, or 1 / keep. As dropLanes of assembly/train/math.ts. */
export function dropFactor(key: number, index: number, keep: number): number {
  let h = Math.imul(index, 0x9e3779b1) ^ key
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  h = (h ^ (h >>> 16)) >>> 8
  return h < Math.floor(keep * 16777216) ? 1 / keep : 0
}

/** @throws where a batch does not fit the model */
export function checkTrainBatch(shape: TrainShape, { offsets, ids, types }: TrainBatch): void {
  const B = offsets.length - 1
  const M = offsets[B]
  if (!(B >= 1 && offsets[0] === 0 && ids.length === M && (!types || types.length === M)))
    throw new Error(`train: a batch of ${B} sequences and ${M} tokens has ${ids.length} ids, ${types?.length} types`)
  for (let b = 0; b < B; b++) {
    const T = offsets[b + 1] - offsets[b]
    if (!(T >= 1 && T <= shape.positions))
      throw new Error(`train: sequence ${b} has ${T} tokens, the model takes 1 to ${shape.positions}; cut longer texts`)
  }
  for (let m = 0; m < M; m++) {
    if (!(ids[m] >= 0 && ids[m] < shape.words))
      throw new Error(`train: token id ${ids[m]} is outside the vocabulary of ${shape.words}`)
    if (types && !(types[m] >= 0 && types[m] < Math.max(1, shape.types)))
      throw new Error(`train: token type ${types[m]} is outside the ${Math.max(1, shape.types)} types`)
  }
}

/** True where row b of the targets is all zeros. */
export function isUnlabelled(target: Float32Array, labels: number, b: number): boolean {
  return target.subarray(b * labels, b * labels + labels).every((share) => share === 0)
}

/** @throws where a part of the goal does not fit the batch or the matches of the model */
export function checkGoal(shape: TrainShape, { offsets }: TrainBatch, goal: LossTarget): void {
  const { labels, matches = [], vectors } = shape
  const B = offsets.length - 1
  const check = (what: string, found: number, expected: number): void => {
    if (found !== expected) throw new Error(`train: ${what} of a batch has ${found} numbers, expected ${expected}`)
  }
  if (labels === 1 && (goal.link ?? 'softmax') === 'softmax')
    throw new Error(`train: of ${labels} label softmax is always 1; use the link sigmoid or identity`)
  check('the target', goal.target.length, B * labels)
  if (goal.teacher) check("a teacher's softmax", goal.teacher.length, B * labels)
  if (goal.logitMse) check('logitMse', goal.logitMse.logits.length, B * labels)
  if (Boolean(vectors) !== Boolean(goal.vectors) || (labels === 0 && !vectors))
    throw new Error(
      vectors || labels === 0
        ? 'train: the model has no labels; its loss needs a shape and a goal with vectors'
        : 'train: a goal with vectors, but the model has labels; vectors are trained without a classifier',
    )
  if (vectors && goal.vectors) check("a teacher's vectors", goal.vectors.teacher.length, B * vectors.width)
  const states = goal.states?.teacher ?? []
  if (states.length !== matches.length)
    throw new Error(`train: a goal with ${states.length} hidden states, the model matches ${matches.length}`)
  states.forEach((rows, j) => check(`hidden state ${j}`, rows.length, offsets[B] * matches[j].width))
}

/** Mean loss of a batch from its logits f32 [B, labels], in f64, without the terms of hidden states and vectors. */
export function lossOf(logits: ArrayLike<number>, labels: number, goal: LossTarget): number {
  if (labels === 0) return 0
  const B = logits.length / labels
  const { link = 'softmax', teacher, alpha, logitMse } = goal
  let loss = 0
  for (let b = 0; b < B; b++) {
    const row = link === 'softmax' ? softmaxLoss : elementLoss
    const { hard, soft } = row(logits, labels, goal, b)
    loss += (teacher ? alpha : 1) * hard + (1 - alpha) * soft
    for (let at = b * labels; logitMse && at < (b + 1) * labels; at++)
      loss += (logitMse.weight / labels) * (logits[at] - logitMse.logits[at]) ** 2
  }
  return loss / B
}

/** Terms of sequence b: E, and D, which is 0 without a teacher. */
type RowLoss = (
  logits: ArrayLike<number>,
  labels: number,
  goal: LossTarget,
  b: number,
) => { hard: number; soft: number }

const softmaxLoss: RowLoss = (logits, labels, { target, teacher, temperature: T }, b) => {
  const logP = logSoftmax(logits, b * labels, labels, 1)
  const logSoft = teacher && logSoftmax(logits, b * labels, labels, T)
  let [hard, soft] = [0, 0]
  for (let c = 0; c < labels; c++) {
    const at = b * labels + c
    hard -= target[at] * logP[c]
    if (teacher && logSoft && teacher[at] > 0) soft += T * T * teacher[at] * (Math.log(teacher[at]) - logSoft[c])
  }
  return { hard, soft }
}

/** Of links that take each logit by itself: means over the labels. */
const elementLoss: RowLoss = (logits, labels, { link, target, teacher, temperature: T }, b) => {
  let [hard, soft] = [0, 0]
  for (let at = b * labels; at < (b + 1) * labels; at++) {
    const [z, t] = [logits[at], target[at]]
    const p = teacher?.[at]
    if (link === 'identity') {
      if (!Number.isNaN(t)) hard += (z - t) ** 2 / labels
      if (p !== undefined) soft += (z - p) ** 2 / labels
      continue
    }
    if (!Number.isNaN(t)) hard += binaryCrossEntropy(z, t) / labels
    if (p !== undefined) soft += (T * T * (binaryCrossEntropy(z / T, p) - entropy(p))) / labels
  }
  return { hard, soft }
}

/** -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) */
const binaryCrossEntropy = (z: number, t: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - t * z

const entropy = (p: number): number => [p, 1 - p].reduce((sum, x) => (x > 0 ? sum - x * Math.log(x) : sum), 0)

/** log softmax(z / T) of `labels` numbers from `begin` on. */
export function logSoftmax(z: ArrayLike<number>, begin: number, labels: number, T: number): Float64Array {
  let most = -Infinity
  for (let c = 0; c < labels; c++) most = Math.max(most, z[begin + c] / T)
  let sum = 0
  for (let c = 0; c < labels; c++) sum += Math.exp(z[begin + c] / T - most)
  return Float64Array.from({ length: labels }, (_, c) => z[begin + c] / T - most - Math.log(sum))
}

/** What a link makes of `labels` logits from `begin` on, in f64; T divides them, but not of identity. */
export function linked(link: Link, z: ArrayLike<number>, begin: number, labels: number, T: number): Float64Array {
  if (link === 'softmax') return logSoftmax(z, begin, labels, T).map(Math.exp)
  return Float64Array.from({ length: labels }, (_, c) => {
    const x = z[begin + c]
    return link === 'identity' ? x : 1 / (1 + Math.exp(-x / T))
  })
}

/** What f(z) - target and f(z / T) - teacher are multiplied by in the slope of the loss with regard to a logit. */
export function slopeShares(
  { link = 'softmax', teacher, alpha, temperature: T }: LossTarget,
  labels: number,
  B: number,
): { hardShare: number; softShare: number; inverseT: number } {
  const over = link === 'softmax' ? B : B * labels
  const [factor, t] = link === 'identity' ? [2, 1] : [1, T]
  return {
    hardShare: (factor * (teacher ? alpha : 1)) / over,
    softShare: (factor * (1 - alpha) * t) / over,
    inverseT: 1 / t,
  }
}
