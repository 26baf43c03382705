// One row's score: the saved folder is opened as a user would open it, and its own tokenizer reads the test texts.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Device } from '../../kernels/program/device.ts'
import { folderDigest } from '../io/folder.node.ts'
import { inspectModel, inspectSource } from '../recipe/ledger.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { RowPlan } from './catalogue.ts'
import { loadClassifier } from '../inference/classifier.ts'
import { encodeTexts } from '../inference/batches.ts'
import { predict, logitsOf } from '../inference/logits.ts'
import type { PreparedData } from '../data/prepare.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { StudyRow } from '../report/results.ts'
import { confusionMatrix, scoreIntervals, scorePredictions, scores, type Metric } from '../evaluation/statistics.ts'
import type { LabelledText } from '../data/examples.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

/** A row without times and without what other rows say of it, as it is kept on disk. */
export interface ScoredRow extends Omit<
  StudyRow,
  'cpu' | 'gpu' | 'note' | 'loss' | 'lossLow' | 'lossHigh' | 'change' | 'isNoWorse' | 'agreement'
> {
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
  metric: Metric
  /** class that F1 is of, as in `scores` */
  positive: number | null
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
  const { plan, folder, data, seed, metric, positive } = input
  const classes = data.labels.length
  const { weights, tokenizer } = await loadClassifier(folder)
  const { predicted, truncated } = await sayAll(input, weights, tokenizer, data.test)
  const chosenBy = await sayAll(input, weights, tokenizer, data.validation)
  const expected = data.test.map(({ label }) => label)
  const confusion = confusionMatrix(expected, predicted, classes)
  const { accuracy, f1, macroF1, mcc } = scores(confusion, positive)
  const [ofF1, deciding] = scoreIntervals(expected, predicted, classes, ['f1', metric], { seed, positive })
  const ofValidation = scorePredictions(
    data.validation.map(({ label }) => label),
    chosenBy.predicted,
    classes,
    positive,
  )
  const notes = [...input.notes]
  // rows with the baseline's tokenizer cut as it does, which is said once
  if (truncated > 0 && plan.id === 'student')
    notes.push(
      `${truncated} of ${data.test.length} test texts are longer than ${input.maxLength} of its own tokens and lost their end`,
    )
  return {
    id: plan.id,
    recipe: input.recipe,
    folder: input.relativeFolder,
    modelDigest: await folderDigest(folder),
    ledger: (await inspectSource(folder)).groups.map(({ name, kind, bytes }) => ({ name, kind, bytes })),
    bytes: (await stat(join(folder, 'model.safetensors'))).size,
    params: inspectModel(weights).params,
    kept: encoderParams(weights) / input.encoderParams,
    ...{ accuracy, f1, f1Low: ofF1.low, f1High: ofF1.high, macroF1, mcc, confusion },
    ...{ low: deciding.low, high: deciding.high, validation: ofValidation[metric] },
    parent: plan.id === plan.base ? 'baseline' : plan.base,
    makeSeconds: input.makeSeconds,
    notes,
    predictions: Array.from(predicted),
  }
}

/** The class of each text, by the model as it was saved and its own tokenizer. */
async function sayAll(
  { device, maxLength, data, signal, reporter }: ScoreInput,
  weights: ModelWeights,
  tokenizer: Tokenizer,
  rows: LabelledText[],
): Promise<{ predicted: ArrayLike<number>; truncated: number }> {
  const texts = rows.map(({ text }) => text)
  const encoded = encodeTexts(tokenizer, texts, Math.min(maxLength, weights.config.maxPositions))
  const logits = await logitsOf(device, weights, encoded.ids, { signal, progress: reporter.progress })
  return { predicted: predict(logits, data.labels.length), truncated: encoded.truncated }
}
