// BERT's tokenizer: text to ids, as Hugging Face tokenizers gives them. The library does the work; this file builds
// its description from a bare vocabulary, mends where it differs (bert-normalizer.ts), truncates, and remembers the
// pieces of words it has seen, which makes it an order of magnitude faster on ordinary text.

import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers'
import { bridgeToReference, SEPARATORS, type BertNormalizerOptions } from './bert-normalizer.ts'

export interface Tokenizer {
  /**
   * Ids with [CLS] first and [SEP] last; a longer text loses its end, never its [SEP].
   * @param maxLength most ids wanted, at least 2
   */
  encode(text: string, maxLength: number): Int32Array
  /** largest id + 1 */
  readonly vocabSize: number
  readonly lowercase: boolean
  /** What to save beside a model so that any reader of Hugging Face folders tokenizes alike. */
  files(): { name: string; content: string }[]
}

/** The first five entries of every vocabulary that we make. */
export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

const MAX_CHARACTERS_PER_WORD = 100
const MAX_CACHED_WORDS = 1 << 16
// Longer runs without white space are rarely seen twice.
const MAX_CACHED_CHARACTERS = 64

/**
 * Makes BERT's WordPiece tokenizer from the lines of a `vocab.txt`; a token's id is its line's number, from 0.
 * @throws where the vocabulary is empty, lacks [UNK], [CLS] or [SEP], or has a token twice
 * @example
 * tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good'], { lowercase: true })
 *   .encode('Good!', 16) // 2 5 1 3
 */
