// tokenizer.json as far as this library reads it; its keys are the file's own.

/** A token that is looked for in a text before anything else. */
export interface AddedToken {
  id: number
  content: string
  /** only between characters that are no part of a word */
  single_word?: boolean
  /** takes the white space before it */
  lstrip?: boolean
  /** takes the white space after it */
  rstrip?: boolean
  /** looked for in the normalized text, and normalized itself; else in the text as it came */
  normalized?: boolean
  special?: boolean
}

export interface NormalizerJson {
  type?: string
  normalizers?: NormalizerJson[]
  precompiled_charsmap?: string | null
  clean_text?: boolean
  handle_chinese_chars?: boolean
  strip_accents?: boolean | null
  lowercase?: boolean
}

export interface PreTokenizerJson {
  type?: string
  pretokenizers?: PreTokenizerJson[]
  replacement?: string
  prepend_scheme?: 'always' | 'first' | 'never'
  add_prefix_space?: boolean
  split?: boolean
  use_regex?: boolean
}

export type TemplatePiece =
  { SpecialToken: { id: string; type_id: number } } | { Sequence: { id: 'A' | 'B'; type_id: number } }

export interface PostProcessorJson {
  type?: string
  processors?: PostProcessorJson[]
  single?: TemplatePiece[]
  pair?: TemplatePiece[]
  special_tokens?: Record<string, { ids: number[] }>
  /** of BertProcessing and RobertaProcessing: token and id */
  cls?: [string, number]
  sep?: [string, number]
}

export interface ModelJson {
  type?: string
  /** of Unigram a list of pieces with their scores */
  vocab?: Record<string, number> | [string, number][]
  merges?: (string | [string, string])[]
  unk_token?: string | null
  unk_id?: number | null
  continuing_subword_prefix?: string | null
  max_input_chars_per_word?: number
  byte_fallback?: boolean
}

export interface TokenizerJson {
  added_tokens?: AddedToken[]
  normalizer?: NormalizerJson | null
  pre_tokenizer?: PreTokenizerJson | null
  post_processor?: PostProcessorJson | null
  decoder?: { type?: string } | null
  model?: ModelJson
}

/** @throws where a part that is a list, or a list of objects, is something else; others are looked at where they are used */
export function checkTokenizerJson(json: TokenizerJson): void {
  const refuse = (name: string, expected: string): never => {
    throw new Error(`tokenizer.json: ${name} is not ${expected}; fetch the file again`)
  }
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject(json)) refuse('the file', 'an object')
  const listOf = (name: string, list: unknown): void => {
    if (list === undefined || list === null) return
    if (!Array.isArray(list) || !list.every(isObject)) refuse(name, 'a list of objects')
  }
  const part = (name: string, value: unknown): void => {
    if (value !== undefined && value !== null && !isObject(value)) refuse(name, 'an object')
  }
  listOf('added_tokens', json.added_tokens)
  for (const name of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'model'] as const)
    part(name, json[name])
  listOf('normalizer.normalizers', json.normalizer?.normalizers)
  listOf('pre_tokenizer.pretokenizers', json.pre_tokenizer?.pretokenizers)
  const processors = [
    json.post_processor,
    ...(Array.isArray(json.post_processor?.processors) ? json.post_processor.processors : []),
  ]
  listOf('post_processor.processors', json.post_processor?.processors)
  for (const processor of processors) {
    listOf('post_processor.single', processor?.single)
    listOf('post_processor.pair', processor?.pair)
    const special: unknown = processor?.special_tokens
    if (special === undefined) continue
    if (!isObject(special)) refuse('post_processor.special_tokens', 'an object')
    for (const token of Object.values(special as object) as ({ ids?: unknown } | null)[])
      if (!isObject(token) || !Array.isArray(token!.ids))
        refuse('post_processor.special_tokens', 'an object of tokens with their ids')
  }
}
