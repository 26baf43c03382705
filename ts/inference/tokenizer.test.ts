import { describe, expect, it } from 'vitest'
import { PRESETS, type BertConfig } from '../model/config.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { openTokenizer, tokenizerOfFiles } from './tokenizer.ts'

const WORDS =
  '[PAD] [UNK] [CLS] [SEP] [MASK] the lamp is not bad at all good film very a ##s ##ing . , ! ? cafe café hello world über uber か が 日 本 東 京 ##都 i ##’ night day u ##ber'.split(
    ' ',
  )
const VOCABULARY = `${WORDS.join('\n')}\n`
const configOf = (vocabSize: number): BertConfig => ({ ...PRESETS.tiny, vocabSize, labels: [], recipe: '' })

const open = (files: Record<string, string>, vocabSize = 64, where = 'here'): Tokenizer =>
  tokenizerOfFiles(files, configOf(vocabSize), where)

const encode = (files: Record<string, string | object | undefined>, text: string, vocabSize = 64): number[] => {
  const texts = Object.fromEntries(
    Object.entries(files).map(([name, file]) => [
      name,
      typeof file === 'string' ? file : file ? JSON.stringify(file) : '',
    ]),
  )
  return [...open(texts, vocabSize).encode(text, 64)]
}

// the ids are those of transformers 4.57.3 and 5.24.0
describe('what tokenizer_config.json says beside vocab.txt', () => {
  const config = { do_lower_case: true, strip_accents: false, tokenizer_class: 'BertTokenizer' }

  it.each([
    ['Über', [2, 26, 3]],
    ['café', [2, 23, 3]],
    ['が', [2, 29, 3]],
  ])('strip_accents: false keeps %s', (text, ids) => {
    expect(encode({ 'vocab.txt': VOCABULARY, 'tokenizer_config.json': config }, text)).toEqual(ids)
  })

  it('names of special tokens', () => {
    const named = VOCABULARY.replace('[PAD]', '<pad>')
      .replace('[UNK]', '<unk>')
      .replace('[CLS]', '<s>')
      .replace('[SEP]', '</s>')
      .replace('[MASK]', '<mask>')
    const special = { cls_token: '<s>', sep_token: { content: '</s>' }, unk_token: '<unk>', pad_token: '<pad>' }
    expect(encode({ 'vocab.txt': named, 'tokenizer_config.json': special }, 'the lamp <s>')).toEqual([2, 5, 6, 2, 3])
    expect(() => encode({ 'vocab.txt': named }, 'the lamp')).toThrow(/here: vocab\.txt: \[UNK\] is missing/)
    // special_tokens_map.json says it in folders of older releases
    expect(encode({ 'vocab.txt': named, 'special_tokens_map.json': special }, 'the lamp')).toEqual([2, 5, 6, 3])
  })

  it('refuses classes that cut words by a dictionary', () => {
    const mecab = { tokenizer_class: 'BertJapaneseTokenizer', word_tokenizer_type: 'mecab' }
    for (const files of [{ 'vocab.txt': VOCABULARY }, { 'tokenizer.json': '{}', 'vocab.txt': VOCABULARY }])
      expect(() => encode({ ...files, 'tokenizer_config.json': mecab }, '東京')).toThrow(
        /BertJapaneseTokenizer cuts words by mecab/,
      )
    const other = { tokenizer_class: 'PhobertTokenizer' }
    expect(() => encode({ 'vocab.txt': VOCABULARY, 'tokenizer_config.json': other }, 'a')).toThrow(/PhobertTokenizer/)
  })

  it('refuses classes that read other files, and switches that are neither true nor false', () => {
    const config = (values: object) => ({ 'vocab.txt': VOCABULARY, 'tokenizer_config.json': values })
    expect(() => encode(config({ tokenizer_class: 'RobertaTokenizer' }), 'a')).toThrow(
      /RobertaTokenizer reads vocab\.json with merges\.txt, and the folder has vocab\.txt/,
    )
    expect(() => encode(config({ tokenizer_class: 'CamembertTokenizerFast' }), 'a')).toThrow(/sentencepiece model/)
    expect(encode(config({ tokenizer_class: 'ElectraTokenizer' }), 'the lamp')).toEqual([2, 5, 6, 3])
    expect(() => encode(config({ do_lower_case: 'false' }), 'a')).toThrow(/do_lower_case is "false", expected true or/)
  })

  it('refuses an added token with the id of another', () => {
    const added = { 'vocab.txt': VOCABULARY, 'added_tokens.json': { '<brand>': 6 } }
    expect(() => encode(added, 'a')).toThrow(/'<brand>' has the id 6 of 'lamp'; expected each id once/)
  })

  it('normalization in place of tokenizer.json’s', () => {
    const json = open({ 'vocab.txt': VOCABULARY }).files()[1].content
    expect(encode({ 'tokenizer.json': json }, 'Über')).toEqual([2, 27, 3])
    expect(encode({ 'tokenizer.json': json, 'tokenizer_config.json': config }, 'Über')).toEqual([2, 26, 3])
    const general = { ...config, tokenizer_class: 'PreTrainedTokenizerFast' }
    expect(encode({ 'tokenizer.json': json, 'tokenizer_config.json': general }, 'Über')).toEqual([2, 27, 3])
  })
})

