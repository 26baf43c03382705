// Text to ids, as Hugging Face tokenizers gives them, from tokenizer.json or a bare vocabulary: added tokens are found,
// the text between them is normalized, cut into words, and these into pieces. The library's models do the last step.
// Words that were seen are remembered, which makes it an order of magnitude faster on ordinary text.

import { makeSplitter, type Section } from './added-tokens.ts'
import { SEPARATORS } from './bert-normalizer.ts'
import { checkPatterns, longRunOf, MAX_RUN_OF_WORDPIECE } from './bounds.ts'
import {
  makeNormalizer,
  makePreTokenizer,
  type MakePrecompiled,
  type Normalize,
  type PreTokenize,
} from './normalizers.ts'
import { openPieceModel, type PieceModel } from './piece-model.ts'
import { applySettings, readSettings, type TokenizerSettings } from './settings.ts'
import { cutLongestFirst, templateOf, type Template } from './template.ts'
import { checkTokenizerJson, type AddedToken, type TokenizerJson } from './tokenizer-json.ts'

/** A pair of texts as a model reads them. */
export interface PairEncoding {
  ids: Int32Array
  /** token type of each id */
  types: Int32Array
  /** one of the texts lost its end */
  isCut: boolean
}

export interface Tokenizer {
  /**
   * Ids with the first special token ([CLS]) and the last ([SEP]); a longer text loses its end, never its [SEP].
   * @param maxLength most ids wanted, at least 2
   */
  encode(text: string, maxLength: number): Int32Array
  /**
   * Ids and token types of two texts that are read as one.
   * @param maxLength most ids wanted
   * @param cut where they are longer: the longer text is cut first, which is so if not given, or the first alone
   */
  encodePair(text: string, second: string, maxLength: number, cut?: 'longest_first' | 'only_first'): PairEncoding
  /** largest id + 1 */
  readonly vocabSize: number
  readonly lowercase: boolean
  /** most tokens of a text as the model's authors set them (`model_max_length`); Infinity where they did not */
  readonly maxLength: number
  /** the parts that it consists of, for who needs more than ids */
  readonly parts: TokenizerParts
  /** What to save beside a model so that any reader of Hugging Face folders tokenizes alike. */
  files(): { name: string; content: string }[]
}

export interface TokenizerParts {
  json: TokenizerJson
  model: PieceModel
  template: Template
  addedTokens: AddedToken[]
  /** cuts a text as it comes at added tokens */
  split: (text: string) => Section[]
  normalize: Normalize
  /** cuts normalized text at added tokens that are normalized */
  splitNormalized: (text: string) => Section[]
  preTokenize: PreTokenize
}

/** The first five entries of every vocabulary that we make. */
export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

const MAX_CACHED_WORDS = 1 << 16
// Longer runs without white space are rarely seen twice.
const MAX_CACHED_CHARACTERS = 64

export interface TokenizerOptions {
  /** what a Precompiled normalizer needs; openTokenizer gives it */
  makePrecompiled?: MakePrecompiled
  /** all that the files beside tokenizer.json say; read from `config` where not given */
  settings?: TokenizerSettings
}

/**
 * Makes a tokenizer from the parsed `tokenizer.json` of a model, and its `tokenizer_config.json` where there is one.
 * @throws where the model in it is not WordPiece, BPE or Unigram, an id is not whole or is there twice, or it does not put one
 *   token before and one after a text
 */
