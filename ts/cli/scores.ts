// What the command line says of a classifier on labelled texts, and of an embedder beside another.

import { floorWarning, type Floor } from '../evaluation/floors.ts'
import type { Measures } from '../evaluation/statistics.ts'
import type { TestScores } from '../evaluation/scores.ts'
import type { ClassifierComparison } from '../evaluation/evaluate.ts'
import type { MultiLabelScores } from '../evaluation/multi-label.ts'
import type { RegressionScores } from '../evaluation/regression.ts'
import type { TaskScores } from '../evaluation/task-scores.ts'
import type { VectorScores } from '../evaluation/vectors.ts'
import { columns } from './columns.ts'

/** For people: one line of scores, the confusion matrix and, of more than two labels, each one's scores. */
export function scoreWords({ f1, f1Low, f1High, ...rest }: TestScores): string {
  const { macroF1, macroF1Low, macroF1High, mcc, accuracy, precision, recall, labels, positive, confusion, classes } =
    rest
  const four = (x: number): string => x.toFixed(4)
  const of = positive === null ? `mean of ${labels.length} labels` : `of '${positive}'`
  const table = [['is / said', ...labels], ...confusion.map((row, i) => [labels[i], ...row.map(String)])]
  const each = [
    ['label', 'texts', 'precision', 'recall', 'F1'],
    ...classes.map((c) => [c.label, String(c.n), four(c.precision), four(c.recall), four(c.f1)]),
  ]
  return [
    `F1 ${four(f1)} [${four(f1Low)}, ${four(f1High)}], precision ${four(precision)}, recall ${four(recall)} (${of})`,
    `macro F1 ${four(macroF1)} [${four(macroF1Low)}, ${four(macroF1High)}], MCC ${four(mcc)}, accuracy ${four(accuracy)}`,
    ...columns(table),
    ...(labels.length > 2 ? columns(each) : []),
    '',
  ].join('\n')
}

/** For people: how far two classifiers lie apart on the same texts. */
export function comparisonWords({ other, paired }: ClassifierComparison, against: string): string {
  const signed = (x: number): string => `${x > 0 ? '+' : ''}${x.toFixed(4)}`
  // what is lost the other way round: what the first gains, without a minus zero
  const gains = [-paired.loss, -paired.high, -paired.low].map((x) => signed(x + 0))
  const said = { gain: 'better', mixed: 'better, but its MCC is lower', loss: 'worse', open: 'no difference shown' }
  return `${against}: macro F1 ${other.macroF1.toFixed(4)} [${other.macroF1Low.toFixed(4)}, ${other.macroF1High.toFixed(4)}]; macro F1 less that ${gains[0]} [${gains[1]}, ${gains[2]}], paired: ${said[paired.change]}\n`
}

/** For people: both measures of vectors with their intervals, a line each. */
export function vectorWords({ cosine, overlap, neighbours }: VectorScores): string[] {
  const shown = ({ mean, low, high }: { mean: number; low: number; high: number }): string =>
    `${mean.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`
  return [
    ...(cosine ? [`  mean cosine ${shown(cosine)}`] : []),
    `  share of the ${neighbours} nearest neighbours kept ${shown(overlap)}`,
  ]
}

/** For people: how near numbers are to those of the data. */
export function regressionWords(scores: RegressionScores): string {
  const { pearson, pearsonLow, pearsonHigh, spearman, mse, rmse, mae } = scores
  const four = (x: number): string => (Number.isNaN(x) ? 'undefined' : x.toFixed(4))
  return [
    `Pearson ${four(pearson)} [${four(pearsonLow)}, ${four(pearsonHigh)}], Spearman ${four(spearman)}`,
    `mean squared error ${four(mse)} (root ${four(rmse)}), mean absolute error ${four(mae)}`,
    '',
  ].join('\n')
}

/** For people: the scores of sets of labels, of all together and of each. */
export function multiLabelWords(scores: MultiLabelScores): string {
  const four = (x: number): string => x.toFixed(4)
  const { microF1, microF1Low, microF1High, microPrecision, microRecall, macroF1, exact, threshold, classes } = scores
  return [
    `micro F1 ${four(microF1)} [${four(microF1Low)}, ${four(microF1High)}], precision ${four(microPrecision)}, recall ${four(microRecall)}; macro F1 ${four(macroF1)}; whole sets right ${four(exact)}; labels from a score of ${threshold}`,
    ...columns([
      ['label', 'texts', 'precision', 'recall', 'F1'],
      ...classes.map((c) => [c.label, String(c.n), four(c.precision), four(c.recall), four(c.f1)]),
    ]),
    '',
  ].join('\n')
}

/** For people: the floors beside a model, and first whether one of them does better. */
export function floorWords(floors: readonly Floor[], model: Measures, how: string): string {
  const four = (x: number): string => x.toFixed(4)
  const warning = floorWarning(floors, model, 'macroF1')
  const table = floors.map(({ id, f1, macroF1, mcc, accuracy }) => [id, ...[macroF1, f1, mcc, accuracy].map(four)])
  return [
    ...(warning ? [warning] : []),
    ...columns([[`floors (${how})`, 'macro F1', 'F1', 'MCC', 'accuracy'], ...table]),
    '',
  ].join('\n')
}

/** For people: the scores of a task. */
export function taskWords(scores: TaskScores): string {
  switch (scores.problemType) {
    case 'single_label_classification':
      return scoreWords(scores)
    case 'multi_label_classification':
      return multiLabelWords(scores)
    case 'regression':
      return regressionWords(scores)
  }
}
