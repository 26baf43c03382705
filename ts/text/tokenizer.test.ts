import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tokenizerFromVocabulary } from './bare-vocabulary.ts'
import { tokenizerFromJson } from './tokenizer.ts'

/** CPU time since `start`: unlike the clock it does not run while other processes have the cores. */
function cpuMs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

// Two vocabularies and 3240 texts each with the ids of Hugging Face's own implementation; too large to ship.
const REFERENCE = new URL('../../../shared/data/tokenizer/', import.meta.url)
const MODELS = [
  { name: 'bert-base-uncased', lowercase: true },
  { name: 'bert-base-multilingual-cased', lowercase: false },
]
const hasReference = MODELS.every(({ name }) => existsSync(new URL(`${name}.jsonl`, REFERENCE)))

const SMALL = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'good',
  '##ness',
  'film',
  'un',
  '##want',
  '##ed',
  'wanted',
  ',',
  '!',
].concat(['с', '##юр', '##приз', '𠀀', '𠮷', 'ab', 'οδος', 'cafe', '__proto__', '7'])
const small = tokenizerFromVocabulary(SMALL, { lowercase: true })
const words = (text: string, maxLength = 64): string[] => Array.from(small.encode(text, maxLength), (id) => SMALL[id])

describe('agreement with Hugging Face', () => {
  if (!hasReference)
    console.warn(
      `\n*** Reference ids are not at ${fileURLToPath(REFERENCE)}: checking the tokenizer on a built-in vocabulary of ${SMALL.length} only ***\n`,
    )
  for (const { name, lowercase } of hasReference ? MODELS : [])
    test(`${name}: every reference text gets the reference ids`, () => {
      const lines = readFileSync(new URL(`${name}-vocab.txt`, REFERENCE), 'utf8').split('\n')
      const tokenizer = tokenizerFromVocabulary(lines, { lowercase })
      const rows = readFileSync(new URL(`${name}.jsonl`, REFERENCE), 'utf8')
        .trim()
        .split('\n')
      expect(rows.length).toBe(3240)
      for (const row of rows) {
        const { text, ids } = JSON.parse(row) as { text: string; ids: number[] }
        const actual = tokenizer.encode(text, 1 << 20)
        if (actual.join() !== ids.join()) expect({ text, ids: Array.from(actual) }).toEqual({ text, ids })
        const cut = tokenizer.encode(text, 16)
        const expected = ids.length <= 16 ? ids : [...ids.slice(0, 15), ids[ids.length - 1]]
        if (cut.join() !== expected.join()) expect({ text, ids: Array.from(cut) }).toEqual({ text, ids: expected })
      }
    })

  test('words, pieces, punctuation, unknown words', () => {
    expect(words('Goodness, unwanted  FILM!')).toEqual([
      '[CLS]',
      'good',
      '##ness',
      ',',
      'un',
      '##want',
      '##ed',
      'film',
      '!',
      '[SEP]',
    ])
    expect(words('сюрприз')).toEqual(['[CLS]', 'с', '##юр', '##приз', '[SEP]'])
    expect(words('goodx film')).toEqual(['[CLS]', '[UNK]', 'film', '[SEP]'])
    expect(words('')).toEqual(['[CLS]', '[SEP]'])
    expect(words('Café')).toEqual(['[CLS]', 'cafe', '[SEP]'])
    expect(words('7 good')).toEqual(['[CLS]', '7', 'good', '[SEP]'])
  })

  test('special tokens in the text are themselves', () => {
    expect(words('good[SEP]film [MASK]')).toEqual(['[CLS]', 'good', '[SEP]', 'film', '[MASK]', '[SEP]'])
  })

  test('ideographs above U+FFFF stand apart', () => {
    expect(words('𠀀𠮷')).toEqual(['[CLS]', '𠀀', '𠮷', '[SEP]'])
  })

  test('a capital sigma at the end of a word lowers to the ordinary one', () => {
    expect(words('ΟΔΟΣ')).toEqual(['[CLS]', '[UNK]', '[SEP]']) // οδοσ, not οδος
    expect(words('οδος')).toEqual(['[CLS]', 'οδος', '[SEP]'])
  })

  test('deleted control characters join, white space parts', () => {
    for (const joint of ['\u000b', '\u000c', '\u0085', '\ufeff', '\u200b', '\u0000', '\ufffd'])
      expect(words(`a${joint}b`), JSON.stringify(joint)).toEqual(['[CLS]', 'ab', '[SEP]'])
    for (const space of [' ', '\t', '\n', '\r\n', '\u00a0', '\u2028', '\u3000'])
      expect(words(`good${space}film`), JSON.stringify(space)).toEqual(['[CLS]', 'good', 'film', '[SEP]'])
  })

  test('words of 100 characters are read, longer ones are unknown, very long ones do no harm', () => {
    const tokenizer = tokenizerFromVocabulary(['[UNK]', '[CLS]', '[SEP]', 'a', '##a'], { lowercase: false })
    expect(tokenizer.encode('a'.repeat(100), 512).length).toBe(102)
    expect(Array.from(tokenizer.encode('a'.repeat(101), 512))).toEqual([1, 0, 2])
    expect(Array.from(tokenizer.encode('a'.repeat(1e6), 512))).toEqual([1, 0, 2])
  })
})

