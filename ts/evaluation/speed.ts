// How many times as fast one thing runs as another, from rounds in which both were timed: the ratio of each round, since what
// slows a computer down slows both, and an interval for their median that assumes nothing of how the times are spread.

import { median } from './statistics.ts'

/** How many times as fast as the baseline: above 1 is faster. */
export interface Speed {
  ratio: number
  /** interval of the ratio; without enough rounds 0 and null, which stands for no bound */
  low: number
  high: number | null
  /** the interval holds 1, or would where it is as far off as the baseline is from itself: neither faster nor slower */
  isTie: boolean
}

export interface SpeedOptions {
  /** statements beside this one, itself included: the interval's level is 1 - 0.05 / family (Bonferroni); 1 */
  family?: number
  /** how many times as fast the baseline came out against itself: what the method cannot tell apart; 1 */
  control?: number
}

const ALPHA = 0.05

/**
 * The ends of the sign test's interval of a median: which of n sorted values, counted from 0, they are.
 * @returns null where there are too few values for the level
 */
export function medianRanks(n: number, alpha: number): [low: number, high: number] | null {
  // P(at most k of n values lie below the median), summed term by term from C(n, 0) / 2^n
  let term = 2 ** -n
  let tail = 0
  let k = -1
  while (k < n && 2 * (tail + term) <= alpha) {
    tail += term
    k++
    term *= (n - k) / (k + 1)
  }
  return k < 0 ? null : [k, n - 1 - k]
}

/** A median with its 95 % interval; the range of all values where they are too few for one. */
export function medianInterval(values: readonly number[]): { low: number; high: number } {
  const sorted = Float64Array.from(values).sort()
  const [low, high] = medianRanks(sorted.length, ALPHA) ?? [0, sorted.length - 1]
  return { low: sorted[low], high: sorted[high] }
}

/**
 * How many times as fast `of` is as `base`.
 * @param base milliseconds of each round; `of` those of the same rounds
 * @throws where the lists are empty or of different lengths
 */
export function compareTimes(
  base: readonly number[],
  of: readonly number[],
  { family = 1, control = 1 }: SpeedOptions = {},
): Speed {
  if (base.length !== of.length || base.length === 0)
    throw new Error(`compareTimes: expected two lists of one length, at least 1; found ${base.length} and ${of.length}`)
  const ratios = Float64Array.from(base, (ms, round) => ms / of[round]).sort()
  const ratio = median(ratios)
  const ranks = medianRanks(ratios.length, ALPHA / family)
  if (!ranks) return { ratio, low: 0, high: null, isTie: true }
  const [low, high] = [ratios[ranks[0]], ratios[ranks[1]]]
  const blur = Math.max(control, 1 / control)
  return { ratio, low, high, isTie: low / blur <= 1 && high * blur >= 1 }
}
