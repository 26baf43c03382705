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
 * Loss = alpha CE + (1 - alpha) T^2 KL + beta MSE of logits + gamma sum of MSE of states. CE and KL are means over the B
 * sequences, the first MSE over the B x labels logits, that of a match over its M x width numbers.
 */
export interface LossTarget {
  /** f32 [B, labels]; rows add up to 1, or are all 0: an example without a label, whose cross-entropy is 0 */
  target: Float32Array
  /** a teacher's softmax(z / T), f32 [B, labels]; null without distillation */
  teacher: Float32Array | null
  /** share of the loss that cross-entropy with `target` has; 1 without distillation */
  alpha: number
  /** T of the loss (1 - alpha) T^2 KL(teacher || softmax(z / T)) */
  temperature: number
  /** beta, and a teacher's logits f32 [B, labels] as they are */
  logitMse?: { weight: number; logits: Float32Array }
  /** gamma, and of each match of the shape the teacher's hidden states f32 [M, width] */
  states?: { weight: number; teacher: Float32Array[] }
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
    if (types && !(types[m] >= 0 && types[m] < shape.types))
      throw new Error(`train: token type ${types[m]} is outside the ${shape.types} types`)
  }
}

/** True where row b of the targets is all zeros. */
export function isUnlabelled(target: Float32Array, labels: number, b: number): boolean {
  return target.subarray(b * labels, b * labels + labels).every((share) => share === 0)
}

/** @throws where a part of the goal does not fit the batch or the matches of the model */
export function checkGoal({ labels, matches = [] }: TrainShape, { offsets }: TrainBatch, goal: LossTarget): void {
  const B = offsets.length - 1
  const check = (what: string, found: number, expected: number): void => {
    if (found !== expected) throw new Error(`train: ${what} of a batch has ${found} numbers, expected ${expected}`)
  }
  check('the target', goal.target.length, B * labels)
  if (goal.teacher) check("a teacher's softmax", goal.teacher.length, B * labels)
  if (goal.logitMse) check('logitMse', goal.logitMse.logits.length, B * labels)
  const states = goal.states?.teacher ?? []
  if (states.length !== matches.length)
    throw new Error(`train: a goal with ${states.length} hidden states, the model matches ${matches.length}`)
  states.forEach((rows, j) => check(`hidden state ${j}`, rows.length, offsets[B] * matches[j].width))
}

/** Mean loss of a batch from its logits f32 [B, labels], in f64, without the term of hidden states. */
export function lossOf(logits: ArrayLike<number>, labels: number, goal: LossTarget): number {
  const B = logits.length / labels
  const { target, teacher, alpha, temperature: T, logitMse } = goal
  let loss = 0
  for (let b = 0; b < B; b++) {
    const logP = logSoftmax(logits, b * labels, labels, 1)
    const logSoft = teacher && logSoftmax(logits, b * labels, labels, T)
    for (let c = 0; c < labels; c++) {
      const at = b * labels + c
      loss -= (teacher ? alpha : 1) * target[at] * logP[c]
      if (teacher && logSoft && teacher[at] > 0)
        loss += (1 - alpha) * T * T * teacher[at] * (Math.log(teacher[at]) - logSoft[c])
      if (logitMse) loss += (logitMse.weight / labels) * (logits[at] - logitMse.logits[at]) ** 2
    }
  }
  return loss / B
}

/** log softmax(z / T) of `labels` numbers from `begin` on. */
export function logSoftmax(z: ArrayLike<number>, begin: number, labels: number, T: number): Float64Array {
  let most = -Infinity
  for (let c = 0; c < labels; c++) most = Math.max(most, z[begin + c] / T)
  let sum = 0
  for (let c = 0; c < labels; c++) sum += Math.exp(z[begin + c] / T - most)
  return Float64Array.from({ length: labels }, (_, c) => z[begin + c] / T - most - Math.log(sum))
}
