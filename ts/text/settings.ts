// What the files beside a vocabulary say about a tokenizer: tokenizer_config.json, special_tokens_map.json and
// added_tokens.json, with the precedence that transformers gives them.

import type { AddedToken, NormalizerJson, TokenizerJson } from './tokenizer-json.ts'

export const SPECIAL_NAMES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const
export type SpecialName = (typeof SPECIAL_NAMES)[number]

export interface TokenizerSettings {
  /** tokenizer_config.json */
  config: Readonly<Record<string, unknown>>
  /** the class of transformers, without `Fast`; '' where nothing names one */
  className: string
  special: Partial<Record<SpecialName, string>>
  /** tokens with the id that a file gives them */
  added: AddedToken[]
  /** special tokens by name, which have the id of the vocabulary */
  named: Omit<AddedToken, 'id'>[]
  /** further special tokens, which get the next ids where the vocabulary does not have them */
  further: Omit<AddedToken, 'id'>[]
  /** model_max_length; Infinity where it is not set */
  maxLength: number
  /** the class gives token types; else all are 0 */
  hasTypes: boolean
}

/** The class that transformers opens where no file names one. */
const CLASS_OF_MODEL_TYPE: Record<string, string> = {
  bert: 'BertTokenizer',
  distilbert: 'DistilBertTokenizer',
  electra: 'ElectraTokenizer',
  mpnet: 'MPNetTokenizer',
  roberta: 'RobertaTokenizer',
  'xlm-roberta': 'XLMRobertaTokenizer',
  camembert: 'CamembertTokenizer',
  albert: 'AlbertTokenizer',
}

/** As of transformers 5; that of ALBERT gave types in transformers 4. */
const WITHOUT_TYPES = /^(DistilBert|Roberta|XLMRoberta|Camembert|MPNet|Albert)Tokenizer$/
/** Classes whose mask token takes the white space before it. */
const MASK_TAKES_SPACE = /^(Roberta|XLMRoberta|Camembert|MPNet|Albert)Tokenizer$/
/** Classes that apply tokenizer_config.json's normalization to BERT's normalizer. */
const GENERAL_CLASS = /^(PreTrainedTokenizer|TokenizersBackend)$/
/** From here on transformers means that there is no limit; it writes 1e30. */
const NO_LIMIT = 1e9

const SWITCHES = ['do_lower_case', 'strip_accents', 'tokenize_chinese_chars', 'add_prefix_space'] as const

/**
 * @param files name -> text
 * @param fallbackClass where tokenizer_config.json names none: the class, or the model's type
 * @throws where a file is not JSON, or a value is not of its type
 */
export function readSettings(
  files: Readonly<Record<string, string>>,
  fallbackClass: { className?: string; modelType?: string } = {},
): TokenizerSettings {
  const config = parseObject(files, 'tokenizer_config.json')
  const named = config.tokenizer_class ?? fallbackClass.className
  for (const name of SWITCHES)
    if (config[name] !== undefined && config[name] !== null && typeof config[name] !== 'boolean')
      throw new Error(`tokenizer_config.json: ${name} is ${JSON.stringify(config[name])}, expected true or false`)
  const className =
    typeof named === 'string' ? named.replace(/Fast$/, '') : (CLASS_OF_MODEL_TYPE[fallbackClass.modelType ?? ''] ?? '')
  const decoder = config.added_tokens_decoder
  const isLegacy = decoder === undefined || decoder === null
  // what these two files say is in tokenizer_config.json where that lists added tokens
  const map = isLegacy ? parseObject(files, 'special_tokens_map.json') : {}
  const names = { ...config, ...map }
  const special: TokenizerSettings['special'] = {}
  const specialTokens: Omit<AddedToken, 'id'>[] = []
  for (const name of SPECIAL_NAMES) {
    const token = specialToken(names[name], name)
    if (!token) continue
    if (name === 'mask_token' && typeof names[name] === 'string') token.lstrip = MASK_TAKES_SPACE.test(className)
    special[name] = token.content
    specialTokens.push(token)
  }
  const lists = [config.additional_special_tokens, map.additional_special_tokens, config.extra_special_tokens]
  const further = lists
    .flatMap((list) => (typeof list === 'object' && list !== null ? Object.values(list) : []))
    .map((value) => specialToken(value, 'additional_special_tokens')!)
  const isSpecial = new Set([...specialTokens, ...further].map(({ content }) => content))
  return {
    config,
    className,
    special,
    added: isLegacy ? addedTokensFile(files, isSpecial) : addedTokensDecoder(decoder),
    named: specialTokens,
    further,
    maxLength: parseMaxLength(config.model_max_length),
    hasTypes: Array.isArray(config.model_input_names)
      ? config.model_input_names.includes('token_type_ids')
      : !WITHOUT_TYPES.test(className),
  }
}

