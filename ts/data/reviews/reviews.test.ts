import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { scorePredictions } from '../../evaluation/statistics.ts'
import { trainNaiveBayes } from '../../evaluation/naive-bayes.ts'
import { ENGLISH } from './english.ts'
import { RUSSIAN } from './russian.ts'
import { builtinReviews, generateReviews } from './reviews.ts'

const SEED = 1
const reviews = generateReviews({ seed: SEED })
const share = (condition: (review: (typeof reviews)[number]) => boolean): number =>
  reviews.filter(condition).length / reviews.length

describe(`builtinReviews, seed ${SEED}`, () => {
  test('no template and no filler sentence is shared between train and test', () => {
    const templates = (isTest: boolean): Set<string> =>
      new Set(reviews.filter((review) => review.isTest === isTest).map(({ template }) => template))
    const fillers = (isTest: boolean): Set<string> =>
      new Set(reviews.filter((review) => review.isTest === isTest).flatMap((review) => review.fillers))
    const shared = (of: (isTest: boolean) => Set<string>): string[] => {
      const known = of(false)
      return [...of(true)].filter((entry) => known.has(entry))
    }
    expect(templates(false).size).toBeGreaterThan(500)
    expect(templates(true).size).toBeGreaterThan(150)
    expect(shared(templates)).toEqual([])
    expect(shared(fillers)).toEqual([])
  })

  test('nearly every word of the test part occurs in the training part', () => {
    const words = (isTest: boolean): string[] =>
      reviews
        .filter((review) => review.isTest === isTest)
        .flatMap(({ text }) => text.toLowerCase().match(/\p{L}+/gu) ?? [])
    const known = new Set(words(false))
    const held = words(true)
    expect(held.filter((word) => known.has(word)).length / held.length).toBeGreaterThan(0.97)
  })

  test('4:1, labels and languages balanced, 3 % noise, 2 to 40 words, the long kinds from 8, no text twice', () => {
    expect(share(({ isTest }) => isTest)).toBeCloseTo(0.2, 2)
    for (const isTest of [false, true]) {
      const part = reviews.filter((review) => review.isTest === isTest)
      expect(Math.abs(part.filter(({ label }) => label === 1).length / part.length - 0.5)).toBeLessThan(0.03)
      expect(Math.abs(part.filter(({ language }) => language === 'ru').length / part.length - 0.5)).toBeLessThan(0.02)
    }
    expect(Math.abs(share(({ isNoise }) => isNoise) - 0.03)).toBeLessThan(0.01)
    for (const { text, kind } of reviews) {
      const count = text.split(/\s+/).length
      expect(count, text).toBeGreaterThanOrEqual(kind === 'short' ? 2 : 8)
      expect(count, text).toBeLessThanOrEqual(40)
    }
    expect(new Set(reviews.map(({ text }) => text)).size).toBe(reviews.length)
  })

  test('every kind of review occurs in both parts, irony only as blame', () => {
    for (const kind of [
      'short',
      'plain',
      'negation',
      'contrast',
      'concession',
      'overall',
      'claim',
      'intensity',
      'irony',
    ] as const)
      for (const isTest of [false, true])
        expect(
          share((review) => review.kind === kind && review.isTest === isTest),
          kind,
        ).toBeGreaterThan(0.001)
    expect(share(({ kind, label, isNoise }) => kind === 'irony' && (label === 1) !== isNoise)).toBe(0)
  })

  test('texts are clean: no slot left, no space before a mark, no empty sentence', () => {
    for (const { text } of reviews) expect(text).not.toMatch(/[{}]|undefined|\s[.,!]|\.\s*\.|,\s*,|\s{2}|^\s|\s$/)
  })

  test('the same seed gives the same reviews, another seed others', () => {
    expect(generateReviews({ seed: SEED })).toEqual(reviews)
    expect(generateReviews({ seed: SEED + 1 })).not.toEqual(reviews)
    const data = builtinReviews({ seed: SEED })
    expect(data.train).toEqual(reviews.filter(({ isTest }) => !isTest).map(({ text, label }) => ({ text, label })))
    expect(data.labels).toEqual(['negative', 'positive'])
  })

  test('count is kept and checked', () => {
    const data = builtinReviews({ seed: 3, count: 200 })
    expect([data.train.length, data.test.length]).toEqual([160, 40])
    expect(() => builtinReviews({ seed: 1, count: 3 })).toThrow(/count = 3, expected a whole number from 20/)
  })
})

