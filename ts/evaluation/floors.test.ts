import { describe, expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import type { LabelledText } from '../data/examples.ts'
import { bestFloor, crossValidatedFloors, floorWarning, measureFloors } from './floors.ts'
import { trainLogisticRegression } from './logistic-regression.ts'

/** Three of ten are spam; what tells is one word in eight, among words that say nothing. */
function mails(count: number, seed: number): LabelledText[] {
  const random = createRandom(seed, 'mails')
  return Array.from({ length: count }, (_, i) => {
    const label = i % 10 < 3 ? 1 : 0
    const words = Array.from({ length: 8 }, () => `word${random.int(40)}`)
    words[random.int(8)] = label
      ? random.pick(['winner', 'viagra', 'refund'])
      : random.pick(['meeting', 'patch', 'lunch'])
    return { text: words.join(' '), label }
  })
}

describe('measureFloors', () => {
  it('has the majority at no correlation, and linear models that find the telling words', async () => {
    const floors = await measureFloors(mails(600, 1), mails(200, 2), { classes: 2, positive: 1, seed: 1 })
    expect(floors.map(({ id }) => id)).toEqual(['majority', 'naive-bayes', 'logistic-regression'])
    expect(floors[0]).toMatchObject({ accuracy: 0.7, f1: 0, mcc: 0 })
    expect(floors[0].macroF1).toBeCloseTo(0.7 / 1.7, 12)
    for (const { macroF1, predictions } of floors.slice(1)) {
      expect(macroF1).toBeGreaterThan(0.9)
      expect(predictions).toHaveLength(200)
    }
  })

  it('has floors of texts that stand alone, each said by what did not see it', async () => {
    const alone = await crossValidatedFloors(mails(300, 3), { classes: 2, positive: 1, seed: 1 })
    expect(alone.map(({ id }) => id)).toEqual(['majority', 'naive-bayes', 'logistic-regression'])
    expect(alone[2].macroF1).toBeGreaterThan(0.85)
    // labels that nothing tells: a floor that saw its texts would be far above a coin
    const random = createRandom(8, 'coins')
    const coins = mails(300, 4).map(({ text }) => ({ text, label: random.int(2) }))
    const [, , linear] = await crossValidatedFloors(coins, { classes: 2, positive: 1, seed: 1 })
    expect(Math.abs(linear.mcc)).toBeLessThan(0.25)
    await expect(crossValidatedFloors(coins.slice(0, 3), { classes: 2, positive: 1, seed: 1 })).rejects.toThrow(
      /3 texts/,
    )
  })

  it('says so where a floor does better, and is silent where none does', async () => {
    const floors = await measureFloors(mails(600, 1), mails(200, 2), { classes: 2, positive: 1, seed: 1 })
    const [majority] = floors
    expect(floorWarning(floors, { ...bestFloor(floors, 'mcc'), mcc: 0.2 }, 'mcc')).toMatch(
      /^A linear model does better \(.*\): MCC \d\.\d+, this model 0\.200$/,
    )
    expect(floorWarning([majority], { ...majority, accuracy: 0.6 }, 'accuracy')).toBe(
      'Always saying the most frequent class does better: accuracy 0.700, this model 0.600',
    )
    expect(floorWarning(floors, bestFloor(floors, 'macroF1'), 'macroF1')).toBe('')
  })
})

describe('trainLogisticRegression', () => {
  it('tells three classes apart by runs of characters in words that it never saw', () => {
    const endings = ['ology', 'ness', 'ward']
    const random = createRandom(5, 'stems')
    const stem = (): string => Array.from({ length: 4 }, () => random.pick([...'abdeiklmoprstu'])).join('')
    const make = (n: number): LabelledText[] =>
      Array.from({ length: n }, (_, i) => ({ text: `${stem()} ${stem()}${endings[i % 3]}`, label: i % 3 }))
    const model = trainLogisticRegression(make(300), 3, { seed: 1 })
    const test = make(90)
    expect(test.filter(({ text, label }) => model.classify(text) === label).length).toBeGreaterThan(85)
  })
  it('refuses to learn from nothing', () => {
    expect(() => trainLogisticRegression([], 2, { seed: 1 })).toThrow(/no examples; expected at least one/)
  })
})