describe('truncation and cache', () => {
  test('keeps [SEP] at any length', () => {
    expect(words('good film good film', 4)).toEqual(['[CLS]', 'good', 'film', '[SEP]'])
    expect(words('goodness', 3)).toEqual(['[CLS]', 'good', '[SEP]'])
    expect(words('goodness', 2)).toEqual(['[CLS]', '[SEP]'])
    expect(() => small.encode('good', 1)).toThrow(/maxLength = 1, expected a whole number from 2/)
  })

  test('a warm cache, a cold cache and the whole text at once give the same ids', () => {
    const piece = fc.constantFrom(
      ...SMALL,
      'Good',
      'É',
      'Σ',
      '\u000b',
      '\ufeff',
      '\u2028',
      '\u0301',
      '-',
      '…',
      '👩‍👧',
      '中',
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, fc.constantFrom('', ' ', '\n', '\u00a0'))), (pieces) => {
        const text = pieces.flat().join('')
        const json = JSON.parse(small.files()[1].content) as { added_tokens: object[] }
        const cold = tokenizerFromJson(json)
        // An added token with a space in it turns the cutting at white space off.
        const whole = tokenizerFromJson({
          ...json,
          added_tokens: [...json.added_tokens, { id: 5, content: 'no such', normalized: false, special: false }],
        })
        expect(small.encode(text, 512)).toEqual(cold.encode(text, 512))
        expect(whole.encode(text, 512)).toEqual(cold.encode(text, 512))
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('reads at least 50 thousand words a second', () => {
    const text = 'Goodness, unwanted film! A wanted film, good. '.repeat(1000)
    const start = process.cpuUsage()
    const ids = small.encode(text, 1 << 20)
    expect(ids.length).toBeGreaterThan(12000)
    expect(7000 / (cpuMs(start) / 1000)).toBeGreaterThan(50000)
  })
})

describe('files', () => {
  test('each form gives the same tokenizer back', () => {
    const [vocab, json, config] = small.files()
    expect(vocab.content.trimEnd().split('\n')).toEqual(SMALL)
    const fromJson = tokenizerFromJson(JSON.parse(json.content) as object, JSON.parse(config.content) as object)
    const fromVocab = tokenizerFromVocabulary(vocab.content.split('\n'), { lowercase: true })
    for (const tokenizer of [fromJson, fromVocab]) {
      expect(tokenizer.vocabSize).toBe(SMALL.length)
      expect(tokenizer.lowercase).toBe(true)
      expect(tokenizer.encode('Goodness, unwanted сюрприз', 64)).toEqual(small.encode('Goodness, unwanted сюрприз', 64))
    }
  })

  test('CRLF vocabularies are read', () => {
    const tokenizer = tokenizerFromVocabulary(
      SMALL.map((token) => token + '\r'),
      { lowercase: true },
    )
    expect(tokenizer.encode('good', 8)).toEqual(small.encode('good', 8))
  })
})

describe('bad input', () => {
  test("vocabularies that are not BERT's", () => {
    expect(() => tokenizerFromVocabulary([], { lowercase: true })).toThrow(/empty/)
    expect(() => tokenizerFromVocabulary(['a', 'b'], { lowercase: true })).toThrow(/\[UNK\] is missing among 2 tokens/)
  })

  test('tokenizer.json of another kind', () => {
    expect(() => tokenizerFromJson({})).toThrow(/model is missing, expected WordPiece/)
    expect(() => tokenizerFromJson({ model: { type: 'BPE', vocab: { a: 0 } } })).toThrow(/BPE without merges/)
    expect(() => tokenizerFromJson({ model: { type: 'WordPiece', unk_token: 'a', vocab: { a: 0 } } })).toThrow(
      /\[CLS\] or \[SEP\] is not in the vocabulary/,
    )
  })
})