export function tokenizerFromJson(
  tokenizerJson: object,
  config: object = {},
  options: TokenizerOptions = {},
): Tokenizer {
  checkTokenizerJson(tokenizerJson as TokenizerJson)
  checkPatterns(tokenizerJson)
  const settings = options.settings ?? readSettings({ 'tokenizer_config.json': JSON.stringify(config) })
  const json = applySettings(tokenizerJson as TokenizerJson, settings)
  const parts = openParts(json, settings, options.makePrecompiled)
  const { template } = parts
  const encode = makeEncoder(parts)
  const idsOf = (text: string, most: number): number[] => {
    const wrong = longRunOf(text, parts.model.type === 'WordPiece' ? MAX_RUN_OF_WORDPIECE : undefined)
    if (wrong) throw new Error(`tokenizer: a text ${wrong}`)
    return encode(text, most)
  }
  const { model, addedTokens } = parts
  let vocabSize = 0
  for (const id of model.vocabulary.values()) vocabSize = Math.max(vocabSize, id + 1)
  for (const { id } of addedTokens) vocabSize = Math.max(vocabSize, id + 1)

  return {
    vocabSize,
    lowercase: isLowercase(json) ?? (config as { do_lower_case?: boolean }).do_lower_case ?? false,
    maxLength: settings.maxLength,
    parts,
    encode(text, maxLength) {
      if (!Number.isInteger(maxLength) || maxLength < 2)
        throw new Error(
          `tokenizer: maxLength = ${maxLength}, expected a whole number from 2: [CLS] and [SEP] are always there`,
        )
      const ids = idsOf(text, maxLength - 2)
      ids.unshift(template.single.first)
      ids.push(template.single.last)
      return Int32Array.from(ids)
    },
    encodePair: (text, second, maxLength, cut) => encodePair(parts, settings, idsOf, [text, second], maxLength, cut),
    files: () => filesOf(parts, config, vocabSize),
  }
}

const isLowercase = ({ normalizer }: TokenizerJson): boolean | undefined =>
  normalizer?.lowercase ??
  (normalizer?.normalizers?.some(({ type, lowercase }) => type === 'Lowercase' || lowercase === true) || undefined)

function openParts(
  json: TokenizerJson,
  settings: TokenizerSettings,
  makePrecompiled?: MakePrecompiled,
): TokenizerParts {
  const model = openPieceModel(json.model)
  const normalize = makeNormalizer(json.normalizer, makePrecompiled)
  const addedTokens = json.added_tokens ?? []
  for (const { id, content } of addedTokens)
    if (!Number.isSafeInteger(id) || id < 0 || typeof content !== 'string')
      throw new Error(
        `tokenizer.json: the added token ${JSON.stringify(content)} has the id ${JSON.stringify(id)}, expected a whole number from 0`,
      )
  const isNormalized = ({ normalized, special }: AddedToken): boolean => normalized ?? !special
  return {
    json,
    model,
    template: templateOf(json.post_processor, () => frameOf(model, addedTokens, settings)),
    addedTokens,
    split: makeSplitter(addedTokens.filter((token) => !isNormalized(token)).map((token) => [token.content, token])),
    normalize,
    splitNormalized: makeSplitter(
      addedTokens.filter(isNormalized).map((token) => [normalize(token.content), token] as const),
    ),
    preTokenize: makePreTokenizer(json.pre_tokenizer),
  }
}

/** The first and the last special token where tokenizer.json does not put any. */
function frameOf(model: PieceModel, added: AddedToken[], { special }: TokenizerSettings): [number, number] {
  const idOf = (token: string): number | undefined =>
    added.find(({ content }) => content === token)?.id ?? model.vocabulary.get(token)
  const names = [special.cls_token ?? '[CLS]', special.sep_token ?? '[SEP]']
  const [cls, sep] = names.map(idOf)
  if (cls === undefined || sep === undefined)
    throw new Error(
      `tokenizer.json: it puts no tokens around a text, and ${names.join(' or ')} is not in the vocabulary; expected one before and one after`,
    )
  return [cls, sep]
}

