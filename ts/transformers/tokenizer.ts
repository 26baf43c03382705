// AutoTokenizer: token ids as tensors, with padding and truncation, and back to text.

import * as library from '@huggingface/tokenizers'
import { openTokenizer } from '../inference/open-tokenizer.ts'
import { parseConfig } from '../model/config-json.ts'
import type { BertConfig } from '../model/config.ts'
import { readTokenizerFiles } from '../model/tokenizer-files.ts'
import { readSettings, type TokenizerSettings } from '../text/settings.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { ModelFiles } from '../io/folder.ts'
import { findFiles } from './files.ts'
import { fileOptions, type PretrainedOptions } from './options.ts'
import { Tensor } from './tensor.ts'

export interface TokenizerCallOptions {
  text_pair?: string | readonly string[] | null
  /** true: to the longest; 'max_length': to max_length; false if not given */
  padding?: boolean | 'max_length'
  /** longer texts lose their end; false if not given */
  truncation?: boolean | null
  /** the model's own limit if not given */
  max_length?: number | null
  /** [CLS] and [SEP]; true if not given */
  add_special_tokens?: boolean
  /** tensors of int64, else lists of numbers; true if not given */
  return_tensor?: boolean
  return_token_type_ids?: boolean | null
}

/** Of one name for all: ids, which of them count, and of which text they are. */
export interface Encodings<T = Tensor> {
  input_ids: T
  attention_mask: T
  token_type_ids?: T
}

export interface DecodeOptions {
  skip_special_tokens?: boolean
  clean_up_tokenization_spaces?: boolean
}

export interface PreTrainedTokenizer {
  (text: string | readonly string[], options?: TokenizerCallOptions & { return_tensor?: true }): Encodings
  (text: string, options: TokenizerCallOptions & { return_tensor: false }): Encodings<number[]>
  (text: readonly string[], options: TokenizerCallOptions & { return_tensor: false }): Encodings<number[][]>
  /** Ids of one text. */
  encode(text: string, options?: Pick<TokenizerCallOptions, 'text_pair' | 'add_special_tokens'>): number[]
  /** The pieces of the vocabulary that a text becomes. */
  tokenize(text: string, options?: Pick<TokenizerCallOptions, 'text_pair' | 'add_special_tokens'>): string[]
  decode(ids: Tensor | readonly (number | bigint)[], options?: DecodeOptions): string
  batch_decode(batch: Tensor | readonly (readonly (number | bigint)[])[], options?: DecodeOptions): string[]
  readonly model_max_length: number
  readonly pad_token: string
  readonly pad_token_id: number
  readonly padding_side: 'left' | 'right'
  readonly all_special_ids: number[]
}

interface Encoded {
  ids: number[]
  types: number[]
}

/** Longer than any text. */
const NO_LIMIT = 2 ** 30

/** What puts pieces together where tokenizer.json does not say. */
const DECODERS = {
  WordPiece: { type: 'WordPiece', prefix: '##', cleanup: true },
  BPE: { type: 'ByteLevel' },
  Unigram: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
}