function parseObject(files: Readonly<Record<string, string>>, name: string): Record<string, unknown> {
  if (!files[name]) return {}
  let json: unknown
  try {
    json = JSON.parse(files[name])
  } catch (error) {
    throw new Error(`${name}: not JSON (${(error as Error).message})`, { cause: error })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error(`${name}: it holds ${JSON.stringify(json).slice(0, 40)}, expected an object`)
  return json as Record<string, unknown>
}

/** A token as these files have it: its text, or an object with flags. */
function specialToken(value: unknown, name: string): Omit<AddedToken, 'id'> | null {
  if (value === undefined || value === null) return null
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  if (typeof value === 'string') return { content: value, ...plain }
  const { content } = value as { content?: unknown }
  if (typeof content !== 'string')
    throw new Error(`tokenizer_config.json: ${name} is ${JSON.stringify(value)}, expected a token`)
  return { content, ...flagsOf(value as object), special: true }
}

/** The flags of a token's object, and nothing else of it. */
function flagsOf(value: object): Omit<AddedToken, 'id' | 'content'> {
  const { single_word = false, lstrip = false, rstrip = false, special = false, normalized } = value as AddedToken
  return { single_word, lstrip, rstrip, normalized: normalized ?? !special, special }
}

function addedTokensDecoder(decoder: unknown): AddedToken[] {
  return Object.entries(decoder as object).map(([key, value]) => {
    const { content } = (value ?? {}) as { content?: unknown }
    const id = Number(key)
    if (typeof content !== 'string' || !Number.isSafeInteger(id) || id < 0)
      throw new Error(
        `tokenizer_config.json: added_tokens_decoder has ${JSON.stringify(key)}: ${JSON.stringify(value)}, expected a whole number and a token`,
      )
    return { id, content, ...flagsOf(value as object) }
  })
}

function addedTokensFile(files: Readonly<Record<string, string>>, isSpecial: Set<string>): AddedToken[] {
  return Object.entries(parseObject(files, 'added_tokens.json')).map(([content, id]) => {
    if (!Number.isSafeInteger(id) || (id as number) < 0)
      throw new Error(
        `added_tokens.json: the id of '${content}' is ${JSON.stringify(id)}, expected a whole number from 0`,
      )
    const special = isSpecial.has(content)
    return {
      id: id as number,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: !special,
      special,
    }
  })
}

function parseMaxLength(found: unknown): number {
  if (found === undefined || found === null) return Infinity
  if (typeof found !== 'number' || !(found >= 2))
    throw new Error(`tokenizer_config.json: model_max_length is ${JSON.stringify(found)}, expected a number from 2`)
  return found >= NO_LIMIT ? Infinity : Math.floor(found)
}

/** tokenizer.json with what the files beside it change; the same object where they change nothing. */
export function applySettings(json: TokenizerJson, settings: TokenizerSettings): TokenizerJson {
  const normalizer = withNormalization(json.normalizer, settings)
  const added = withAddedTokens(json, settings)
  const preTokenizer = withPrefixSpace(json.pre_tokenizer, settings)
  if (normalizer === json.normalizer && added === json.added_tokens && preTokenizer === json.pre_tokenizer) return json
  return { ...json, normalizer, added_tokens: added, pre_tokenizer: preTokenizer }
}

function withNormalization(
  normalizer: NormalizerJson | null | undefined,
  { config, className }: TokenizerSettings,
): NormalizerJson | null | undefined {
  if (normalizer?.type !== 'BertNormalizer' || GENERAL_CLASS.test(className)) return normalizer
  const changed: NormalizerJson = { ...normalizer }
  if (typeof config.do_lower_case === 'boolean') changed.lowercase = config.do_lower_case
  if (typeof config.tokenize_chinese_chars === 'boolean') changed.handle_chinese_chars = config.tokenize_chinese_chars
  if (typeof config.strip_accents === 'boolean' || config.strip_accents === null)
    changed.strip_accents = config.strip_accents
  return JSON.stringify(changed) === JSON.stringify(normalizer) ? normalizer : changed
}

function withPrefixSpace(
  preTokenizer: TokenizerJson['pre_tokenizer'],
  { config, className }: TokenizerSettings,
): TokenizerJson['pre_tokenizer'] {
  const wanted = config.add_prefix_space
  if (preTokenizer?.type !== 'ByteLevel' || className !== 'RobertaTokenizer' || typeof wanted !== 'boolean')
    return preTokenizer
  return preTokenizer.add_prefix_space === wanted ? preTokenizer : { ...preTokenizer, add_prefix_space: wanted }
}

/** The flags of tokenizer_config.json are those that hold. */
function withAddedTokens(json: TokenizerJson, { added, named, further }: TokenizerSettings): AddedToken[] | undefined {
  const vocab = json.model?.vocab ?? {}
  // few names are looked up in a vocabulary of tens of thousands: no map of it is made
  const idOf = (token: string): number | undefined => {
    if (!Array.isArray(vocab)) return Object.hasOwn(vocab, token) ? vocab[token] : undefined
    const id = vocab.findIndex(([piece]) => piece === token)
    return id < 0 ? undefined : id
  }
  const tokens = new Map((json.added_tokens ?? []).map((token) => [token.content, token]))
  let isChanged = false
  const put = (token: AddedToken): void => {
    const known = tokens.get(token.content)
    if (known && JSON.stringify({ ...known, ...token }) === JSON.stringify(known)) return
    tokens.set(token.content, { ...known, ...token })
    isChanged = true
  }
  // a token that the vocabulary has keeps its id
  for (const token of added) {
    const { content } = token
    put({ ...token, id: tokens.get(content)?.id ?? idOf(content) ?? token.id })
  }
  const nextId = (): number => {
    const pieces = Array.isArray(vocab) ? vocab.length : Object.keys(vocab).length
    return [...tokens.values()].reduce((next, { id }) => Math.max(next, id + 1), pieces)
  }
  for (const token of [...named, ...further]) {
    if (tokens.has(token.content)) continue
    const id = idOf(token.content)
    if (id !== undefined) put({ id, ...token })
    // a name alone gives a token no row of a table
    else if (further.includes(token)) put({ id: nextId(), ...token })
  }
  return isChanged ? [...tokens.values()].sort((a, b) => a.id - b.id) : json.added_tokens
}

const WORD_PIECE_CLASS = /^(Bert|DistilBert|Electra|MPNet|ConvBert|MobileBert|SqueezeBert|Funnel|LayoutLM)?Tokenizer$/
const BYTE_LEVEL_CLASS = /^(Roberta|Longformer|Bart|GPT2)Tokenizer$/
const UNIGRAM_CLASS = /^(XLMRoberta|Camembert|Albert)Tokenizer$/

/** The kinds of classes, and which of the older files each reads. */
const READS = [
  { classes: WORD_PIECE_CLASS, file: 'vocab.txt', words: 'vocab.txt' },
  { classes: BYTE_LEVEL_CLASS, file: 'vocab.json', words: 'vocab.json with merges.txt' },
]

/**
 * Refuses classes that cut texts otherwise than any file of the folder says.
 * @param files those of the folder, by name
 * @throws with the class's name
 */
export function refuseClass({ className, config }: TokenizerSettings, files: Readonly<Record<string, string>>): void {
  const hasJson = Boolean(files['tokenizer.json'])
  const words = config.word_tokenizer_type
  if (className === 'BertJapaneseTokenizer')
    throw new Error(
      `tokenizer_config.json: the class BertJapaneseTokenizer cuts words by ${typeof words === 'string' ? words : 'a dictionary (MeCab)'}, which is not read here; use a model with a tokenizer.json of its own, such as a multilingual one`,
    )
  const isKnown = [WORD_PIECE_CLASS, BYTE_LEVEL_CLASS, UNIGRAM_CLASS].some((known) => known.test(className))
  if (!hasJson && className !== '' && !isKnown)
    throw new Error(
      `tokenizer_config.json: the class ${className} is not read here without a tokenizer.json; open the model once with transformers' fast tokenizer and save it: AutoTokenizer.from_pretrained(...).save_pretrained(...)`,
    )
  // a class that no file names is only the usual one of the model's type
  const { words: wanted } = READS.find(({ classes }) => classes.test(className)) ?? {}
  const found = READS.find(({ file }) => files[file])?.words
  if (!hasJson && typeof config.tokenizer_class === 'string' && className !== 'Tokenizer' && found && found !== wanted)
    throw new Error(
      `tokenizer_config.json: the class ${className} reads ${wanted ?? 'a sentencepiece model'}, and the folder has ${found}; fetch the class's own files, or a tokenizer.json`,
    )
}
