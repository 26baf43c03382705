// One row's score: the saved folder is opened as a user would open it, and its own tokenizer reads the test texts.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Device } from '../../kernels/program/device.ts'
import { folderDigest } from '../io/folder.node.ts'
import { inspectModel } from '../recipe/ledger.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { RowPlan } from './catalogue.ts'
import { loadClassifier } from '../inference/classifier.ts'
import { encodeTexts } from '../inference/batches.ts'
import { predict, logitsOf } from '../inference/logits.ts'
import type { PreparedData } from '../data/prepare.ts'
import type { Reporter } from '../inference/reporter.ts'
import { SIGNIFICANT, type StudyRow } from '../report/results.ts'
import { agreement, f1Interval, mcnemar, relativeLoss, scorePredictions } from '../evaluation/statistics.ts'

/** A row without times, as it is kept on disk. */
export interface ScoredRow extends Omit<StudyRow, 'cpu' | 'gpu' | 'note'> {
  notes: string[]
  /** class per test text */
  predictions: number[]
}

export interface ScoreInput {
  plan: RowPlan
  recipe: string
  notes: string[]
  makeSeconds: number
  /** weights of the baseline's encoder linears */
  encoderParams: number
  /** of the saved model */
  folder: string
  /** that folder from the study's own */
  relativeFolder: string
  data: PreparedData
  /** most tokens of a text */
  maxLength: number
  device: Device
  /** the baseline's predictions; null while it is the baseline that is scored */
  baseline: number[] | null
  /** id and predictions of the row that this one was made of; null for the baseline */
  parent: { id: string; predictions: number[] } | null
  seed: number
  reporter: Reporter
  signal?: AbortSignal
}

/** Weights stored for the encoder's linears: zeros of sparse layers are not among them, shared factors count once. */
export function encoderParams(weights: ModelWeights): number {
  return inspectModel(weights)
    .groups.filter(({ name }) => name === 'attention' || name === 'ffn')
    .reduce((sum, { params }) => sum + params, 0)
}

/** Opens, runs and scores a row on the CPU. */
export async function scoreRow(input: ScoreInput): Promise<ScoredRow> {
  const { plan, folder, data, device, seed } = input
  const classes = data.labels.length
  const { weights, tokenizer } = await loadClassifier(folder)
  const encoded = encodeTexts(
    tokenizer,
    data.test.map(({ text }) => text),
    Math.min(input.maxLength, weights.config.maxPositions),
  )
  const running = { signal: input.signal, progress: input.reporter.progress }
  const logits = await logitsOf(device, weights, encoded.ids, running)
  const predicted = predict(logits, classes)
  const expected = data.test.map(({ label }) => label)
  const { f1, accuracy } = scorePredictions(expected, predicted, classes)
  const { low, high } = f1Interval(expected, predicted, classes, { seed })
  const baseline = input.baseline ?? predicted
  const parent = input.parent ?? { id: plan.id, predictions: Array.from(predicted) }
  const {
    loss,
    low: lossLow,
    high: lossHigh,
  } = relativeLoss(expected, parent.predictions, predicted, classes, { seed })
  const notes = [...input.notes]
  if (encoded.truncated > 0)
    notes.push(
      `${encoded.truncated} of ${encoded.ids.length} test texts are longer than ${input.maxLength} tokens and lost their end`,
    )
  return {
    id: plan.id,
    recipe: input.recipe,
    folder: input.relativeFolder,
    modelDigest: await folderDigest(folder),
    bytes: (await stat(join(folder, 'model.safetensors'))).size,
    params: inspectModel(weights).params,
    kept: encoderParams(weights) / input.encoderParams,
    f1,
    f1Low: low,
    f1High: high,
    parent: parent.id,
    loss,
    lossLow,
    lossHigh,
    isNoise: mcnemar(expected, parent.predictions, predicted).p >= SIGNIFICANT,
    makeSeconds: input.makeSeconds,
    accuracy,
    agreement: agreement(baseline, predicted),
    mcnemarP: input.baseline ? mcnemar(expected, baseline, predicted).p : 1,
    notes,
    predictions: Array.from(predicted),
  }
}
