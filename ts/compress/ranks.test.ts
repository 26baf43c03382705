import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../kernels/testing/random.ts'
import { breakEvenRank, chooseRanks, energyRank, rankCandidates, rankChoices } from './ranks.ts'
import type { Choices } from './ranks.ts'

/** A tail that falls from 1 to 0 in n steps, faster at first. */
const tailOf = (n: number, power: number): Float64Array =>
  Float64Array.from({ length: n + 1 }, (_, r) => (1 - r / n) ** power)

test.each([
  [768, 768],
  [3072, 768],
  [64, 100],
  [24, 40],
  [1, 5],
])('candidates of [%d, %d] rise to break-even and not above', (N, K) => {
  const candidates = rankCandidates(N, K)
  const limit = Math.max(1, breakEvenRank(N, K))
  expect(candidates.every((R, i) => i === 0 || R > candidates[i - 1])).toBe(true)
  expect(candidates.at(-1)!).toBeLessThanOrEqual(limit)
  expect(candidates.at(-1)!).toBeGreaterThan(limit - 8)
})

test('the energy rule takes the smallest rank that keeps the share, at most break-even', () => {
  const tail = tailOf(24, 2)
  for (const share of [0.1, 0.5, 0.7]) {
    const R = energyRank(24, 40, tail, share)
    expect(tail[R]).toBeLessThanOrEqual((1 - share) * tail[0])
    expect(tail[R - 1]).toBeGreaterThan((1 - share) * tail[0])
  }
  expect(energyRank(24, 40, tail, 0.999)).toBe(15)
  expect(energyRank(24, 40, new Float64Array(25), 0.9)).toBe(1)
})

describe('chooseRanks', () => {
  const lossOf = (layers: readonly Choices[], ranks: readonly number[]): number =>
    ranks.reduce((sum, R, l) => sum + layers[l].losses[layers[l].ranks.indexOf(R)], 0)
  const costOf = (layers: readonly Choices[], ranks: readonly number[]): number =>
    ranks.reduce((sum, R, l) => sum + layers[l].costs[layers[l].ranks.indexOf(R)], 0)

  /** The least loss within the budget, by trying everything. */
  const best = (layers: readonly Choices[], budget: number): number => {
    if (layers.length === 0) return 0
    const [first, ...rest] = layers
    let least = Infinity
    for (const [i, cost] of first.costs.entries())
      if (cost <= budget) least = Math.min(least, first.losses[i] + best(rest, budget - cost))
    return least
  }

  test('with convex tails and even costs it is the optimum, at every budget', () => {
    const layers = [1.5, 3, 6].map((power) => rankChoices(12, 12, tailOf(12, power), (R) => R))
    for (let budget = 3; budget <= 18; budget++) {
      const ranks = chooseRanks(layers, budget)
      expect(costOf(layers, ranks)).toBeLessThanOrEqual(budget)
      expect(Math.abs(lossOf(layers, ranks) - best(layers, budget))).toBeLessThan(1e-12)
    }
  })

  test('with measured costs in any order it stays within the budget, and within one step of the optimum', () => {
    const random = seededRandom(3)
    for (let round = 0; round < 30; round++) {
      const layers = Array.from({ length: 3 }, (): Choices => {
        const ranks = [1, 2, 3, 4, 5, 6]
        return { ranks, losses: ranks.map((R) => (1 - R / 7) ** 2), costs: ranks.map((R) => R + 2 * random()) }
      })
      const lowest = layers.reduce((sum, { costs }) => sum + Math.min(...costs), 0)
      const budget = lowest + 6 * random()
      const ranks = chooseRanks(layers, budget)
      expect(costOf(layers, ranks)).toBeLessThanOrEqual(budget + 1e-12)
      const least = best(layers, budget + 1e-12)
      const largestStep = Math.max(...layers.map(({ losses }) => losses[0] - losses.at(-1)!))
      expect(lossOf(layers, ranks)).toBeGreaterThanOrEqual(least - 1e-12)
      expect(lossOf(layers, ranks) - least).toBeLessThan(largestStep)
    }
  })

  test('a budget for everything gives the highest ranks, one for nothing is refused with what it takes', () => {
    const layers = [rankChoices(12, 12, tailOf(12, 2), (R) => 10 * R), rankChoices(8, 12, tailOf(8, 2), (R) => 10 * R)]
    expect(chooseRanks(layers, 1e9)).toEqual([6, 4])
    expect(chooseRanks(layers, 20)).toEqual([1, 1])
    expect(() => chooseRanks(layers, 19)).toThrow('the budget is 19, the lowest ranks cost 20')
    expect(() => chooseRanks([{ ranks: [], losses: [], costs: [] }], 1)).toThrow('expected one of each')
  })
})
