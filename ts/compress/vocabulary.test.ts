import { describe, expect, test } from 'vitest'
import { uniform, seededRandom } from '../../kernels/testing/random.ts'
import { syntheticModel } from '../../testing/models.ts'
import type { ModelWeights } from '../model/weights.ts'
import { denseTable } from './dense.ts'
import { quantizeWordEmbeddings } from './quantize.ts'
import { gatherRows, isKeptInBound, isSingleCharacter, pruneVocabulary } from './vocabulary.ts'
import type { Encode } from './vocabulary.ts'

const TOKENS = [
  '[PAD]',
  '[unused1]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'a',
  '##b',
  'кот',
  '##ок',
  'я',
  '##ы',
  '猫',
  '𝒳',
  'dog',
  '##gy',
  'cat',
]

/** Longest match first over words split at spaces: all that these tests need of WordPiece. */
const encoder = (vocabulary: readonly string[]): Encode => {
  const ids = new Map(vocabulary.map((token, id) => [token, id]))
  return (text) =>
    text.split(' ').flatMap((word) => {
      const pieces: number[] = []
      for (let from = 0; from < word.length;) {
        let to = word.length
        while (to > from && !ids.has((from > 0 ? '##' : '') + word.slice(from, to))) to--
        if (to === from) return [ids.get('[UNK]')!]
        pieces.push(ids.get((from > 0 ? '##' : '') + word.slice(from, to))!)
        from = to
      }
      return pieces
    })
}

function modelOf(rows: number): ModelWeights {
  const model = syntheticModel('f32')
  const word = { kind: 'f32' as const, rows, width: 24, data: uniform(rows * 24, seededRandom(1)) }
  return { ...model, config: { ...model.config, vocabSize: rows }, embeddings: { ...model.embeddings, word } }
}

describe('pruneVocabulary', () => {
  test('keeps specials, single characters and tokens seen, in order, each with its row', () => {
    const model = modelOf(TOKENS.length)
    const before = structuredClone(model)
    const result = pruneVocabulary(model, { vocabulary: TOKENS, texts: ['doggy a', 'кот'], encoder })
    expect(result.vocabulary).toEqual(TOKENS.filter((token) => !['[unused1]', '##ок', 'cat'].includes(token)))
    expect(result.model.config.vocabSize).toBe(14)
    const { word } = result.model.embeddings
    expect(word.rows).toBe(14)
    result.idMap.forEach((to, from) => {
      if (to < 0) return expect(result.vocabulary).not.toContain(TOKENS[from])
      expect(result.vocabulary[to]).toBe(TOKENS[from])
      expect(denseTable(word).subarray(to * 24, (to + 1) * 24)).toEqual(
        denseTable(model.embeddings.word).subarray(from * 24, (from + 1) * 24),
      )
    })
    expect(model).toEqual(before)
    expect(result.model.layers).toBe(model.layers)
  })

  test('keeps of single characters those of ASCII alone where the number of tokens is bounded, and what is seen', () => {
    const context = { vocabulary: TOKENS, texts: ['doggy a'], encoder, keeps: isKeptInBound }
    const { vocabulary } = pruneVocabulary(modelOf(TOKENS.length), context)
    const isForeign = (token: string): boolean => isSingleCharacter(token) && /[^!-~]/.test(token)
    expect(TOKENS.filter(isForeign).length).toBeGreaterThan(0)
    expect(vocabulary.filter(isForeign)).toEqual([])
    expect(vocabulary).toEqual(expect.arrayContaining(['[UNK]', 'a', '##b', 'dog', '##gy']))
  })

  test('reports the [UNK] rate before and after on the sample', () => {
    const { notes } = pruneVocabulary(modelOf(TOKENS.length), {
      vocabulary: TOKENS,
      texts: ['dog'],
      sampleTexts: ['dog cat', 'fish a'],
      encoder,
    })
    expect(notes.join('\n')).toContain('[UNK] 25.00 % of the tokens of 2 texts before, 50.00 % after')
  })

  test('refuses where [UNK] grows by more than the bound, and where it cannot be measured', () => {
    const context = { vocabulary: TOKENS, texts: ['dog'], sampleTexts: ['dog cat', 'fish a'], encoder }
    const model = modelOf(TOKENS.length)
    expect(() => pruneVocabulary(model, { ...context, maxUnknownGrowth: 0.2 })).toThrow(
      '[UNK] would grow from 25.00 % to 50.00 % of the tokens of 2 texts, more than the 20.00 % allowed',
    )
    expect(pruneVocabulary(model, { ...context, maxUnknownGrowth: 0.25 }).notes.join()).toContain('50.00 % after')
    expect(() => pruneVocabulary(model, { vocabulary: TOKENS, keepIds: [16], maxUnknownGrowth: 0.1 })).toThrow(
      'context.maxUnknownGrowth needs texts with an encoder',
    )
  })

  test('keepIds alone is enough; the missing rate is said', () => {
    const { vocabulary, notes } = pruneVocabulary(modelOf(TOKENS.length), { vocabulary: TOKENS, keepIds: [16] })
    expect(vocabulary).toContain('cat')
    expect(vocabulary).not.toContain('dog')
    expect(notes.join()).toContain('not measured')
  })

  test('rows beyond the vocabulary are dropped; int8 rows keep their bytes', () => {
    const model = quantizeWordEmbeddings(modelOf(TOKENS.length + 3)).model
    const result = pruneVocabulary(model, { vocabulary: TOKENS, keepIds: [] })
    const { word } = result.model.embeddings
    const source = model.embeddings.word
    if (word.kind !== 'int8' || source.kind !== 'int8') throw new Error('expected int8 tables')
    expect(word.rows).toBe(result.vocabulary.length)
    const cls = result.vocabulary.indexOf('[CLS]')
    expect(word.data.subarray(cls * 24, (cls + 1) * 24)).toEqual(source.data.subarray(3 * 24, 4 * 24))
    expect([word.scales[cls], word.offsets[cls]]).toEqual([source.scales[3], source.offsets[3]])
    expect(gatherRows(source, [3]).rows).toBe(1)
  })

  test('what is missing or does not fit is refused', () => {
    const model = modelOf(TOKENS.length)
    expect(() => pruneVocabulary(model, { texts: [], encoder })).toThrow("tokenizer's vocabulary")
    expect(() => pruneVocabulary(model, { vocabulary: TOKENS })).toThrow('needs texts with an encoder')
    expect(() => pruneVocabulary(model, { vocabulary: TOKENS, texts: ['a'] })).toThrow('needs texts with an encoder')
    expect(() => pruneVocabulary(model, { vocabulary: [...TOKENS, 'x'], keepIds: [] })).toThrow(
      '18 tokens for a word table of 17',
    )
    expect(() => pruneVocabulary(model, { vocabulary: TOKENS, keepIds: [17] })).toThrow('id 17 in context.keepIds')
    expect(() => pruneVocabulary(model, { vocabulary: TOKENS.map((t) => `_${t}`), keepIds: [] })).toThrow('no [UNK]')
  })

  test.each([
    ['a', true],
    ['##b', true],
    ['𝒳', true],
    ['##猫', true],
    ['##', false],
    ['#', true],
    ['ab', false],
    ['##ab', false],
    ['', false],
  ])("isSingleCharacter('%s') is %s", (token, expected) => {
    expect(isSingleCharacter(token)).toBe(expected)
  })
})
