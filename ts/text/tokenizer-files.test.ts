import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tokenizerFromVocabulary } from './bare-vocabulary.ts'
import { tokenizerFromJson, vocabularyOf } from './tokenizer.ts'
import { filesOf, withMaxLength, withVocabulary } from './tokenizer-files.ts'

const KINDS = new URL('../../testing/families/fixtures/tokenizers/', import.meta.url)

const open = (files: Record<string, string>) =>
  tokenizerFromJson(JSON.parse(files['tokenizer.json']) as object, JSON.parse(files['tokenizer_config.json']) as object)

describe('withVocabulary', () => {
  it.each(['wordpiece-uncased', 'wordpiece-mpnet', 'byte-bpe-roberta'])('renumbers %s', (kind) => {
    const read = (name: string): string => readFileSync(new URL(`${kind}/${name}`, KINDS), 'utf8')
    const files = {
      'tokenizer.json': read('tokenizer.json'),
      'tokenizer_config.json': read('tokenizer_config.json'),
      'added_tokens.json': '{}',
      'other.json': '{}',
    }
    const whole = open(files)
    const vocabulary = vocabularyOf(whole)
    const text = 'The film is not good, 17 lamps.'
    const used = [...whole.encode(text, 64)].map((id) => vocabulary[id])
    const kept = vocabulary.filter((token, id) => id < 5 || token.length < 3 || used.includes(token)).reverse()
    const cut = withVocabulary(files, kept, true)
    expect(Object.keys(cut)).not.toContain('added_tokens.json')
    expect(cut['other.json']).toBe('{}')
    const made = open(cut)
    expect(made.vocabSize).toBe(kept.length)
    expect([...made.encode(text, 64)].map((id) => kept[id])).toEqual(used)
  })

  it('renumbers Unigram, its unknown piece too', () => {
    const vocab = [
      ['<s>', 0],
      ['</s>', 0],
      ['<unk>', 0],
      ['▁', -2],
      ['a', -3],
      ['b', -3],
      ['▁ab', -1],
    ]
    const template = { type: 'RobertaProcessing', cls: ['<s>', 0], sep: ['</s>', 1] }
    const json = {
      pre_tokenizer: { type: 'Metaspace', replacement: '▁' },
      post_processor: template,
      model: { type: 'Unigram', unk_id: 2, vocab },
    }
    const files = { 'tokenizer.json': JSON.stringify(json), 'tokenizer_config.json': '{}' }
    expect([...open(files).encode('ab ac', 9)]).toEqual([0, 6, 3, 4, 2, 1])
    const cut = withVocabulary(files, ['<unk>', '▁', 'a', 'b', '</s>', '<s>'], false)
    expect([...open(cut).encode('ab ac', 9)]).toEqual([5, 1, 2, 3, 1, 2, 0, 4])
  })

  it('of vocab.txt keeps what tokenizer_config.json says', () => {
    const files = {
      'vocab.txt': '<unk>\n<s>\n</s>\nÜber\nlamp',
      'tokenizer_config.json': JSON.stringify({
        ...{ unk_token: '<unk>', cls_token: '<s>', sep_token: '</s>', do_lower_case: false },
        added_tokens_decoder: { 3: { content: 'Über' } },
      }),
    }
    const cut = withVocabulary(files, ['lamp', '</s>', '<s>', '<unk>'], false)
    expect([...open(cut).encode('lamp Lamp Über', 9)]).toEqual([2, 0, 3, 3, 1])
    expect(cut['tokenizer_config.json']).not.toContain('added_tokens_decoder')
  })
})

it('withMaxLength says where texts are cut, unless they are cut before', () => {
  const files = filesOf(tokenizerFromVocabulary(['[UNK]', '[CLS]', '[SEP]'], { lowercase: true }))
  const lengthOf = (found: Record<string, string>): unknown =>
    (JSON.parse(found['tokenizer_config.json']) as { model_max_length?: unknown }).model_max_length
  const cut = withMaxLength(files, 128)
  expect(lengthOf(cut)).toBe(128)
  expect(withMaxLength(cut, 512)).toBe(cut)
  expect(lengthOf(withMaxLength(cut, 64))).toBe(64)
  expect(lengthOf(withMaxLength({ 'vocab.txt': 'a' }, 64))).toBe(64)
  expect(withMaxLength({}, 64)).toEqual({})
})
