import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import {
  agreement,
  confusionMatrix,
  f1Interval,
  mcnemar,
  median,
  medianAbsoluteDeviation,
  p95,
  quantile,
  rarerClass,
  relativeLoss,
  scorePredictions,
  scores,
  summarize,
} from './statistics.ts'

/** CPU time since `start`: unlike the clock it does not run while other processes have the cores. */
function cpuMs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

describe('classification scores', () => {
  const expected = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
  const predicted = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0]

  test('two classes: those of class 1', () => {
    expect(confusionMatrix(expected, predicted, 2)).toEqual([
      [5, 1],
      [1, 3],
    ])
    expect(scorePredictions(expected, predicted, 2)).toMatchObject({
      accuracy: 0.8,
      precision: 0.75,
      recall: 0.75,
      f1: 0.75,
    })
  })

  test('three classes: macro means, as scikit-learn gives them', () => {
    // sklearn.metrics.precision_recall_fscore_support([0,1,2,0,1,2], [0,2,1,0,0,1], average='macro')
    const result = scorePredictions([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 3)
    expect(result.precision).toBeCloseTo(2 / 9, 12)
    expect(result.recall).toBeCloseTo(1 / 3, 12)
    expect(result.f1).toBeCloseTo(0.8 / 3, 12)
    expect(result.accuracy).toBeCloseTo(1 / 3, 12)
  })

  test('F1 of either class, macro F1 and Matthews correlation, as scikit-learn gives them', () => {
    // f1_score(pos_label=0) 10/12, average='macro' (10/12 + 3/4) / 2, matthews_corrcoef 14/24
    const of = (positive: number | null): ReturnType<typeof scores> =>
      scorePredictions(expected, predicted, 2, positive)
    expect(of(0).f1).toBeCloseTo(10 / 12, 12)
    expect(of(1).f1).toBe(0.75)
    expect(of(null)).toEqual(of(1))
    for (const positive of [0, 1]) {
      expect(of(positive).macroF1).toBeCloseTo((10 / 12 + 3 / 4) / 2, 12)
      expect(of(positive).mcc).toBeCloseTo(14 / 24, 12)
    }
    // matthews_corrcoef([0,1,2,0,1,2], [0,2,1,0,0,1]) = 0
    expect(scorePredictions([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 3).mcc).toBeCloseTo(0, 12)
    expect(scorePredictions([0, 1, 2, 2], [0, 1, 2, 1], 3).mcc).toBeCloseTo(0.7, 1)
    expect(scorePredictions([0, 1, 2, 2], [0, 1, 2, 1], 3, 1).f1).toBeCloseTo(2 / 3, 12)
  })

  test('the rarer of two classes is the positive one, the second where both are as many', () => {
    expect(rarerClass([0, 1, 1], 2)).toBe(0)
    expect(rarerClass([0, 0, 1], 2)).toBe(1)
    expect(rarerClass([0, 1], 2)).toBe(1)
    expect(rarerClass([0, 1, 2], 3)).toBeNull()
  })

  test('a class that is never predicted counts as 0, not NaN', () => {
    expect(
      scores([
        [5, 0],
        [5, 0],
      ]),
    ).toEqual({ accuracy: 0.5, precision: 0, recall: 0, f1: 0, macroF1: 1 / 3, mcc: 0 })
  })

  test('wrong input is refused with what was found', () => {
    expect(() => confusionMatrix([1], [1, 0], 2)).toThrow(/found 1 and 2/)
    expect(() => confusionMatrix([], [], 2)).toThrow(/at least 1/)
    expect(() => confusionMatrix([0, 2], [0, 1], 2)).toThrow(/class 2 at 1/)
    expect(() => confusionMatrix([0], [NaN], 2)).toThrow(/class NaN at 0/)
    expect(() => agreement([], [])).toThrow(/at least 1/)
  })

  test('agreement is the share of equal answers', () => {
    expect(agreement(expected, predicted)).toBe(0.8)
    expect(agreement(expected, expected)).toBe(1)
  })
})

describe('f1Interval', () => {
  const random = createRandom(11)
  const expected = Int32Array.from({ length: 1200 }, () => random.int(2))
  const predicted = expected.map((label) => (random.next() < 0.9 ? label : 1 - label))

  test('repeats for a seed, holds the point, and has about the width of theory', () => {
    const interval = f1Interval(expected, predicted, 2, { seed: 5 })
    expect(f1Interval(expected, predicted, 2, { seed: 5 })).toEqual(interval)
    const { f1 } = scorePredictions(expected, predicted, 2)
    expect(interval.low).toBeLessThan(f1)
    expect(interval.high).toBeGreaterThan(f1)
    // sd of F1 near sqrt(0.1 * 0.9 / 1200) = 0.0087, interval 3.92 of them = 0.034
    expect(interval.high - interval.low).toBeGreaterThan(0.025)
    expect(interval.high - interval.low).toBeLessThan(0.045)
  })

  test('perfect answers leave no uncertainty', () => {
    expect(f1Interval(expected, expected, 2, { seed: 1 })).toEqual({ low: 1, high: 1 })
  })

  test('1000 resamples of 1200 examples take well under a second', () => {
    const start = process.cpuUsage()
    f1Interval(expected, predicted, 2, { seed: 2 })
    expect(cpuMs(start)).toBeLessThan(1000)
  })
})

describe('relativeLoss', () => {
  const random = createRandom(12)
  const expected = Int32Array.from({ length: 1500 }, () => random.int(2))
  const parent = expected.map((label) => (random.next() < 0.9 ? label : 1 - label))
  const worse = parent.map((label) => (random.next() < 0.98 ? label : 1 - label))

  test('is the share of F1 that is lost, inside its interval, the same for a seed', () => {
    const found = relativeLoss(expected, parent, worse, 2, { seed: 3 })
    const [before, after] = [parent, worse].map((labels) => scorePredictions(expected, labels, 2).f1)
    expect(found.loss).toBeCloseTo((before - after) / before, 12)
    expect(found.low).toBeLessThan(found.loss)
    expect(found.high).toBeGreaterThan(found.loss)
    expect(relativeLoss(expected, parent, worse, 2, { seed: 3 })).toEqual(found)
  })

  test('is paired: narrower than two intervals on their own, and nothing where both agree', () => {
    const { low, high } = relativeLoss(expected, parent, worse, 2, { seed: 3 })
    const own = f1Interval(expected, parent, 2, { seed: 3 })
    expect(high - low).toBeLessThan(0.75 * (own.high - own.low))
    expect(relativeLoss(expected, parent, parent, 2, { seed: 3 })).toEqual({ loss: 0, low: 0, high: 0 })
  })

  test('a better variant loses less than nothing', () => {
    expect(relativeLoss(expected, worse, expected, 2, { seed: 1 }).loss).toBeLessThan(0)
  })
})

describe('mcnemar', () => {
  const build = (onlyFirst: number, onlySecond: number, both: number): ReturnType<typeof mcnemar> => {
    const first = [...Array(onlyFirst).fill(1), ...Array(onlySecond).fill(0), ...Array(both).fill(1)]
    const second = [...Array(onlyFirst).fill(0), ...Array(onlySecond).fill(1), ...Array(both).fill(1)]
    return mcnemar(Array(first.length).fill(1), first, second)
  }

  test('known binomial tails', () => {
    expect(build(0, 5, 10)).toEqual({ onlyFirst: 0, onlySecond: 5, p: 0.0625 })
    expect(build(1, 9, 3).p).toBeCloseTo((2 * 11) / 1024, 12)
    expect(build(6, 6, 1).p).toBe(1)
    expect(build(0, 0, 4).p).toBe(1)
  })

  test('thousands of differences do not overflow', () => {
    const { p } = build(2000, 2200, 0)
    expect(p).toBeGreaterThan(0.001)
    expect(p).toBeLessThan(0.003) // normal approximation with continuity: z = 199 / sqrt(4200), p = 0.0021
  })
})

describe('order statistics', () => {
  test('known values', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(medianAbsoluteDeviation([1, 1, 2, 2, 4, 6, 9])).toBe(1)
    expect(p95(Array.from({ length: 101 }, (_, i) => i))).toBe(95)
    expect(summarize([5])).toEqual({ median: 5, mad: 0, p95: 5, n: 1 })
    expect(() => median([])).toThrow(/at least one/)
    expect(() => median([1, NaN])).toThrow(/NaN/)
  })

  test('a quantile lies between the extremes and does not depend on order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const result = quantile(values, share)
          expect(result).toBeGreaterThanOrEqual(Math.min(...values))
          expect(result).toBeLessThanOrEqual(Math.max(...values))
          expect(quantile([...values].reverse(), share)).toBe(result)
        },
      ),
      { seed: 42 },
    )
  })
})
