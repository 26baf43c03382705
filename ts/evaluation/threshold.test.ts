import { describe, expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import { scorePredictions } from './statistics.ts'
import { chooseShift } from './threshold.ts'

const logitsOf = (margins: number[]): Float32Array => Float32Array.from(margins.flatMap((margin) => [0, margin]))

describe('chooseShift', () => {
  it('finds the cut that tells all apart, and stays at 0 where that is as good', () => {
    expect(chooseShift(logitsOf([-3, -2, -1.5, -0.5]), [0, 0, 1, 1], 'macroF1', 1)).toEqual({ shift: -1.75, score: 1 })
    expect(chooseShift(logitsOf([-3, -2, 1, 2]), [0, 0, 1, 1], 'mcc', 1)).toEqual({ shift: 0, score: 1 })
    expect(chooseShift(logitsOf([1, 2]), [0, 0], 'accuracy', 1)).toEqual({ shift: 3, score: 1 })
    expect(() => chooseShift(logitsOf([1]), [0, 1], 'mcc', 1)).toThrow(/found 2 for 2/)
  })

  it.each(['macroF1', 'f1', 'accuracy', 'mcc'] as const)('is as good by %s as the best of all cuts', (metric) => {
    const random = createRandom(4, metric)
    for (let round = 0; round < 20; round++) {
      const expected = Array.from({ length: 30 }, () => (random.next() < 0.25 ? 1 : 0))
      // margins in steps, so that several texts share one
      const margins = expected.map((label) => Math.round(4 * (label - 1.2 + random.normal())) / 4)
      const scoreAt = (shift: number): number =>
        scorePredictions(
          expected,
          margins.map((margin) => (margin > shift ? 1 : 0)),
          2,
          1,
        )[metric]
      const { shift, score } = chooseShift(logitsOf(margins), expected, metric, 1)
      expect(scoreAt(shift)).toBeCloseTo(score, 12)
      for (const cut of [-100, ...margins, 100]) expect(score).toBeGreaterThanOrEqual(scoreAt(cut) - 1e-12)
    }
  })
})
