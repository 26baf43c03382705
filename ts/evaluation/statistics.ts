// The numbers that a result row is made of: classification scores with their uncertainty, and timings.

import { createRandom } from '../../kernels/program/random.ts'

/** Counts [expected][predicted]. */
export type ConfusionMatrix = number[][]

/** Measures that can decide. */
export const METRICS = ['macroF1', 'f1', 'accuracy', 'mcc'] as const
export type Metric = (typeof METRICS)[number]

/** What the measures are called where they are shown. */
export const METRIC_NAMES: Record<Metric, string> = {
  macroF1: 'macro F1',
  f1: 'F1',
  accuracy: 'accuracy',
  mcc: 'MCC',
}

/** The measures of every floor and row of a study. */
export type Measures = Record<Metric, number>

export interface Scores extends Measures {
  accuracy: number
  precision: number
  recall: number
  /** of the positive class; of more than two classes without one the mean over the classes (macro) */
  f1: number
  /** mean over the classes, however many there are */
  macroF1: number
  /**
   * Matthews' correlation of expected and predicted classes, -1 to 1, for any number of classes [Gorodkin 2004]; 0 where one
   * class alone is expected or predicted
   */
  mcc: number
}

type Labels = ArrayLike<number>

/**
 * Counts how often each class was taken for each other.
 * @param expected class per example, each an integer in [0, classes)
 * @param predicted likewise
 * @returns counts [classes][classes], first index the expected class
 * @throws where the lengths differ, nothing is given or a class is out of range
 */
export function confusionMatrix(expected: Labels, predicted: Labels, classes: number): ConfusionMatrix {
  const cells = confusionCells(expected, predicted, classes)
  const counts = new Float64Array(classes * classes)
  for (let i = 0; i < cells.length; i++) counts[cells[i]]++
  return Array.from({ length: classes }, (_, row) => Array.from(counts.subarray(row * classes, (row + 1) * classes)))
}

/**
 * All measures. Precision, recall and F1 are those of the class `positive`; where it is null, of two classes those of class 1,
 * else means over all classes. A ratio whose denominator is 0 counts as 0.
 */
export function scores(matrix: ConfusionMatrix, positive: number | null = null): Scores {
  const classes = matrix.length
  return scoreCounts(Float64Array.from(matrix.flat()), classes, positive)
}

/**
 * The class that F1 is of where none is named: of two the rarer one, class 1 where both are as many; of more none.
 * @param labels class per example, in [0, classes)
 */
export function rarerClass(labels: Iterable<number>, classes: number): number | null {
  if (classes !== 2) return null
  let [zeros, ones] = [0, 0]
  for (const label of labels)
    if (label === 0) zeros++
    else ones++
  return zeros < ones ? 0 : 1
}

export interface ClassScores {
  /** examples of the class */
  n: number
  precision: number
  recall: number
  f1: number
}

/** Precision, recall and F1 of each class against all others; a ratio whose denominator is 0 counts as 0. */
export function classScores(matrix: ConfusionMatrix): ClassScores[] {
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0)
  return matrix.map((row, c) => {
    const predicted = sum(matrix.map((other) => other[c]))
    return {
      n: sum(row),
      precision: ratio(row[c], predicted),
      recall: ratio(row[c], sum(row)),
      f1: ratio(2 * row[c], sum(row) + predicted),
    }
  })
}

/** Scores of predictions; see `confusionMatrix` for the arguments and errors. */
export function scorePredictions(
  expected: Labels,
  predicted: Labels,
  classes: number,
  positive: number | null = null,
): Scores {
  return scores(confusionMatrix(expected, predicted, classes), positive)
}

/** Share of examples that two classifiers put in the same class, in [0, 1]. */
export function agreement(a: Labels, b: Labels): number {
  checkLengths('agreement', a, b)
  let same = 0
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) same++
  return same / a.length
}

export interface Interval {
  low: number
  high: number
}

/**
 * Percentile bootstrap interval of a measure: examples are drawn with replacement, `resamples` times.
 * @param options seed; metric ('f1') and its positive class as in `scores`; resamples (1000); level (0.95)
 * @throws as `confusionMatrix`
 */
export function scoreInterval(
  expected: Labels,
  predicted: Labels,
  classes: number,
  options: { seed: number; metric?: Metric; positive?: number | null; resamples?: number; level?: number },
): Interval {
  const { metric = 'f1', ...others } = options
  return scoreIntervals(expected, predicted, classes, [metric], others)[0]
}

