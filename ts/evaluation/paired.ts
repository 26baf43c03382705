// One test for one statement: how far a measure of two classifiers on the same texts lies apart, by a paired bootstrap. What
// is said of the two follows from that interval alone.

import { createRandom } from '../../kernels/program/random.ts'
import {
  checkBootstrap,
  confusionCells,
  quantile,
  scoreCounts,
  type Interval,
  type Measures,
  type Metric,
} from './statistics.ts'

/**
 * What an interval of a loss says. 'gain': all of it is below 0, and Matthews' correlation is not lower either (a measure
 * that a skew of the classes lifts is no gain); 'mixed': all of it is below 0, but that correlation is lower; 'loss': all of it
 * is above 0; 'open': it holds 0.
 */
export type Change = 'gain' | 'mixed' | 'loss' | 'open'

export interface PairedLoss extends Interval {
  /** the measure of the first less that of the second: below 0 where the second is better */
  loss: number
  change: Change
}

export interface PairedOptions {
  seed: number
  metric: Metric
  /** class that F1 is of; null as in `scores` */
  positive: number | null
  /**
   * Statements that are made beside this one, itself included: the level of the interval is 1 - 0.05 / family, so that all
   * of them together are right in 95 % of the cases (Bonferroni); 1
   */
  family?: number
}

const ALPHA = 0.05
/** Resamples that lie outside the interval on each side, about: fewer would make its ends a matter of luck. */
const TAIL = 10

/**
 * What the second classifier loses against the first, with its paired percentile bootstrap interval: both are scored on the
 * same drawn texts, so that what is hard for both does not widen it.
 * @param expected class per text, in [0, classes); `first` and `second` likewise what the two say
 * @throws as `confusionMatrix`
 */
export function pairedLoss(
  expected: ArrayLike<number>,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  classes: number,
  { seed, metric, positive, family = 1 }: PairedOptions,
): PairedLoss {
  if (!Number.isInteger(family) || family < 1)
    throw new Error(`pairedLoss: family = ${family}, expected a whole number from 1`)
  const level = 1 - ALPHA / family
  const resamples = Math.ceil((2 * TAIL * family) / ALPHA)
  checkBootstrap('pairedLoss', resamples, level)
  const [a, b] = [confusionCells(expected, first, classes), confusionCells(expected, second, classes)]
  const [of, others] = [new Float64Array(classes * classes), new Float64Array(classes * classes)]
  const measured = (draw: (i: number) => number): [Measures, Measures] => {
    of.fill(0)
    others.fill(0)
    for (let i = 0; i < a.length; i++) {
      const at = draw(i)
      of[a[at]]++
      others[b[at]]++
    }
    return [scoreCounts(of, classes, positive), scoreCounts(others, classes, positive)]
  }
  const [before, after] = measured((i) => i)
  const random = createRandom(seed, 'paired bootstrap')
  const losses = Float64Array.from({ length: resamples }, () => {
    // the bias of | 0 is below 2^-20 for any number of texts that fits into memory
    const [x, y] = measured(() => (random.next() * a.length) | 0)
    return x[metric] - y[metric]
  })
  const [low, high] = [quantile(losses, (1 - level) / 2), quantile(losses, (1 + level) / 2)]
  return { loss: before[metric] - after[metric], low, high, change: changeOf(low, high, after.mcc - before.mcc) }
}

/** @param mccGain what Matthews' correlation gains */
function changeOf(low: number, high: number, mccGain: number): Change {
  if (low > 0) return 'loss'
  if (high < 0) return mccGain >= 0 ? 'gain' : 'mixed'
  return 'open'
}
