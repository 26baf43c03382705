import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { builtinReviews } from '../data/reviews/reviews.ts'
import { tokenizerFromVocabulary } from './bare-vocabulary.ts'
import { learnVocabulary } from './vocabulary.ts'

/** CPU time since `start`: unlike the clock it does not run while other processes have the cores. */
function cpuMs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
const SST2 = new URL('../../../shared/data/text/sst2.train.tsv', import.meta.url)

describe('learnVocabulary', () => {
  test('special tokens, then characters in order, then pieces by frequency', () => {
    const vocabulary = learnVocabulary(['low low low lower newer'], 100, { lowercase: true })
    expect(vocabulary.slice(0, 5)).toEqual(SPECIAL)
    expect(vocabulary.slice(5)).toEqual(['##e', '##o', '##r', '##w', 'l', 'n', '##ow', 'low', '##er'])
    expect(vocabulary).not.toContain('newer') // seen once
    expect(new Set(vocabulary).size).toBe(vocabulary.length)
  })

  test('minFrequency 1 makes every short word a piece', () => {
    const vocabulary = learnVocabulary(['abc abd xyz'], 1000, { lowercase: true, minFrequency: 1 })
    for (const word of ['abc', 'abd', 'xyz']) expect(vocabulary).toContain(word)
  })

  test('words are split as the tokenizer splits them', () => {
    const vocabulary = learnVocabulary(['Café, КИНО! Café, КИНО!'], 200, { lowercase: true })
    for (const word of ['cafe', 'кино', ',', '!']) expect(vocabulary).toContain(word)
    const cased = learnVocabulary(['Café Café'], 200, { lowercase: false })
    expect(cased).toContain('Café')
  })

  test('repeated letters keep the counts right', () => {
    const vocabulary = learnVocabulary(['aaaa aaaa aaaaa'], 50, { lowercase: true })
    expect(vocabulary.slice(5)).toEqual(['##a', 'a', '##aa', 'aaa', 'aaaa'])
  })

  test('never more than `size`, the most frequent characters survive a small size', () => {
    const text = 'aaaa '.repeat(50) + 'абвгдежзийклмнопрст'
    const vocabulary = learnVocabulary([text], 9, { lowercase: true })
    expect(vocabulary.length).toBeLessThanOrEqual(9)
    expect(vocabulary).toContain('a')
    expect(vocabulary).toContain('##a')
  })

  test('a word too long and lone surrogates do no harm', () => {
    const vocabulary = learnVocabulary(['x'.repeat(100000) + ' good good \ud83d \ude00'], 100, { lowercase: true })
    expect(vocabulary).toContain('good')
    expect(vocabulary).not.toContain('x')
  })

  test('bad arguments are refused', () => {
    expect(() => learnVocabulary(['a'], 5, { lowercase: true })).toThrow(/above 5/)
    expect(() => learnVocabulary(['', '  '], 100, { lowercase: true })).toThrow(/no word/)
  })

  test('every vocabulary is well formed and reads its own text without [UNK]', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'Ж', 'é', ' ', '-', '\u200b') }), { minLength: 1 }),
        (texts) => {
          fc.pre(texts.some((text) => /[abЖé-]/.test(text)))
          const vocabulary = learnVocabulary(texts, 60, { lowercase: true })
          expect(vocabulary).toEqual(learnVocabulary(texts, 60, { lowercase: true }))
          expect(new Set(vocabulary).size).toBe(vocabulary.length)
          const tokenizer = tokenizerFromVocabulary(vocabulary, { lowercase: true })
          for (const text of texts)
            if (text.length < 100) expect(Array.from(tokenizer.encode(text, 512))).not.toContain(1)
        },
      ),
      { seed: 9, numRuns: 100 },
    )
  })

  test('a large training set takes under 5 seconds at size 8192', () => {
    const isReal = existsSync(SST2)
    if (!isReal)
      console.warn('\n*** SST-2 is not beside the repository: timing the vocabulary on built-in reviews ***\n')
    const texts = isReal
      ? readFileSync(SST2, 'utf8')
          .split('\n')
          .slice(1)
          .map((line) => line.slice(2))
      : builtinReviews({ seed: 1, count: 20000 }).train.map((example) => example.text)
    const start = process.cpuUsage()
    const vocabulary = learnVocabulary(texts, 8192, { lowercase: true })
    expect(cpuMs(start)).toBeLessThan(5000)
    expect(vocabulary.length).toBeLessThanOrEqual(8192)
    if (isReal) expect(vocabulary.length).toBe(8192)
    for (const word of ['good', 'film']) expect(vocabulary).toContain(word)
  })
})
