import { describe, expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import { compareTimes, medianInterval, medianRanks } from './speed.ts'

describe('medianRanks', () => {
  it('has the ranks of the sign test', () => {
    expect(medianRanks(5, 0.05)).toBeNull()
    expect(medianRanks(6, 0.05)).toEqual([0, 5]) // 2 / 2^6 = 0.031
    expect(medianRanks(20, 0.05)).toEqual([5, 14]) // P = 0.041, as tables have it
    expect(medianRanks(100, 0.05)).toEqual([39, 60])
  })
})

describe('medianInterval', () => {
  it('is the range where values are few', () => {
    expect(medianInterval([3, 1, 2])).toEqual({ low: 1, high: 3 })
    expect(medianInterval(Array.from({ length: 20 }, (_, i) => 20 - i))).toEqual({ low: 6, high: 15 })
  })
})

describe('compareTimes', () => {
  const random = createRandom(3, 'times')
  /** Log-normal times with a drift that all share and a few rounds in which something else ran. */
  const rounds = (count: number, rows: number, ms: (row: number) => number): number[][] => {
    const times = Array.from({ length: rows }, (): number[] => [])
    for (let round = 0; round < count; round++) {
      const shared = 1 + 0.3 * Math.sin(round / 7) + (random.next() < 0.1 ? random.next() : 0)
      for (let row = 0; row < rows; row++) times[row].push(ms(row) * shared * Math.exp(0.05 * random.normal()))
    }
    return times
  }

  it('calls no row faster or slower where all times are equal by construction', () => {
    let said = 0
    for (let study = 0; study < 30; study++) {
      const [baseline, ...rows] = rounds(40, 19, () => 2)
      const speeds = rows.map((times) => compareTimes(baseline, times, { family: rows.length }))
      if (study === 0) expect(speeds.filter(({ isTie }) => !isTie)).toEqual([])
      if (speeds.some(({ isTie }) => !isTie)) said++
      for (const { ratio, low, high } of speeds) {
        expect(low).toBeLessThanOrEqual(ratio)
        expect(high).toBeGreaterThanOrEqual(ratio)
      }
    }
    // one study in twenty may say something wrong
    expect(said).toBeLessThanOrEqual(3)
  })

  it('finds what is faster through a drift that is larger than the difference', () => {
    const [baseline, faster, slower] = rounds(40, 3, (row) => [2, 1.8, 2.3][row])
    const of = { family: 18 }
    expect(compareTimes(baseline, faster, of)).toMatchObject({ isTie: false })
    expect(compareTimes(baseline, faster, of).low).toBeGreaterThan(1)
    expect(compareTimes(baseline, slower, of).high).toBeLessThan(1)
    // not where the baseline itself came out that far from itself
    expect(compareTimes(baseline, faster, { ...of, control: 0.85 }).isTie).toBe(true)
  })

  it('says nothing of a few rounds, however far apart they are', () => {
    expect(compareTimes([2, 2, 2], [1, 1, 1])).toEqual({ ratio: 2, low: 0, high: null, isTie: true })
    expect(() => compareTimes([1], [])).toThrow(/found 1 and 0/)
  })
})
