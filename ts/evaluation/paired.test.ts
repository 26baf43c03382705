import { describe, expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import { pairedLoss } from './paired.ts'
import { scorePredictions } from './statistics.ts'

describe('pairedLoss', () => {
  const random = createRandom(12)
  const expected = Array.from({ length: 1500 }, () => random.int(2))
  const noisy = (labels: number[], right: number): number[] =>
    labels.map((label) => (random.next() < right ? label : 1 - label))
  const parent = noisy(expected, 0.9)
  const worse = noisy(parent, 0.96)
  const asked = { seed: 3, metric: 'macroF1', positive: null } as const

  it('is the difference of the measures, inside its interval, the same for a seed', () => {
    const found = pairedLoss(expected, parent, worse, 2, asked)
    const [before, after] = [parent, worse].map((said) => scorePredictions(expected, said, 2).macroF1)
    expect(found.loss).toBeCloseTo(before - after, 12)
    expect(found.low).toBeLessThan(found.loss)
    expect(found.high).toBeGreaterThan(found.loss)
    expect(found.change).toBe('loss')
    expect(pairedLoss(expected, parent, worse, 2, asked)).toEqual(found)
    expect(pairedLoss(expected, worse, parent, 2, asked).change).toBe('gain')
    expect(pairedLoss(expected, parent, parent, 2, asked)).toEqual({ loss: 0, low: 0, high: 0, change: 'open' })
  })

  it('is wider where more statements are made beside it', () => {
    const [one, many] = [1, 18].map((family) => pairedLoss(expected, parent, worse, 2, { ...asked, family }))
    expect(many.high - many.low).toBeGreaterThan(1.2 * (one.high - one.low))
    expect(many.loss).toBe(one.loss)
  })

  it('makes about one false statement in twenty, and with a family of ten hardly any', () => {
    let [single, corrected] = [0, 0]
    for (let i = 0; i < 40; i++) {
      const truth = Array.from({ length: 200 }, () => random.int(2))
      const [a, b] = [noisy(truth, 0.85), noisy(truth, 0.85)]
      if (pairedLoss(truth, a, b, 2, { ...asked, seed: i }).change !== 'open') single++
      if (pairedLoss(truth, a, b, 2, { ...asked, seed: i, family: 10 }).change !== 'open') corrected++
    }
    expect(single).toBeLessThanOrEqual(8)
    expect(corrected).toBeLessThanOrEqual(1)
  })

  it('calls it no gain where F1 rises because the frequent class is said more often, and the correlation falls', () => {
    // 70 % yes; the first finds 60 % of the few at a price, the second says yes nearly always
    const truth = Array.from({ length: 1000 }, (_, i) => (i < 700 ? 1 : 0))
    const first = truth.map((label, i) => (label ? (i % 100 < 72 ? 1 : 0) : i % 100 < 60 ? 0 : 1))
    const second = truth.map((label, i) => (label ? (i % 100 < 97 ? 1 : 0) : i % 100 < 8 ? 0 : 1))
    const [before, after] = [first, second].map((said) => scorePredictions(truth, said, 2, 1))
    expect(after.f1).toBeGreaterThan(before.f1)
    expect(after.mcc).toBeLessThan(before.mcc)
    const of = { seed: 1, positive: 1 } as const
    expect(pairedLoss(truth, first, second, 2, { ...of, metric: 'f1' }).change).toBe('mixed')
    expect(pairedLoss(truth, first, second, 2, { ...of, metric: 'macroF1' }).change).toBe('loss')
    expect(pairedLoss(truth, first, second, 2, { ...of, metric: 'mcc' }).change).toBe('loss')
  })
})