describe('the meaning of the parts', () => {
  test('negation turns the word around, the deciding clause gives the label', () => {
    const bare = reviews.filter(({ isNoise, language }) => !isNoise && language === 'en')
    const praise = /\b(great|wonderful|excellent|brilliant|superb|delightful|charming|impressive|lovely|fantastic)\b/i
    const blame = /\b(terrible|awful|boring|dreadful|horrible|poor|weak|dull|disappointing|clumsy|mediocre)\b/i
    let seen = 0
    for (const { text, template, label } of bare) {
      const last = /^en\.(but|however|still)\.[^.]+\.(!?)(be|felt|found|turned|not|notatall)$/.exec(template)
      const second = text.split(/, but |However, |But still, /i)[1]?.split('.')[0]
      if (!last || !second || praise.test(second) === blame.test(second)) continue
      seen++
      expect(label, text).toBe(praise.test(second) !== (last[2] === '!') ? 1 : 0)
    }
    expect(seen).toBeGreaterThan(20)
  })

  test('Russian adjectives and verbs agree with what is judged', () => {
    const first = <T>(items: readonly T[]): T => items[0]
    const subject = RUSSIAN.domains[0].subjects[0]
    const say = (form: string, slot: string): string => RUSSIAN.fill(slot, { text: '', form }, subject, 1, first)
    expect(['m', 'f', 'n', 'p'].map((form) => say(form, 'J'))).toEqual(['отличный', 'отличная', 'отличное', 'отличные'])
    expect(['m', 'f', 'n', 'p'].map((form) => say(form, 'W'))).toEqual([
      'порадовал',
      'порадовала',
      'порадовало',
      'порадовали',
    ])
  })

  test('every slot of every frame can be filled; an unknown one is refused', () => {
    for (const language of [ENGLISH, RUSSIAN]) {
      const { frames, negatedFrames, strongFrames, weakFrames, claims, ironies, tails, openers, verdicts, fillers } =
        language
      const all = [
        frames,
        negatedFrames,
        strongFrames,
        weakFrames,
        claims,
        ironies,
        tails,
        openers,
        verdicts,
        fillers.train,
        fillers.test,
      ]
      const { aspects, subjects } = language.domains[0]
      for (const { text } of all.flat())
        for (const [, slot] of text.matchAll(/\{([^}]+)\}/g))
          for (const polarity of [1, -1] as const)
            expect(typeof language.fill(slot, aspects[0], subjects[0], polarity, (items) => items[0])).toBe('string')
      const { words, frames: statements } = language.statements
      const slots = [...statements[1], ...statements[-1]].flatMap((text) => [...text.matchAll(/\{([^}]+)\}/g)])
      expect(slots.filter(([, slot]) => !words[slot]?.length)).toEqual([])
      expect(() => language.fill('none', aspects[0], subjects[0], 1, (items) => items[0])).toThrow(/no slot \{none\}/)
    }
  })
})

describe('plain sentences that people wrote', () => {
  const rows = readFileSync(new URL('../../../testing/texts/plain-reviews.tsv', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map(([label, text]) => ({ text, label: label === 'positive' ? 1 : 0 }))

  test('are a hundred, in two languages, and none of them is a sentence of the grammar', () => {
    const bare = (text: string): string => text.toLowerCase().replace(/[^\p{L} ]/gu, '')
    expect(rows).toHaveLength(100)
    expect(rows.filter(({ text }) => /[а-я]/.test(text))).toHaveLength(50)
    expect(rows.filter(({ label }) => label === 1)).toHaveLength(50)
    const made = new Set(reviews.map(({ text }) => bare(text)))
    expect(rows.filter(({ text }) => made.has(bare(text)))).toEqual([])
  })

  test('are told by what counting learns from the grammar: 90 of them at least', () => {
    const classifier = trainNaiveBayes(builtinReviews({ seed: SEED }).train, 2)
    expect(rows.filter(({ text, label }) => classifier.classify(text) === label).length).toBeGreaterThanOrEqual(90)
  })
})

describe('the floor', () => {
  test('naive Bayes on word 1-2-grams stays clearly below what the 3 % of noise allow', () => {
    for (const seed of [1, 2, 3]) {
      const { train, test: held } = builtinReviews({ seed })
      const classifier = trainNaiveBayes(train, 2)
      const predicted = held.map(({ text }) => classifier.classify(text))
      const { f1 } = scorePredictions(
        held.map(({ label }) => label),
        predicted,
        2,
      )
      expect(f1, `seed ${seed}`).toBeGreaterThan(0.8)
      expect(f1, `seed ${seed}`).toBeLessThan(0.93)
    }
  })

  test('naive Bayes itself is right: it learns what counting can tell', () => {
    const classifier = trainNaiveBayes(
      [
        { text: 'good film', label: 1 },
        { text: 'bad film', label: 0 },
        { text: 'not good', label: 0 },
      ],
      2,
    )
    expect(['good', 'bad', 'not good', 'Good FILM!'].map((text) => classifier.classify(text))).toEqual([1, 0, 0, 1])
    expect(() => trainNaiveBayes([], 2)).toThrow(/no examples/)
  })
})
