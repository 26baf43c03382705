import { describe, expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import type { LabelledText } from '../data/examples.ts'
import { bestFloor, crossValidatedFloors, floorWarning, measureFloors } from './floors.ts'
import { crossFittedLogits, trainLogisticRegression } from './logistic-regression.ts'

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
  it('reads symbols, alone and in runs', () => {
    const random = createRandom(6, 'smiles')
    const make = (n: number): LabelledText[] =>
      Array.from({ length: n }, (_, i) => ({
        text: `word${random.int(20)} word${random.int(20)} ${(i % 2 ? ')' : '(').repeat(1 + random.int(9))}`,
        label: i % 2,
      }))
    const model = trainLogisticRegression(make(200), 2, { seed: 1 })
    expect(make(100).every(({ text, label }) => model.classify(text) === label)).toBe(true)
  })
  it('refuses to learn from nothing', () => {
    expect(() => trainLogisticRegression([], 2, { seed: 1 })).toThrow(/no examples; expected at least one/)
  })
})

describe('crossFittedLogits', () => {
  const said = (logits: Float32Array, classes: number): number[] =>
    Array.from({ length: logits.length / classes }, (_, i) => {
      const row = logits.subarray(i * classes, (i + 1) * classes)
      return row.indexOf(Math.max(...row))
    })

  it('says of each text what the others teach, never its own label', async () => {
    const rows = mails(300, 3)
    const right = said(await crossFittedLogits(rows, 2, { seed: 1 }), 2).filter((of, i) => of === rows[i].label)
    expect(right.length).toBeGreaterThan(255)
    // labels that nothing tells: a regression that saw its own texts would have nearly all of them right
    const random = createRandom(8, 'coins')
    const coins = rows.map(({ text }) => ({ text, label: random.int(2) }))
    const guessed = said(await crossFittedLogits(coins, 2, { seed: 1 }), 2).filter((of, i) => of === coins[i].label)
    expect(guessed.length / coins.length).toBeLessThan(0.6)
  })

  it('has the margin of two classes as their difference, and says texts without a label too', async () => {
    const rows = mails(200, 4)
    const asked = [...rows, ...mails(20, 5).map(({ text }) => ({ text, label: -1 }))]
    let pauses = 0
    const logits = await crossFittedLogits(asked, 2, { seed: 1, pause: () => Promise.resolve(void pauses++) })
    expect(pauses).toBe(6)
    expect(logits).toHaveLength(440)
    for (let i = 0; i < asked.length; i++) expect(logits[2 * i]).toBe(-logits[2 * i + 1])
    const expected = mails(20, 5).map(({ label }) => label)
    expect(said(logits.subarray(400), 2).filter((of, i) => of === expected[i]).length).toBeGreaterThan(17)
    expect(await crossFittedLogits(asked, 2, { seed: 1 })).toEqual(logits)
    await expect(crossFittedLogits(asked.slice(0, 4), 2, { seed: 1 })).rejects.toThrow(/4 texts with a label/)
  })
})