/** Returns a function from a text to its ids without special tokens, at most `most`. */
function makeEncoder(parts: TokenizerParts): (text: string, most: number) => number[] {
  const { split, normalize, splitNormalized, preTokenize, model } = parts
  const cache = new Map<string, number[]>()
  const remembered = (key: string, make: (key: string) => number[]): number[] => {
    const known = cache.get(key)
    if (known) return known
    const ids = make(key)
    if (key.length <= MAX_CACHED_CHARACTERS) {
      if (cache.size >= MAX_CACHED_WORDS) cache.clear()
      cache.set(key, ids)
    }
    return ids
  }
  const idsOfWord = (word: string): number[] =>
    model.pieces(word).flatMap((piece) => {
      const id = model.idOf(piece)
      return id === undefined ? [] : [id]
    })
  const idsOf = (text: string, most: number, idsOfWord: (word: string) => number[]): number[] => {
    const ids: number[] = []
    for (const section of split(text)) {
      if (ids.length >= most) break
      if (section.token) {
        ids.push(section.token.id)
        continue
      }
      const normalized = normalize(text.slice(section.start, section.end))
      for (const part of splitNormalized(normalized)) {
        if (ids.length >= most) break
        if (part.token) ids.push(part.token.id)
        else
          for (const word of preTokenize(normalized.slice(part.start, part.end), section.start + part.start === 0)) {
            for (const id of idsOfWord(word)) ids.push(id)
            if (ids.length >= most) break
          }
      }
    }
    return ids
  }
  const cutTo = (ids: number[], most: number): number[] => {
    if (ids.length > most) ids.length = most
    return ids
  }
  if (!canCutAtSpace(parts))
    return (text, most) =>
      cutTo(
        idsOf(text, most, (word) => remembered(word, idsOfWord)),
        most,
      )
  return (text, most) => {
    const ids: number[] = []
    for (const part of text.split(SEPARATORS)) {
      if (part === '') continue
      for (const id of remembered(part, (key) => idsOf(key, Infinity, idsOfWord))) ids.push(id)
      if (ids.length >= most) break
    }
    return cutTo(ids, most)
  }
}

/** Whether no token and no rule of normalization reaches across white space. */
function canCutAtSpace({ json, addedTokens }: TokenizerParts): boolean {
  return (
    json.normalizer?.type === 'BertNormalizer' &&
    json.pre_tokenizer?.type === 'BertPreTokenizer' &&
    addedTokens.every(({ content }) => !/\s/.test(content))
  )
}

function encodePair(
  { template: { pair } }: TokenizerParts,
  { hasTypes }: TokenizerSettings,
  idsOf: (text: string, most: number) => number[],
  texts: [string, string],
  maxLength: number,
  cut: 'longest_first' | 'only_first' = 'longest_first',
): PairEncoding {
  const special = pair.filter((place) => 'id' in place).length
  const most = maxLength - special
  if (!Number.isInteger(maxLength) || most < 0)
    throw new Error(
      `tokenizer: maxLength = ${maxLength}, expected a whole number from ${special}: ${special} special tokens are in every pair`,
    )
  // one more than fits tells whether a text is cut
  const [a, b] = texts.map((text) => idsOf(text, most + 1))
  if (cut === 'only_first' && b.length > most)
    throw new Error(
      `tokenizer: the second text of a pair has more tokens than the ${most} that fit, and only the first is cut`,
    )
  const [keptA, keptB] =
    cut === 'only_first' ? [Math.min(a.length, most - b.length), b.length] : cutLongestFirst(a.length, b.length, most)
  const kept = { A: a.slice(0, keptA), B: b.slice(0, keptB) }
  const ids: number[] = []
  const types: number[] = []
  for (const place of pair)
    for (const id of 'id' in place ? [place.id] : kept[place.text]) {
      ids.push(id)
      types.push(hasTypes ? place.type : 0)
    }
  return {
    ids: Int32Array.from(ids),
    types: Int32Array.from(types),
    isCut: keptA < a.length || keptB < b.length,
  }
}

/** Tokens by id; ids that nothing names get BERT's own placeholder. */
export function vocabularyOf({ parts: { model, addedTokens }, vocabSize }: Tokenizer): string[] {
  return listTokens(model, addedTokens, vocabSize)
}

function listTokens(model: PieceModel, addedTokens: AddedToken[], size: number): string[] {
  const tokens = Array.from({ length: size }, (_, id) => `[unused${id}]`)
  for (const [token, id] of model.vocabulary) tokens[id] = token
  for (const { id, content } of addedTokens) tokens[id] = content
  return tokens
}

function filesOf(
  { json, model, addedTokens }: TokenizerParts,
  config: object,
  vocabSize: number,
): { name: string; content: string }[] {
  const files = [
    { name: 'tokenizer.json', content: JSON.stringify(json) },
    { name: 'tokenizer_config.json', content: JSON.stringify(config, null, 2) + '\n' },
  ]
  if (model.type !== 'WordPiece') return files
  return [{ name: 'vocab.txt', content: listTokens(model, addedTokens, vocabSize).join('\n') + '\n' }, ...files]
}
