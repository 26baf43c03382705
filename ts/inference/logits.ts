// Token ids to logits to classes: what every label and every score is computed from.

import type { Device, Session } from '../../kernels/program/device.ts'
import { buildProgram } from '../model/bert.ts'
import { softmax } from '../model/scores.ts'
import type { StoredModel } from '../model/weights.ts'
import { runBatches, type RunOptions } from './batches.ts'

/**
 * Logits of every sequence.
 * @param labels outputs of the classifier
 * @returns f32 [ids.length, labels] in the order given
 * @throws where a logit is not finite, and as `runBatches`
 */
export async function runLogits(
  session: Session,
  ids: readonly Int32Array[],
  labels: number,
  options: RunOptions = {},
): Promise<Float32Array> {
  const logits = new Float32Array(ids.length * labels)
  await runBatches(session, ids, options, (output, positions) => {
    positions.forEach((i, b) => logits.set(output.subarray(b * labels, (b + 1) * labels), i * labels))
  })
  const bad = logits.findIndex((x) => !Number.isFinite(x))
  if (bad >= 0)
    throw new Error(
      `the logits of text ${Math.floor(bad / labels)} hold ${logits[bad]}, expected finite numbers; the model's weights are damaged or overflow`,
    )
  return logits
}

/** As `runLogits`, of a model that is loaded on the device for this call. */
export async function logitsOf(
  device: Device,
  model: StoredModel,
  ids: readonly Int32Array[],
  options: RunOptions = {},
): Promise<Float32Array> {
  const session = await device.load(buildProgram(model, 'logits'))
  try {
    return await runLogits(session, ids, model.config.labels.length, options)
  } finally {
    session.dispose()
  }
}

/** Class with the largest logit per row; the first of equals. */
export function predict(logits: Float32Array, labels: number): Int32Array {
  return Int32Array.from({ length: logits.length / labels }, (_, row) => {
    let best = 0
    for (let label = 1; label < labels; label++)
      if (logits[row * labels + label] > logits[row * labels + best]) best = label
    return best
  })
}

/** Share of each class by softmax over one row of logits. */
export const softmaxRow = (logits: Float32Array, row: number, labels: number): number[] =>
  softmax(logits.subarray(row * labels, (row + 1) * labels))
