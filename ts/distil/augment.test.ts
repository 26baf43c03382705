import { describe, expect, it } from 'vitest'
import { randomModel } from '../model/preset.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import { augmentTexts, nearestWords } from './augment.ts'
import type { Classifier } from '../inference/classifier.ts'

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
const GOOD = ['good', 'great', 'fine']
const BAD = ['bad', 'poor', 'awful']
const OTHER = ['film', 'plot', 'very', 'a', 'rare', '##ly', ',', '!']
const WORDS = [...SPECIAL, ...GOOD, ...BAD, ...OTHER]
const TEXTS = ['a very good film !', 'great plot , Fine film', 'a bad film', 'poor plot , awful plot', 'Good', 'rare']
const REST = ['a great , fine plot', 'very poor', 'a bad plot', 'awful film', 'rarely', 'rarely', 'zzz qqq', 'zzz qqq']
const ALL = [...TEXTS, ...REST]

/** A teacher whose good words lie along one direction, whose bad ones along another. */
function teacherOf(): Classifier {
  const shape = { layers: 1, hiddenSize: 64, heads: 2, intermediateSize: 64, maxPositions: 16, typeVocabSize: 2 }
  const config = { vocabSize: WORDS.length, ...shape, layerNormEpsilon: 1e-12, labels: ['0', '1'], recipe: '' }
  const weights = randomModel({ ...config, lowercase: true }, 3)
  const { word } = weights.embeddings
  if (word.kind !== 'f32') throw new Error('a random model has f32 tables')
  for (const [direction, group] of [GOOD, BAD].entries())
    for (const name of group) word.data[WORDS.indexOf(name) * 64 + direction] += 1
  return { weights, tokenizer: tokenizerFromVocabulary(WORDS, { lowercase: true }), fileBytes: 0 }
}

const teacher = teacherOf()
const neighbours = nearestWords(teacher, ALL, 2)
const augment = (count: number, seed = 1, except: string[] = []): string[] =>
  augmentTexts(ALL, neighbours, { count, seed, except })

describe('nearestWords', () => {
  it('finds those of the same direction', () => {
    for (const group of [GOOD, BAD])
      for (const name of group)
        expect([...neighbours.get(name)!].sort()).toEqual(group.filter((other) => other !== name).sort())
  })

  it('agrees with cosines computed one by one', () => {
    const names = [...neighbours.keys()]
    const { word } = teacher.weights.embeddings
    const data = word.kind === 'f32' ? word.data : new Float32Array()
    const rows = names.map((name) => [...data.subarray(WORDS.indexOf(name) * 64, WORDS.indexOf(name) * 64 + 64)])
    const mean = rows[0].map((_, c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length)
    const centred = rows.map((row) => row.map((x, c) => x - mean[c]))
    const cosine = (a: number[], b: number[]): number =>
      a.reduce((sum, x, c) => sum + x * b[c], 0) / Math.hypot(...a) / Math.hypot(...b)
    names.forEach((name, i) => {
      const order = names.filter((_, j) => j !== i)
      const of = (other: string): number => cosine(centred[i], centred[names.indexOf(other)])
      order.sort((a, b) => of(b) - of(a))
      expect(neighbours.get(name)).toEqual(order.slice(0, 2))
    })
  })

  it('takes words that are one token to the teacher and stand there twice', () => {
    // once; two tokens; unknown
    for (const name of ['rare', 'rarely', 'zzz', 'qqq']) expect(neighbours.has(name)).toBe(false)
    // twice, once of them with a capital
    expect(neighbours.has('good')).toBe(true)
  })
})

describe('augmentTexts', () => {
  it('gives the same for the same seed, and each text once', () => {
    const first = augment(40)
    expect(augment(40)).toEqual(first)
    expect(augment(40, 2)).not.toEqual(first)
    expect(new Set(first).size).toBe(40)
  })

  it('gives no text of the data and none that it is told to leave out', () => {
    const first = augment(40)
    const second = augment(40, 1, first.slice(0, 20))
    for (const text of ALL) expect([...first, ...second]).not.toContain(text)
    for (const text of first.slice(0, 20)) expect(second).not.toContain(text)
  })

  it('uses words of the data and their neighbours alone, and keeps signs', () => {
    const known = new Set([...ALL.flatMap((text) => text.split(' ')), ...WORDS, ','])
    const words = augment(200).flatMap((text) => text.split(' '))
    expect(words.filter((word) => !known.has(word))).toEqual([])
    expect(words).toContain('!')
    const [attached] = augmentTexts(['(good!) (good!)'], neighbours, { count: 1, seed: 5 })
    expect(attached).toMatch(/\(\w+!\)/)
  })

  it('draws a text by its number of words', () => {
    const long = Array.from({ length: 30 }, (_, i) => `long${i}`).join(' ')
    const short = Array.from({ length: 30 }, (_, i) => `short${i}`)
    const words = augmentTexts([long, ...short], new Map(), { count: 400, seed: 1 }).join(' ')
    const longs = words.match(/long/g)?.length ?? 0
    // each source has 30 words in all; half of the draws are of the long text, whose spans are shorter
    expect(longs).toBeGreaterThan(5 * (words.match(/short/g)?.length ?? 0))
  })

  it('ends where the texts have no more in them, and refuses texts without words', () => {
    const few = augmentTexts(['one'], new Map(), { count: 50, seed: 1 })
    expect(few).toEqual(expect.arrayContaining(['one , one', ', one']))
    expect(few.length).toBeLessThan(10)
    expect(() => augmentTexts(['', ' '], neighbours, { count: 1, seed: 1 })).toThrow(/there are no words/)
  })
})
