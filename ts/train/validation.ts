// How well a model in training does on examples that are held out.

import { lossOf } from '../../kernels/train/batch.ts'
import type { TrainSession } from '../../kernels/train/session.ts'
import { goalOf, joinExamples, type Outputs } from './batches.ts'
import type { Settings, TrainExample } from './options.ts'

/** Sequences scored at a time. */
const SCORE_BATCH = 64

/**
 * Mean loss by the labels alone, or of a model without labels by the teacher's vectors, and the share that is right.
 * @param breathe waits where the event loop is due
 * @returns null where the signal ended it
 */
export async function scoreValidation(
  session: TrainSession,
  validation: TrainExample[],
  settings: Settings,
  outputs: Outputs,
  breathe: () => Promise<void>,
): Promise<{ loss: number; accuracy: number | null } | null> {
  const { labels, link, width } = outputs
  const plain = plainLoss(settings)
  const right = { count: 0, of: 0 }
  let loss = 0
  for (let begin = 0; begin < validation.length; begin += SCORE_BATCH) {
    if (settings.signal?.aborted) return null
    const part = validation.slice(begin, begin + SCORE_BATCH)
    const batch = joinExamples(
      part,
      part.map((_, i) => i),
    )
    const chosen = part.map((_, i) => begin + i)
    const goal = goalOf(validation, chosen, outputs, plain)
    if (link === null) loss += distances(await session.vectors(batch), goal.vectors!.teacher, width)
    else {
      const logits = await session.forward(batch)
      loss += part.length * lossOf(logits, labels, goal)
      part.forEach((example, b) => countRight(right, example, logits.subarray(b * labels, b * labels + labels)))
    }
    await breathe()
  }
  if (settings.signal?.aborted) return null
  const accuracy = link === null || link === 'identity' ? null : right.count / right.of
  return { loss: loss / validation.length, accuracy }
}

/** Sum of 1 - cos over the rows [width]; those of the teacher are of length 1. */
function distances(found: Float32Array, teacher: Float32Array, width: number): number {
  let sum = 0
  for (let at = 0; at < found.length; at += width) {
    let [product, square] = [0, 0]
    for (let c = at; c < at + width; c++) {
      product += found[c] * teacher[c]
      square += found[c] * found[c]
    }
    sum += 1 - (square > 0 ? product / Math.sqrt(square) : 0)
  }
  return sum
}

/** Adds what a row of logits [labels] gets right: the one label, or each label that is known by itself. */
function countRight(right: { count: number; of: number }, { label, targets }: TrainExample, row: Float32Array): void {
  if (!targets) {
    right.of++
    if (row.indexOf(Math.max(...row)) === label) right.count++
    return
  }
  targets.forEach((target, c) => {
    if (Number.isNaN(target)) return
    right.of++
    if (row[c] > 0 === target > 0.5) right.count++
  })
}

/** The loss with the labels alone, or with the vectors of the examples held out. */
function plainLoss({ teacherLogits: _, validationVectors, ...settings }: Settings): Settings {
  return { ...settings, teacherVectors: validationVectors, labelSmoothing: 0, alpha: 1, temperature: 1, logitMse: 0 }
}
