// What `train` and `evaluate` say of a classifier on labelled texts.

import { buildProgram } from '../model/bert.ts'
import type { ModelWeights } from '../model/weights.ts'
import { openDevice } from '../inference/study-devices.ts'
import { encodeTexts, predict, runLogits } from '../inference/evaluate.ts'
import type { LabelledText } from '../data/prepare.ts'
import {
  classScores,
  confusionMatrix,
  f1Interval,
  scores,
  type ClassScores,
  type ConfusionMatrix,
  type Scores,
} from '../evaluation/statistics.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { columns } from './columns.ts'

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

/** Runs a trained model on texts it has not seen. This is the first time that anything reads them. */
export async function scoreModel(
  model: ModelWeights,
  tokenizer: Tokenizer,
  rows: LabelledText[],
  options: { maxLength: number; threads: number; seed: number },
): Promise<TestScores> {
  const { labels } = model.config
  const device = await openDevice('cpu', options.threads)
  try {
    const session = await device.load(buildProgram(model, 'logits'))
    const { ids } = encodeTexts(
      tokenizer,
      rows.map(({ text }) => text),
      options.maxLength,
    )
    const predicted = predict(await runLogits(session, ids, labels.length), labels.length)
    session.dispose()
    return testScores(
      rows.map(({ label }) => label),
      predicted,
      labels,
      options.seed,
    )
  } finally {
    await device.dispose()
  }
}

/** For people: one line of scores, the confusion matrix and, of more than two labels, each one's scores. */
export function scoreWords({ f1, f1Low, f1High, ...rest }: TestScores): string {
  const { accuracy, precision, recall, labels, confusion, classes } = rest
  const four = (x: number): string => x.toFixed(4)
  const of = labels.length === 2 ? `of '${labels[1]}'` : `mean of ${labels.length} labels`
  const table = [['is / said', ...labels], ...confusion.map((row, i) => [labels[i], ...row.map(String)])]
  const each = [
    ['label', 'texts', 'precision', 'recall', 'F1'],
    ...classes.map((c) => [c.label, String(c.n), four(c.precision), four(c.recall), four(c.f1)]),
  ]
  return [
    `F1 ${four(f1)} [${four(f1Low)}, ${four(f1High)}], precision ${four(precision)}, recall ${four(recall)} (${of}), accuracy ${four(accuracy)}`,
    ...columns(table),
    ...(labels.length > 2 ? columns(each) : []),
    '',
  ].join('\n')
}