/** As `scoreInterval`, of several measures on the same drawn examples. */
export function scoreIntervals(
  expected: Labels,
  predicted: Labels,
  classes: number,
  metrics: readonly Metric[],
  options: { seed: number; positive?: number | null; resamples?: number; level?: number },
): Interval[] {
  const { seed, positive = null, resamples = 1000, level = 0.95 } = options
  checkBootstrap('scoreInterval', resamples, level)
  // a measure needs only which cell of the confusion matrix each drawn example falls in
  const cells = confusionCells(expected, predicted, classes)
  const random = createRandom(seed, 'bootstrap')
  const counts = new Float64Array(classes * classes)
  const drawn = metrics.map(() => new Float64Array(resamples))
  for (let r = 0; r < resamples; r++) {
    counts.fill(0)
    for (let i = 0; i < cells.length; i++) counts[cells[random.int(cells.length)]]++
    const scored = scoreCounts(counts, classes, positive)
    metrics.forEach((metric, m) => (drawn[m][r] = scored[metric]))
  }
  return drawn.map((values) => ({ low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) }))
}

/** The interval of F1 as `scores` gives it: see `scoreInterval`. */
export function f1Interval(
  expected: Labels,
  predicted: Labels,
  classes: number,
  options: { seed: number; resamples?: number; level?: number },
): Interval {
  return scoreInterval(expected, predicted, classes, { ...options, metric: 'f1' })
}

/** @throws where a bootstrap's number of resamples or its level is not one */
export function checkBootstrap(name: string, resamples: number, level: number): void {
  if (!(level > 0 && level < 1)) throw new Error(`${name}: level = ${level}, expected a share between 0 and 1`)
  if (!Number.isInteger(resamples) || resamples < 1)
    throw new Error(`${name}: resamples = ${resamples}, expected a whole number from 1`)
}

export interface RelativeLoss extends Interval {
  /** (F1 of the parent - F1) / F1 of the parent; below 0 where the variant is better */
  loss: number
}

/**
 * What a variant loses of its parent's F1, with a paired percentile bootstrap interval: both are scored on the same drawn
 * examples, so that what is hard for both does not widen it.
 * @param options seed; resamples (1000); level (0.95)
 * @throws as `confusionMatrix`
 */
export function relativeLoss(
  expected: Labels,
  parent: Labels,
  predicted: Labels,
  classes: number,
  options: { seed: number; resamples?: number; level?: number },
): RelativeLoss {
  const { seed, resamples = 1000, level = 0.95 } = options
  const [first, second] = [confusionCells(expected, parent, classes), confusionCells(expected, predicted, classes)]
  const random = createRandom(seed, 'paired bootstrap')
  const counts = [new Float64Array(classes * classes), new Float64Array(classes * classes)]
  const lossOf = (draw: (i: number) => number): number => {
    for (const count of counts) count.fill(0)
    for (let i = 0; i < first.length; i++) {
      const at = draw(i)
      counts[0][first[at]]++
      counts[1][second[at]]++
    }
    const [before, after] = counts.map((count) => scoreCounts(count, classes, null).f1)
    return before === 0 ? 0 : (before - after) / before
  }
  const loss = lossOf((i) => i)
  const values = Float64Array.from({ length: resamples }, () => lossOf(() => random.int(first.length)))
  return { loss, low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) }
}

export interface McNemar {
  /** examples that only the first classifier gets right */
  onlyFirst: number
  /** examples that only the second classifier gets right */
  onlySecond: number
  /** two-sided exact p-value of "both are equally good"; 1 where they never differ in being right */
  p: number
}

/** McNemar's exact (binomial) test of two classifiers on the same examples. */
export function mcnemar(expected: Labels, first: Labels, second: Labels): McNemar {
  checkLengths('mcnemar', expected, first)
  checkLengths('mcnemar', expected, second)
  let onlyFirst = 0
  let onlySecond = 0
  for (let i = 0; i < expected.length; i++) {
    const firstIsRight = first[i] === expected[i]
    const secondIsRight = second[i] === expected[i]
    if (firstIsRight && !secondIsRight) onlyFirst++
    if (secondIsRight && !firstIsRight) onlySecond++
  }
  const n = onlyFirst + onlySecond
  const fewer = Math.min(onlyFirst, onlySecond)
  // Terms C(n, i) / 2^n by their logarithm: 2^n overflows from n = 1024.
  let logTerm = -n * Math.LN2
  let tail = Math.exp(logTerm)
  for (let i = 1; i <= fewer; i++) {
    logTerm += Math.log((n - i + 1) / i)
    tail += Math.exp(logTerm)
  }
  return { onlyFirst, onlySecond, p: Math.min(1, 2 * tail) }
}