export function makePreTrainedTokenizer(
  tokenizer: Tokenizer,
  settings: TokenizerSettings,
  { paddingId }: Pick<BertConfig, 'paddingId'> = {},
): PreTrainedTokenizer {
  const { parts } = tokenizer
  const decoder = (parts.json as { decoder?: object | null }).decoder ?? DECODERS[parts.model.type]
  const words = new library.Tokenizer({ ...parts.json, decoder }, settings.config)
  const pad = settings.special.pad_token ?? '[PAD]'
  const padId =
    parts.addedTokens.find(({ content }) => content === pad)?.id ?? parts.model.vocabulary.get(pad) ?? paddingId ?? 0
  const side = settings.config.padding_side === 'left' ? 'left' : 'right'

  const encode = (text: string, second: string | null | undefined, isFramed: boolean, most = NO_LIMIT): Encoded => {
    if (typeof text !== 'string') throw new TypeError(`the text is ${typeof text}, expected a string`)
    if (second === null || second === undefined) {
      const ids = [...tokenizer.encode(text, most)]
      const kept = isFramed ? ids : ids.slice(1, -1)
      return { ids: kept, types: kept.map(() => 0) }
    }
    if (!isFramed) {
      const [a, b] = [text, second].map((one) => encode(one, null, false, most).ids)
      return { ids: [...a, ...b], types: [...a.map(() => 0), ...b.map(() => (settings.hasTypes ? 1 : 0))] }
    }
    const { ids, types } = tokenizer.encodePair(text, second, most)
    return { ids: [...ids], types: [...types] }
  }

  const call = (text: string | readonly string[], options: TokenizerCallOptions = {}): unknown => {
    const { padding = false, add_special_tokens: isFramed = true, return_tensor: asTensor = true } = options
    const texts = Array.isArray(text) ? (text as readonly string[]) : [text as string]
    if (texts.length === 0) throw new TypeError('the list of texts is empty, expected at least one')
    const seconds = pairsOf(text, texts, options.text_pair)
    // as there: a length without a word on truncation or padding cuts
    const cuts = options.truncation ?? (typeof options.max_length === 'number' && padding === false)
    const limit = Math.min(options.max_length ?? Infinity, tokenizer.maxLength)
    const encoded = texts.map((one, i) =>
      encode(one, seconds?.[i], isFramed, cuts && limit < NO_LIMIT ? limit : NO_LIMIT),
    )
    const longest = encoded.reduce((most, { ids }) => Math.max(most, ids.length), 0)
    const width = padding === 'max_length' ? limit : longest
    if (padding === 'max_length' && width === Infinity)
      throw new RangeError("padding: 'max_length' needs max_length, since the model's files set no limit")
    if (asTensor && !padding && encoded.some(({ ids }) => ids.length !== longest))
      throw new RangeError('the texts have different numbers of tokens; give padding: true for tensors')
    const fill = (values: number[], by: number): number[] => {
      const rest = padding ? new Array<number>(Math.max(0, width - values.length)).fill(by) : []
      return side === 'left' ? [...rest, ...values] : [...values, ...rest]
    }
    const rows: Record<string, number[][]> = {
      input_ids: encoded.map(({ ids }) => fill(ids, padId)),
      attention_mask: encoded.map(({ ids }) =>
        fill(
          ids.map(() => 1),
          0,
        ),
      ),
    }
    if (options.return_token_type_ids ?? settings.hasTypes)
      rows.token_type_ids = encoded.map(({ types }) => fill(types, 0))
    return Object.fromEntries(
      Object.entries(rows).map(([name, values]) => {
        if (!asTensor) return [name, Array.isArray(text) ? values : values[0]]
        return [name, new Tensor('int64', values.flat().map(BigInt), [values.length, values[0].length])]
      }),
    )
  }

  const decode: PreTrainedTokenizer['decode'] = (ids, options = {}) =>
    words.decode([...(ids instanceof Tensor ? ids.data : ids)].map(Number), options)
  const vocabulary = new Map([...parts.model.vocabulary].map(([token, id]) => [id, token]))
  for (const { id, content } of parts.addedTokens) vocabulary.set(id, content)
  return Object.assign(call as PreTrainedTokenizer, {
    encode: (text: string, { text_pair: second, add_special_tokens: isFramed = true }: TokenizerCallOptions = {}) =>
      encode(text, second as string | null, isFramed).ids,
    tokenize: (text: string, { text_pair: second, add_special_tokens: isFramed = false }: TokenizerCallOptions = {}) =>
      encode(text, second as string | null, isFramed).ids.map((id) => vocabulary.get(id) ?? ''),
    decode,
    batch_decode: (batch: Tensor | readonly (readonly (number | bigint)[])[], options?: DecodeOptions) =>
      [...batch].map((ids) => decode(ids, options)),
    model_max_length: tokenizer.maxLength,
    pad_token: pad,
    pad_token_id: padId,
    padding_side: side as 'left' | 'right',
    all_special_ids: parts.addedTokens.filter(({ special }) => special).map(({ id }) => id),
  })
}

function pairsOf(
  text: string | readonly string[],
  texts: readonly string[],
  second: TokenizerCallOptions['text_pair'],
): readonly string[] | null {
  if (second === null || second === undefined) return null
  if (Array.isArray(text) !== Array.isArray(second))
    throw new TypeError('text and text_pair are one text and a list of texts; expected two texts or two lists')
  const seconds = Array.isArray(second) ? (second as readonly string[]) : [second as string]
  if (seconds.length !== texts.length)
    throw new RangeError(`${texts.length} texts and ${seconds.length} in text_pair, expected as many`)
  return seconds
}

/** The tokenizer of files that were found. */
export async function tokenizerOf(files: ModelFiles): Promise<PreTrainedTokenizer> {
  const text = await files.text('config.json')
  if (text === null) throw new Error(`${files.where}: config.json is missing; expected a Hugging Face model folder`)
  const { config } = (await parseConfig(text, `${files.where}: config.json`)).shape
  const modelType = config.family ?? 'bert'
  const found = await readTokenizerFiles(files, modelType)
  const tokenizer = await openTokenizer(found, config, files.where)
  return makePreTrainedTokenizer(tokenizer, readSettings(found, { modelType }), config)
}

export const AutoTokenizer = {
  /** Opens the tokenizer of a model. */
  from_pretrained: async (model: string, options: PretrainedOptions = {}): Promise<PreTrainedTokenizer> =>
    tokenizerOf(await findFiles(model, fileOptions(model, options))),
}