describe('added tokens', () => {
  const brand = {
    'added_tokens.json': { '<brand>': 41 },
    'special_tokens_map.json': { additional_special_tokens: ['<brand>'] },
  }
  const decoder = { added_tokens_decoder: { 41: { content: '<brand>', special: true } } }

  it('of added_tokens.json and of added_tokens_decoder', () => {
    for (const files of [brand, { 'tokenizer_config.json': decoder }, { 'added_tokens.json': { '<brand>': 41 } }])
      expect(encode({ 'vocab.txt': VOCABULARY, ...files }, 'the <brand> lamp')).toEqual([2, 5, 41, 6, 3])
  })

  it('keep their flags', () => {
    const token = { content: 'lamp', special: false, normalized: false }
    const ids = (flags: object, text: string): number[] =>
      encode(
        { 'vocab.txt': VOCABULARY, 'tokenizer_config.json': { added_tokens_decoder: { 41: { ...token, ...flags } } } },
        text,
      )
    expect(ids({}, 'the lamps Lamp')).toEqual([2, 5, 6, 1, 6, 3])
    const special = { content: '<brand>' }
    expect(ids(special, 'a<brand>a')).toEqual([2, 15, 41, 15, 3])
    expect(ids({ ...special, single_word: true }, 'a<brand>a')).toEqual([2, 15, 1, 1, 1, 15, 3])
    expect(ids({ ...special, single_word: true }, 'a <brand>, a')).toEqual([2, 15, 41, 19, 15, 3])
    // joiners are parts of words
    expect(ids({ ...special, single_word: true }, 'a \u200c<brand> a')).not.toContain(41)
    // a normalized token is found as the text reads after normalization
    expect(ids({ content: '<Brand>', normalized: true }, 'a <BRAND>')).toEqual([2, 15, 41, 3])
    expect(ids({ content: '<Brand>', normalized: false }, 'a <BRAND>')).toEqual([2, 15, 1, 1, 1, 3])
  })

  it('beyond the table are an error for texts that have them', () => {
    const files = { 'vocab.txt': VOCABULARY, ...brand }
    expect(encode(files, 'the lamp', 41)).toEqual([2, 5, 6, 3])
    expect(() => encode(files, 'the <brand> lamp', 41)).toThrow(
      /the text has the token '<brand>' with the id 41, the model's word table has 41 rows/,
    )
  })
})

describe('vocabularies', () => {
  it('open with a token on two lines, and with a larger table', () => {
    expect(encode({ 'vocab.txt': `${VOCABULARY}lamp\n` }, 'the lamp')).toEqual([2, 5, 41, 3])
    expect(encode({ 'vocab.txt': VOCABULARY }, 'the lamp', 1000)).toEqual([2, 5, 6, 3])
  })

  it('refuse ids that are not whole, not unique or not in the table', () => {
    const json = (vocab: object): object => ({ model: { type: 'WordPiece', unk_token: '[UNK]', vocab } })
    const special = { '[UNK]': 0, '[CLS]': 1, '[SEP]': 2 }
    expect(encode({ 'tokenizer.json': json({ ...special, a: 3 }) }, 'a', 4)).toEqual([1, 3, 2])
    for (const [a, message] of [
      [1.5, /id of 'a' is 1\.5, expected a whole number/],
      ['3', /id of 'a' is "3"/],
      [-1, /id of 'a' is -1/],
      [2, /'\[SEP\]' and 'a' both have the id 2/],
      [4, /'a' with the id 4, the model's word table 4 rows/],
    ] as const)
      expect(() => encode({ 'tokenizer.json': json({ ...special, a }) }, 'a', 4)).toThrow(message)
  })

  it('are named where they are missing', () => {
    expect(() => encode({}, 'a')).toThrow(/none of tokenizer\.json, vocab\.txt, vocab\.json with merges\.txt/)
    expect(() => encode({ 'vocab.json': '{}' }, 'a')).toThrow(/no merges\.txt beside it/)
  })
})

describe('pairs', () => {
  const openPlain = () => openTokenizer({ 'vocab.txt': VOCABULARY }, configOf(64), 'here')

  it('have token types, and lose the end of the longer text first', async () => {
    const tokenizer = await openPlain()
    const pair = (a: string, b: string, most: number, cut?: 'only_first'): number[][] => {
      const { ids, types } = tokenizer.encodePair(a, b, most, cut)
      return [[...ids], [...types]]
    }
    expect(pair('good film', 'bad film', 64)).toEqual([
      [2, 12, 13, 3, 9, 13, 3],
      [0, 0, 0, 0, 1, 1, 1],
    ])
    expect(pair('the lamp is not bad', 'a film', 8)[0]).toEqual([2, 5, 6, 7, 3, 15, 13, 3])
    expect(pair('the lamp is not bad', 'a film is very good', 8)[0]).toEqual([2, 5, 6, 3, 15, 13, 7, 3])
    expect(pair('the lamp is not bad', 'a film is', 8, 'only_first')[0]).toEqual([2, 5, 6, 3, 15, 13, 7, 3])
    expect(() => pair('the', 'the lamp is not bad', 7, 'only_first')).toThrow(/only the first is cut/)
    expect(() => pair('the', 'the', 2)).toThrow(/expected a whole number from 3/)
    expect(tokenizer.encodePair('the', 'the', 5).isCut).toBe(false)
    expect(tokenizer.encodePair('the', 'the', 4).isCut).toBe(true)
  })

  it('of a model with one type have type 0', async () => {
    const config = { ...configOf(64), typeVocabSize: 1 }
    const tokenizer = await openTokenizer({ 'vocab.txt': VOCABULARY }, config, 'here')
    expect([...tokenizer.encodePair('a', 'a', 9).types]).toEqual([0, 0, 0, 0, 0])
  })
})

it('model_max_length is what the files say, and none where it says 1e30', () => {
  const limit = (found: number): number =>
    open({ 'vocab.txt': VOCABULARY, 'tokenizer_config.json': JSON.stringify({ model_max_length: found }) }).maxLength
  expect(limit(128)).toBe(128)
  expect(limit(1e30)).toBe(Infinity)
  expect(() => limit(-1)).toThrow(/model_max_length is -1/)
})