export function tokenizerFromVocabulary(lines: string[], options: { lowercase: boolean }): Tokenizer {
  const tokens = lines.map((line) => line.replace(/[\r\n]+$/, ''))
  while (tokens.length > 0 && tokens[tokens.length - 1] === '') tokens.pop()
  if (tokens.length === 0)
    throw new Error('vocab.txt: it is empty; expected one token a line, [UNK], [CLS], [SEP] among them')
  const vocab = Object.create(null) as Record<string, number>
  tokens.forEach((token, id) => {
    if (token in vocab)
      throw new Error(`vocab.txt: '${token}' is on lines ${vocab[token] + 1} and ${id + 1}; expected each token once`)
    vocab[token] = id
  })
  for (const token of ['[UNK]', '[CLS]', '[SEP]'])
    if (!(token in vocab))
      throw new Error(`vocab.txt: ${token} is missing among ${tokens.length} tokens; is this BERT's vocabulary?`)
  const template = (id: string, type: number): object => ({ SpecialToken: { id, type_id: type } })
  const special = (token: string): object => ({ id: token, ids: [vocab[token]], tokens: [token] })
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.filter((token) => token in vocab).map((content) => ({
      id: vocab[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: options.lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [template('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, template('[SEP]', 0)],
      pair: [
        template('[CLS]', 0),
        { Sequence: { id: 'A', type_id: 0 } },
        template('[SEP]', 0),
        { Sequence: { id: 'B', type_id: 1 } },
        template('[SEP]', 1),
      ],
      special_tokens: { '[CLS]': special('[CLS]'), '[SEP]': special('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: MAX_CHARACTERS_PER_WORD,
      vocab,
    },
  }
  const config = {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: options.lowercase,
    tokenize_chinese_chars: true,
    strip_accents: null,
    unk_token: '[UNK]',
    sep_token: '[SEP]',
    pad_token: '[PAD]',
    cls_token: '[CLS]',
    mask_token: '[MASK]',
  }
  return tokenizerFromJson(json, config)
}

/** The parts of tokenizer.json that this file looks at itself. */
interface TokenizerJson {
  added_tokens?: { id: number; content: string }[]
  normalizer?: ({ type?: string } & Partial<BertNormalizerOptions>) | null
  pre_tokenizer?: { type?: string } | null
  model?: { type?: string; vocab?: Record<string, number> }
}

/**
 * Makes a tokenizer from the parsed `tokenizer.json` of a BERT model, and its `tokenizer_config.json` where there is one.
 * @throws where the model in it is not WordPiece, or it does not put one token before and one after a text
 */
export function tokenizerFromJson(tokenizerJson: object, config: object = {}): Tokenizer {
  const json = tokenizerJson as TokenizerJson
  const vocab = json.model?.vocab
  const type = json.model?.type
  if (!vocab || typeof vocab !== 'object' || Array.isArray(vocab) || (type !== undefined && type !== 'WordPiece'))
    throw new Error(
      `tokenizer.json: the model is ${type ?? 'missing'}, expected WordPiece with a vocabulary; only BERT's tokenizers are read`,
    )
  let library: LibraryTokenizer
  try {
    // Missing parts are null to the library; it wants every key to be there.
    library = new LibraryTokenizer(
      { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...json },
      config,
    )
  } catch (error) {
    throw new Error(
      `tokenizer.json: not understood (${(error as Error).message}); expected BERT's WordPiece tokenizer`,
      { cause: error },
    )
  }
  let vocabSize = 0
  for (const token in vocab) vocabSize = Math.max(vocabSize, vocab[token] + 1)
  for (const token of json.added_tokens ?? []) vocabSize = Math.max(vocabSize, token.id + 1)
  if (!Number.isInteger(vocabSize)) throw new Error('tokenizer.json: an id in the vocabulary is not a whole number')

  const lowercase = json.normalizer?.lowercase ?? (config as { do_lower_case?: boolean }).do_lower_case ?? false
  const [cls, sep] = findFrame(library)
  const encodePart = makePartEncoder(library, json)
  const cutsAtSpace = canCutAtSpace(json)
  const cache = new Map<string, number[]>()
  const encodeWord = (word: string): number[] => {
    const known = cache.get(word)
    if (known) return known
    const ids = encodePart(word)
    if (word.length <= MAX_CACHED_CHARACTERS) {
      if (cache.size >= MAX_CACHED_WORDS) cache.clear()
      cache.set(word, ids)
    }
    return ids
  }

  return {
    vocabSize,
    lowercase,
    encode(text, maxLength) {
      if (!Number.isInteger(maxLength) || maxLength < 2)
        throw new Error(
          `tokenizer: maxLength = ${maxLength}, expected a whole number from 2: [CLS] and [SEP] are always there`,
        )
      const ids = [cls]
      const most = maxLength - 1
      for (const word of cutsAtSpace ? text.split(SEPARATORS) : [text]) {
        if (word === '') continue
        for (const id of encodeWord(word)) ids.push(id)
        if (ids.length >= most) break
      }
      if (ids.length > most) ids.length = most
      ids.push(sep)
      return Int32Array.from(ids)
    },
    files() {
      return [
        { name: 'vocab.txt', content: vocabularyText(vocab, json.added_tokens ?? [], vocabSize) },
        { name: 'tokenizer.json', content: JSON.stringify(tokenizerJson) },
        { name: 'tokenizer_config.json', content: JSON.stringify(config, null, 2) + '\n' },
      ]
    },
  }
}

/** The ids around an encoded text. */
function findFrame(library: LibraryTokenizer): [number, number] {
  const frame = library.encode('').ids
  if (frame.length === 2) return [frame[0], frame[1]]
  const cls = library.token_to_id('[CLS]')
  const sep = library.token_to_id('[SEP]')
  if (frame.length !== 0 || cls === undefined || sep === undefined)
    throw new Error(
      `tokenizer.json: it puts ${frame.length} tokens around a text and names ${cls === undefined ? 'no [CLS]' : '[CLS]'}, ` +
        `${sep === undefined ? 'no [SEP]' : '[SEP]'}; expected BERT's one before and one after`,
    )
  return [cls, sep]
}

function makePartEncoder(library: LibraryTokenizer, json: TokenizerJson): (text: string) => number[] {
  const { normalizer } = json
  const options: BertNormalizerOptions | null =
    normalizer?.type === 'BertNormalizer'
      ? {
          clean_text: normalizer.clean_text ?? false,
          handle_chinese_chars: normalizer.handle_chinese_chars ?? false,
          strip_accents: normalizer.strip_accents ?? null,
          lowercase: normalizer.lowercase ?? false,
        }
      : null
  return (text) => library.encode(options ? bridgeToReference(text, options) : text, { add_special_tokens: false }).ids
}

/** Whether no token and no rule of normalization reaches across white space. */
function canCutAtSpace(json: TokenizerJson): boolean {
  return (
    json.normalizer?.type === 'BertNormalizer' &&
    json.pre_tokenizer?.type === 'BertPreTokenizer' &&
    (json.added_tokens ?? []).every((token) => !/\s/.test(token.content))
  )
}

/** vocab.txt has a line for every id; ids that nothing names get BERT's own placeholder. */
function vocabularyText(vocab: Record<string, number>, added: { id: number; content: string }[], size: number): string {
  const lines = Array.from({ length: size }, (_, id) => `[unused${id}]`)
  for (const token in vocab) lines[vocab[token]] = token
  for (const token of added) lines[token.id] = token.content
  return lines.join('\n') + '\n'
}
