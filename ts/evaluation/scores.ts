// A classifier's scores on labelled texts, with their interval.

import {
  classScores,
  confusionMatrix,
  rarerClass,
  scoreIntervals,
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
  macroF1Low: number
  macroF1High: number
  labels: string[]
  /** label that F1, precision and recall are of; null: they are means over the labels */
  positive: string | null
  /** [expected][predicted] */
  confusion: ConfusionMatrix
  /** of each label against all others */
  classes: (ClassScores & { label: string })[]
}

/**
 * Scores of predictions with their intervals; both lists hold a class per text, in [0, labels.length).
 * @param positive label that F1 is of; where null, of two the rarer among those expected, of more all of them
 * @throws where `positive` is none of the labels
 */
export function testScores(
  expected: ArrayLike<number>,
  predicted: ArrayLike<number>,
  labels: string[],
  seed: number,
  positive: string | null = null,
): TestScores {
  const confusion = confusionMatrix(expected, predicted, labels.length)
  const chosen = positiveClass(positive, labels, Array.from(expected))
  const [f1, macroF1] = scoreIntervals(expected, predicted, labels.length, ['f1', 'macroF1'], {
    seed,
    positive: chosen,
  })
  return {
    n: expected.length,
    ...scores(confusion, chosen),
    f1Low: f1.low,
    f1High: f1.high,
    macroF1Low: macroF1.low,
    macroF1High: macroF1.high,
    labels,
    positive: chosen === null ? null : labels[chosen],
    confusion,
    classes: classScores(confusion).map((of, i) => ({ label: labels[i], ...of })),
  }
}

/**
 * The class that F1 is of.
 * @param name label that was asked for; where null, of two labels the rarer one among `present`, of more none
 * @throws where the name is none of the labels
 */
export function positiveClass(name: string | null, labels: string[], present: Iterable<number>): number | null {
  if (name === null) return rarerClass(present, labels.length)
  const found = labels.indexOf(name)
  if (found < 0)
    throw new Error(`positive: '${name}' is not a label; expected one of ${labels.map((l) => `'${l}'`).join(', ')}`)
  return found
}

/** Of which class F1 is, once the labels are in their order; none of more than two. */
export const f1Notes = (labels: string[], positive: number | null): string[] =>
  positive === null ? [] : [`F1 is that of the class '${labels[positive]}'; macro F1 is the mean over all classes.`]
