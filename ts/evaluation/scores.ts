// A classifier's scores on labelled texts, with their interval.

import type { LabelledText } from '../data/examples.ts'
import { encodeTexts } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import { logitsOf, predict } from '../inference/logits.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import {
  classScores,
  confusionMatrix,
  f1Interval,
  scores,
  type ClassScores,
  type ConfusionMatrix,
  type Scores,
} from './statistics.ts'

export interface TestScores extends Scores {
  /** texts */
  n: number
  /** 95 % interval */
  f1Low: number
  f1High: number
  labels: string[]
  /** [expected][predicted] */
  confusion: ConfusionMatrix
  /** of each label against all others */
  classes: (ClassScores & { label: string })[]
}

/** Scores of predictions with their interval; both lists hold a class per text, in [0, labels.length). */
export function testScores(
  expected: ArrayLike<number>,
  predicted: ArrayLike<number>,
  labels: string[],
  seed: number,
): TestScores {
  const confusion = confusionMatrix(expected, predicted, labels.length)
  const { low, high } = f1Interval(expected, predicted, labels.length, { seed })
  return {
    n: expected.length,
    ...scores(confusion),
    f1Low: low,
    f1High: high,
    labels,
    confusion,
    classes: classScores(confusion).map((of, i) => ({ label: labels[i], ...of })),
  }
}

/** A model's scores on labelled texts, on the CPU. */
export async function scoreModel(
  model: ModelWeights,
  tokenizer: Tokenizer,
  rows: LabelledText[],
  options: { maxLength: number; threads?: number; seed: number },
): Promise<TestScores> {
  const { labels } = model.config
  const texts = rows.map(({ text }) => text)
  const { ids } = encodeTexts(tokenizer, texts, options.maxLength)
  const { device } = await openDevice({ device: 'cpu', threads: options.threads })
  try {
    const predicted = predict(await logitsOf(device, model, ids), labels.length)
    const expected = rows.map(({ label }) => label)
    return testScores(expected, predicted, labels, options.seed)
  } finally {
    await device.dispose()
  }
}

/** Of which class F1 is, once the labels are in their order; none of more than two. */
export const f1Notes = (labels: string[]): string[] =>
  labels.length === 2 ? [`F1 is that of the class '${labels[1]}'; the other is '${labels[0]}'.`] : []
