import { describe, expect, it } from 'vitest'
import { bestTrial, halving, proposals, rungs, type TrainingSetting } from './tune.ts'

const worthy = (score: number, loss = 1) => Promise.resolve({ score, loss })
const USUAL: TrainingSetting = { learningRate: 1e-3, epochs: 4, dropout: 0.1, batch: 32 }

describe('proposals', () => {
  it('begins with the usual setting and covers the range of learning rates evenly', () => {
    const settings = proposals(3, 9, USUAL)
    expect(settings).toHaveLength(9)
    expect(settings[0]).toEqual(USUAL)
    const slices = settings.slice(1).map(({ learningRate }) => Math.log(learningRate / 2.5e-4) / Math.log(16) / (1 / 8))
    // two digits of the rate: it may round into the next slice
    const sorted = slices.sort((a, b) => a - b)
    sorted.forEach((at, i) => {
      expect(at).toBeGreaterThan(i - 0.1)
      expect(at).toBeLessThan(i + 1.1)
    })
    for (const { epochs, dropout, batch } of settings) {
      expect(epochs).toBeGreaterThanOrEqual(2)
      expect(epochs).toBeLessThanOrEqual(6)
      expect(dropout).toBeLessThan(0.5)
      expect([16, 32, 64]).toContain(batch)
    }
  })
  it('depends on the seed alone', () => {
    expect(proposals(3, 9, USUAL)).toEqual(proposals(3, 9, USUAL))
    expect(proposals(4, 9, USUAL)).not.toEqual(proposals(3, 9, USUAL))
    expect(proposals(3, 1, USUAL)).toEqual([USUAL])
  })
})

describe('halving', () => {
  it.each([
    [1, [[1, 1]]],
    [3, [[3, 1]]],
    [
      9,
      [
        [9, 1 / 3],
        [3, 1],
      ],
    ],
    [
      27,
      [
        [27, 1 / 9],
        [9, 1 / 3],
        [3, 1],
      ],
    ],
    [
      10,
      [
        [10, 1 / 9],
        [4, 1 / 3],
        [2, 1],
      ],
    ],
  ])('%i settings', (count, expected) => {
    const found = rungs(count).map((rung) => [rung.count, rung.share])
    expect(found.map(([n]) => n)).toEqual(expected.map(([n]) => n))
    found.forEach(([, share], i) => expect(share).toBeCloseTo(expected[i][1], 12))
  })
  it('lets the best third go on and finds the best', async () => {
    const settings = proposals(1, 9, USUAL)
    // the best is number 5; short training ranks alike
    const worth = [3, 1, 4, 1, 5, 9, 2, 6, 5]
    const asked: string[] = []
    const trials = await halving(settings, (setting, share, number) => {
      expect(setting).toBe(settings[number])
      asked.push(`${number}@${share.toFixed(2)}`)
      return worthy(worth[number] * share)
    })
    expect(asked.slice(0, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => `${n}@0.33`))
    expect(asked.slice(9)).toEqual(['5@1.00', '7@1.00', '4@1.00'])
    expect(bestTrial(trials)).toMatchObject({ number: 5, share: 1, score: 9 })
  })
  it('trusts longer training more than a lucky short one', async () => {
    const trials = await halving(proposals(1, 4, USUAL), (_, share, number) =>
      worthy(share < 1 ? 1 - number / 10 : number / 10),
    )
    expect(bestTrial(trials)).toMatchObject({ number: 1, share: 1, score: 0.1 })
  })
  it('keeps the usual setting where none is better', async () => {
    expect(bestTrial(await halving(proposals(1, 9, USUAL), () => worthy(1))).setting).toEqual(USUAL)
  })
  it('lets the smaller loss decide among equal scores', async () => {
    const trials = await halving(proposals(1, 3, USUAL), (_, __, number) => worthy(0.5, [2, 1, Infinity][number]))
    expect(bestTrial(trials).number).toBe(1)
  })
  it('ends when time is over with what it has', async () => {
    let left = 10
    const trials = await halving(proposals(1, 9, USUAL), (_, __, number) =>
      left-- > 0 ? worthy(number) : Promise.resolve(null),
    )
    expect(trials).toHaveLength(10)
    expect(bestTrial(trials)).toMatchObject({ number: 8, share: 1 })
    expect(() => bestTrial([])).toThrow(/no trial was finished; give more minutes/)
  })
})