/** Middle value; mean of the two middle ones where their number is even. Throws on an empty list. */
export function median(values: Labels): number {
  return quantile(values, 0.5)
}

/** Median absolute deviation from the median, not scaled. Throws on an empty list. */
export function medianAbsoluteDeviation(values: Labels): number {
  const middle = median(values)
  return median(Float64Array.from({ length: values.length }, (_, i) => Math.abs(values[i] - middle)))
}

/** The value that 95 % of `values` do not exceed, by linear interpolation. Throws on an empty list. */
export function p95(values: Labels): number {
  return quantile(values, 0.95)
}

/** Quantile in [0, 1] by linear interpolation between order statistics. Throws on an empty list or NaN. */
export function quantile(values: Labels, share: number): number {
  if (values.length === 0) throw new Error('quantile: no values; expected at least one')
  if (!(share >= 0 && share <= 1)) throw new Error(`quantile: share = ${share}, expected 0 to 1`)
  const sorted = Float64Array.from(values).sort()
  if (Number.isNaN(sorted[sorted.length - 1])) throw new Error('quantile: a value is NaN; expected numbers')
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] === sorted[above]
    ? sorted[below]
    : sorted[below] + (position - below) * (sorted[above] - sorted[below])
}

/** Summary of a timing series, in the unit of `values`. */
export function summarize(values: Labels): { median: number; mad: number; p95: number; n: number } {
  return { median: median(values), mad: medianAbsoluteDeviation(values), p95: p95(values), n: values.length }
}

function checkLengths(name: string, a: Labels, b: Labels): void {
  if (a.length !== b.length || a.length === 0)
    throw new Error(`${name}: expected two lists of one length, at least 1; found ${a.length} and ${b.length}`)
}

export function confusionCells(expected: Labels, predicted: Labels, classes: number): Uint32Array {
  checkLengths('confusionMatrix', expected, predicted)
  if (!Number.isInteger(classes) || classes < 2)
    throw new Error(`confusionMatrix: classes = ${classes}, expected a whole number from 2`)
  const cells = new Uint32Array(expected.length)
  for (let i = 0; i < cells.length; i++) {
    for (const label of [expected[i], predicted[i]])
      if (!Number.isInteger(label) || label < 0 || label >= classes)
        throw new Error(`confusionMatrix: class ${label} at ${i} is outside [0, ${classes})`)
    cells[i] = expected[i] * classes + predicted[i]
  }
  return cells
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

/** Measures from counts [expected][predicted] in one row. */
export function scoreCounts(counts: Float64Array, classes: number, positive: number | null): Scores {
  const chosen = positive ?? (classes === 2 ? 1 : null)
  let total = 0
  let right = 0
  // sums over the classes of what the multi-class correlation is made of
  let products = 0
  let squaresExpected = 0
  let squaresPredicted = 0
  let macroF1 = 0
  let macroPrecision = 0
  let macroRecall = 0
  let f1 = 0
  let precision = 0
  let recall = 0
  for (let c = 0; c < classes; c++) {
    let expected = 0
    let predicted = 0
    for (let other = 0; other < classes; other++) {
      expected += counts[c * classes + other]
      predicted += counts[other * classes + c]
    }
    const hits = counts[c * classes + c]
    total += expected
    right += hits
    products += expected * predicted
    squaresExpected += expected * expected
    squaresPredicted += predicted * predicted
    const f1OfClass = ratio(2 * hits, expected + predicted)
    macroF1 += f1OfClass / classes
    macroPrecision += ratio(hits, predicted) / classes
    macroRecall += ratio(hits, expected) / classes
    if (c !== chosen) continue
    f1 = f1OfClass
    precision = ratio(hits, predicted)
    recall = ratio(hits, expected)
  }
  if (chosen === null) {
    f1 = macroF1
    precision = macroPrecision
    recall = macroRecall
  }
  const spread = Math.sqrt((total * total - squaresExpected) * (total * total - squaresPredicted))
  const mcc = ratio(right * total - products, spread)
  return { accuracy: ratio(right, total), precision, recall, f1, macroF1, mcc }
}
