import { describe, expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import { InfeasibleError, leastCost, leastLoss, type Choice } from './allocate.ts'

const sums = (groups: Choice[][], chosen: number[]) => ({
  cost: chosen.reduce((sum, i, g) => sum + groups[g][i].cost, 0),
  loss: chosen.reduce((sum, i, g) => sum + groups[g][i].loss, 0),
})

/** The least loss of all choices within the budget; Infinity where there is none. */
function bruteForce(groups: Choice[][], budget: number): number {
  const walk = (g: number, cost: number, loss: number): number =>
    cost > budget
      ? Infinity
      : g === groups.length
        ? loss
        : Math.min(...groups[g].map((choice) => walk(g + 1, cost + choice.cost, loss + choice.loss)))
  return walk(0, 0, 0)
}

const exchange = (groups: Choice[][]): Choice[][] =>
  groups.map((group) => group.map(({ cost, loss }) => ({ cost: loss, loss: cost })))

/** Costs over two decades with losses that mostly fall as cost rises, dominated ones among them. */
function randomGroups(seed: number, whole: boolean): Choice[][] {
  const random = createRandom(seed, 'allocate')
  return Array.from({ length: 1 + random.int(6) }, () => {
    const scale = 10 ** (2 * random.next())
    return Array.from({ length: 1 + random.int(6) }, () => {
      const share = random.next()
      const cost = scale * (0.1 + share)
      return { cost: whole ? Math.ceil(cost) : cost, loss: (1 - share) ** 2 * (0.5 + random.next()) }
    })
  })
}

describe('leastLoss and leastCost against every choice there is', () => {
  it.each([true, false])('whole costs: %s', (whole) => {
    let cases = 0
    let best = 0
    for (let seed = 1; seed <= 60; seed++) {
      const groups = randomGroups(seed, whole)
      for (const [given, pick] of [
        [groups, (limit: number) => leastLoss(groups, limit)],
        [exchange(groups), (limit: number) => leastCost(groups, limit)],
      ] as const) {
        const least = given.reduce((sum, group) => sum + Math.min(...group.map(({ cost }) => cost)), 0)
        const most = given.reduce((sum, group) => sum + Math.max(...group.map(({ cost }) => cost)), 0)
        for (const share of [0.05, 0.3, 0.6, 1.1]) {
          const limit = least + share * (most - least)
          const found = sums(given, pick(limit))
          expect(found.cost).toBeLessThanOrEqual(limit * (1 + 1e-12))
          const optimum = bruteForce(given, limit)
          const reduced = bruteForce(given, least * (1 + 1e-12) + (limit - least) * (1 - groups.length / 8192))
          expect(found.loss).toBeGreaterThanOrEqual(optimum - 1e-9)
          expect(found.loss).toBeLessThanOrEqual(reduced + 1e-9)
          cases++
          if (found.loss <= optimum + 1e-9) best++
        }
      }
    }
    expect(cases).toBe(480)
    expect(best / cases).toBeGreaterThan(0.98)
  })

  it('meets a budget of exactly the sum of its choices, and exactly the least one', () => {
    const groups = [
      [
        { cost: 3, loss: 0 },
        { cost: 0, loss: 5 },
      ],
      [
        { cost: 7, loss: 0 },
        { cost: 0, loss: 5 },
      ],
    ]
    expect(leastLoss(groups, 10)).toEqual([0, 0])
    expect(sums(groups, leastLoss(groups, 9.99)).loss).toBe(5)
    expect(leastLoss(groups, 0)).toEqual([1, 1])
    expect(leastCost(groups, 0)).toEqual([0, 0])
  })

  it('meets a least sum that only rounding puts above the limit', () => {
    const groups = [
      [
        { cost: 0.1, loss: 1 },
        { cost: 0.9, loss: 0 },
      ],
      [{ cost: 0.2, loss: 0 }],
      [{ cost: 0.3, loss: 0 }],
    ]
    expect(0.1 + 0.2 + 0.3).toBeGreaterThan(0.6)
    expect(leastLoss(groups, 0.6)).toEqual([0, 0, 0])
  })

  it('says the least sum where the limit is below it', () => {
    const groups = [[{ cost: 2, loss: 1 }], [{ cost: 3.5, loss: 1 }]]
    expect(() => leastLoss(groups, 5.4)).toThrow(InfeasibleError)
    expect(() => leastLoss(groups, 5.4)).toThrow('5.5')
    expect(() => leastLoss([...groups, []], 9)).toThrow('no candidates')
    expect(() => leastLoss([[{ cost: NaN, loss: 0 }]], 9)).toThrow(InfeasibleError)
  })
})
