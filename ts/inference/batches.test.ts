import { describe, expect, it } from 'vitest'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import { encodeTexts, encodeWithin, packBatch, planBatches } from './batches.ts'

const tokenizer = tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b'], { lowercase: true })

describe('encodeTexts', () => {
  it('counts texts that lose their end, and only those; they keep [CLS] and [SEP]', () => {
    const { ids, truncated } = encodeTexts(tokenizer, ['a b', 'a b a', ''], 4)
    expect(ids.map((sequence) => [...sequence])).toEqual([
      [2, 5, 6, 3],
      [2, 5, 6, 3],
      [2, 3],
    ])
    expect(truncated).toBe(1)
  })
  it('cuts as the tokenizer itself does', () => {
    for (const length of [2, 3, 5]) {
      const text = 'a b b a a b'
      expect(encodeTexts(tokenizer, [text], length).ids[0]).toEqual(tokenizer.encode(text, length))
    }
  })
  it('refuses what is no string', () => {
    expect(() => encodeTexts(tokenizer, ['a', null as unknown as string], 4)).toThrow(
      /text 1 is null, expected a string/,
    )
  })
})

describe('planBatches', () => {
  const lengths = Array.from({ length: 100 }, (_, i) => 1 + ((i * 37) % 511))
  it('holds every sequence once, shortest first, within both limits', () => {
    const batches = planBatches(lengths, { sequences: 32, tokens: 8192 })
    expect(batches.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i))
    for (const batch of batches) {
      expect(batch.length).toBeLessThanOrEqual(32)
      expect(batch.reduce((sum, i) => sum + lengths[i], 0)).toBeLessThanOrEqual(8192)
    }
    const first = batches.map((batch) => lengths[batch[0]])
    expect(first).toEqual([...first].sort((a, b) => a - b))
  })
  it('gives a sequence that is longer than a batch a batch of its own', () => {
    expect(planBatches([4, 20, 4], { tokens: 10 })).toEqual([[0, 2], [1]])
    expect(planBatches([20, 30], { tokens: 10 })).toEqual([[0], [1]])
    expect(planBatches([])).toEqual([])
  })
})

describe('packBatch', () => {
  it('puts sequences end to end', () => {
    const { offsets, ids, types } = packBatch([Int32Array.of(2, 3), new Int32Array(0), Int32Array.of(2, 5, 3)])
    expect([...offsets]).toEqual([0, 2, 2, 5])
    expect([...ids]).toEqual([2, 3, 2, 5, 3])
    expect([...types]).toEqual([0, 0, 0, 0, 0])
  })
})

it('cuts where the model’s authors do, unless a call says otherwise', () => {
  const limited = { ...tokenizer, maxLength: 3 }
  expect(encodeTexts(limited, ['a b a'], 8)).toEqual({ ids: [tokenizer.encode('a', 8)], truncated: 1 })
  expect(encodeWithin(limited, ['a b a'], 8)).toEqual({ ids: [tokenizer.encode('a b a', 8)], truncated: 0 })
})
