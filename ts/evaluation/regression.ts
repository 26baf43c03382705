// Scores of a regression: numbers beside numbers.

import { createRandom } from '../../kernels/program/random.ts'
import { quantile } from './statistics.ts'

/** Scores of predicted numbers. */
export interface RegressionScores {
  /** texts */
  n: number
  /** mean squared error */
  mse: number
  /** its root, in the numbers' own unit */
  rmse: number
  /** mean absolute error */
  mae: number
  /** linear correlation; NaN where all numbers of one side are equal */
  pearson: number
  /** 95 % interval of pearson, by resampling the texts */
  pearsonLow: number
  pearsonHigh: number
  /** correlation of ranks; equal numbers share the mean of their ranks */
  spearman: number
}

const RESAMPLES = 1000

/**
 * @param options seed of the interval's resamples
 * @throws where the lists are not of one length, or empty
 */
export function regressionScores(
  expected: ArrayLike<number>,
  predicted: ArrayLike<number>,
  { seed }: { seed: number },
): RegressionScores {
  const n = expected.length
  checkLengths(n, predicted.length)
  let [squares, sizes] = [0, 0]
  for (let i = 0; i < n; i++) {
    const off = predicted[i] - expected[i]
    squares += off * off
    sizes += Math.abs(off)
  }
  const random = createRandom(seed, 'bootstrap')
  const drawn = Float64Array.from({ length: RESAMPLES }, () => {
    const [a, b] = [new Float64Array(n), new Float64Array(n)]
    for (let i = 0; i < n; i++) {
      const at = random.int(n)
      a[i] = expected[at]
      b[i] = predicted[at]
    }
    return correlation(a, b)
  }).filter((value) => !Number.isNaN(value))
  const bound = (share: number): number => (drawn.length ? quantile(drawn, share) : NaN)
  return {
    n,
    mse: squares / n,
    rmse: Math.sqrt(squares / n),
    mae: sizes / n,
    pearson: correlation(expected, predicted),
    pearsonLow: bound(0.025),
    pearsonHigh: bound(0.975),
    spearman: correlation(ranks(expected), ranks(predicted)),
  }
}

function checkLengths(expected: number, predicted: number): void {
  if (expected !== predicted || expected === 0)
    throw new Error(`scores: ${expected} expected and ${predicted} predicted, expected as many of both, at least one`)
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  let [both, ofA, ofB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    both += (a[i] - meanA) * (b[i] - meanB)
    ofA += (a[i] - meanA) ** 2
    ofB += (b[i] - meanB) ** 2
  }
  return both / Math.sqrt(ofA * ofB)
}

function mean(list: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < list.length; i++) sum += list[i]
  return sum / list.length
}

function ranks(list: ArrayLike<number>): Float64Array {
  const order = Array.from(list, (_, i) => i).sort((i, j) => list[i] - list[j])
  const found = new Float64Array(list.length)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to < order.length && list[order[to]] === list[order[from]]) to++
    for (let at = from; at < to; at++) found[order[at]] = (from + to - 1) / 2
    from = to
  }
  return found
}
