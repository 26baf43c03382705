// Which examples make a step. Batches are ragged and cost nothing for padding, so examples are shuffled freely, not by
// length: buckets of equal lengths would only make batches less alike.

import { packBatch } from '../inference/batches.ts'
import { linked, type Link, type LossTarget, type TrainBatch } from '../../kernels/train/batch.ts'
import { createRandom } from '../../kernels/program/random.ts'
import type { Settings, TrainExample, TrainOptions } from './options.ts'
import type { Tokens } from './pieces.ts'

/** An endless stream of example numbers: one seeded shuffle after another. */
export function* shuffled(count: number, seed: number): Generator<number, never> {
  const random = createRandom(seed, 'shuffle')
  const order = Int32Array.from({ length: count }, (_, i) => i)
  while (true) {
    random.shuffle(order)
    yield* order
  }
}

/** Takes the next batch from a stream: `batch` sequences, or about `batchTokens` tokens. */
export function nextBatch(
  stream: Iterator<number, never>,
  examples: TrainExample[],
  { batch, batchTokens }: Pick<Settings, 'batch' | 'batchTokens'>,
): number[] {
  const chosen: number[] = []
  let tokens = 0
  const isFull = (): boolean =>
    chosen.length > 0 && (batchTokens ? tokens >= batchTokens : chosen.length >= Math.min(batch, examples.length))
  while (!isFull()) {
    const index = stream.next().value
    chosen.push(index)
    tokens += examples[index].ids.length
  }
  return chosen
}

/** Steps of `epochs` passes over the examples. */
export function stepsOf(
  examples: TrainExample[],
  {
    epochs,
    batch,
    batchTokens,
    accumulate = 1,
  }: Pick<TrainOptions, 'accumulate' | 'batchTokens'> & Pick<Settings, 'epochs' | 'batch'>,
): number {
  const units = batchTokens ? examples.reduce((sum, { ids }) => sum + ids.length, 0) : examples.length
  const perStep = accumulate * (batchTokens ?? Math.min(batch, examples.length))
  return Math.max(1, Math.round((epochs * units) / perStep))
}

/** The chosen examples side by side. */
export function joinExamples(examples: readonly Tokens[], chosen: number[]): TrainBatch {
  const { ids, types } = tokensOf(chosen.map((index) => examples[index]))
  return joinSequences(ids, types)
}

/** Token ids of each example and, where one has them, token types. */
export const tokensOf = (examples: readonly Tokens[]): { ids: Int32Array[]; types?: Int32Array[] } => ({
  ids: examples.map(({ ids }) => ids),
  ...(examples.some(({ types }) => types) && {
    types: examples.map(({ ids, types }) => types ?? new Int32Array(ids.length)),
  }),
})

/** Sequences side by side; all tokens are of type 0 where no types are given. */
export function joinSequences(sequences: readonly Int32Array[], types?: readonly Int32Array[]): TrainBatch {
  const { offsets, ids, types: all } = packBatch(sequences, types)
  return { offsets, ids, ...(types && { types: all }) }
}

/** What a model gives: logits of labels that are read by a link, or vectors, where there are no labels and no link. */
export interface Outputs {
  labels: number
  link: Link | null
  /** of a teacher's vectors; 0 of a classifier */
  width: number
}

/** Row i of what is one array [rows, width] or one array each. */
export function rowOf(rows: Float32Array | Float32Array[], i: number, width: number): Float32Array {
  return Array.isArray(rows) ? rows[i] : rows.subarray(i * width, (i + 1) * width)
}

function vectorGoal(chosen: number[], vectors: Float32Array | Float32Array[], width: number): LossTarget {
  const teacher = new Float32Array(chosen.length * width)
  chosen.forEach((index, b) => {
    const row = rowOf(vectors, index, width)
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0))
    row.forEach((x, c) => (teacher[b * width + c] = x / length))
  })
  const none = { target: new Float32Array(), teacher: null, alpha: 1, temperature: 1 }
  return { ...none, vectors: { weight: 1, teacher } }
}

/** What the loss of a batch compares with. */
export function goalOf(
  examples: TrainExample[],
  chosen: number[],
  { labels, link, width }: Outputs,
  settings: Settings,
): LossTarget {
  if (link === null) return vectorGoal(chosen, settings.teacherVectors!, width)
  const { labelSmoothing, teacherLogits, alpha, temperature, logitMse: weight } = settings
  const target = new Float32Array(chosen.length * labels)
  const teacher = teacherLogits ? new Float32Array(chosen.length * labels) : null
  const logitMse = teacher && weight > 0 ? { weight, logits: new Float32Array(teacher.length) } : undefined
  chosen.forEach((index, b) => {
    target.set(targetOf(examples[index], labels, link, labelSmoothing), b * labels)
    if (!teacher || !teacherLogits) return
    const logits = rowOf(teacherLogits, index, labels)
    teacher.set(linked(link, logits, 0, labels, temperature), b * labels)
    logitMse?.logits.set(logits, b * labels)
  })
  return { link, target, teacher, alpha, temperature, logitMse }
}

/** [labels], as a `LossTarget` has it. */
function targetOf({ label, targets }: TrainExample, labels: number, link: Link, smoothing: number): Float32Array {
  if (link !== 'softmax') {
    const known = targets ?? new Float32Array(labels).fill(NaN)
    return smoothing ? known.map((t) => t * (1 - smoothing) + smoothing / 2) : known
  }
  const target = new Float32Array(labels)
  if (label < 0) return target
  target.fill(smoothing / labels)
  target[label] += 1 - smoothing
  return target
}

/** @throws where there is not one row of `labels` finite logits per example */
export function checkTeacher(logits: Settings['teacherLogits'], examples: number, labels: number): void {
  if (!logits) return
  const rows = Array.isArray(logits) ? logits : [logits]
  const isRight = Array.isArray(logits)
    ? logits.length === examples && logits.every((row) => row.length === labels)
    : logits.length === examples * labels
  if (!isRight)
    throw new Error(
      `train: teacherLogits must be ${labels} numbers for each of the ${examples} examples, f32 [${examples}, ${labels}]`,
    )
  if (!rows.every((row) => row.every(Number.isFinite))) throw new Error('train: teacherLogits hold NaN or infinity')
}

/**
 * Width of a teacher's vectors.
 * @throws where there is not one vector per example, one holds NaN or has no direction, or the width is no multiple of 4
 */
export function checkVectors(name: string, vectors: Float32Array | Float32Array[], examples: number): number {
  const width = Array.isArray(vectors) ? (vectors[0]?.length ?? 0) : vectors.length / examples
  const isRight = Array.isArray(vectors)
    ? vectors.length === examples && vectors.every((row) => row.length === width)
    : Number.isInteger(width)
  if (!isRight || width === 0 || width % 4 !== 0)
    throw new Error(
      `train: ${name} must be one vector for each of the ${examples} examples, f32 [${examples}, C] with C a multiple of 4`,
    )
  for (let i = 0; i < examples; i++) {
    const row = rowOf(vectors, i, width)
    if (!row.every(Number.isFinite)) throw new Error(`train: ${name} hold NaN or infinity`)
    if (row.every((x) => x === 0)) throw new Error(`train: ${name} of example ${i} are all 0; expected a direction`)
  }
  return width
}
