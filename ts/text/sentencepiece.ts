// A sentencepiece model (a protobuf) as tokenizer.json: what transformers makes of it for XLM-R, CamemBERT and ALBERT. Loaded
// only for folders that have no other tokenizer.

import type { TokenizerSettings } from './settings.ts'
import { bertTemplate } from './bare-vocabulary.ts'
import type { AddedToken, NormalizerJson, TokenizerJson } from './tokenizer-json.ts'

interface SentencePieces {
  pieces: [piece: string, score: number][]
  /** in base 64; null where there is none */
  charsmap: string | null
}

/** Wire types of protobuf. */
const VARINT = 0
const EIGHT_BYTES = 1
const LENGTH = 2
const FOUR_BYTES = 5

/** The fields of a message, in order: number, and the bytes, or null where it is no string of bytes. */
function* fieldsOf(bytes: Uint8Array): Generator<[field: number, value: Uint8Array]> {
  let at = 0
  const varint = (): number => {
    let value = 0
    // negative numbers, which nothing here needs, have ten bytes
    for (let shift = 1; ; shift *= 128) {
      if (at >= bytes.length || shift > 2 ** 63) throw new Error('it ends within a number')
      const byte = bytes[at++]
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const wire = key & 7
    let length = 0
    const start = at
    if (wire === VARINT) varint()
    else if (wire === LENGTH) length = varint()
    else if (wire === EIGHT_BYTES || wire === FOUR_BYTES) length = wire === EIGHT_BYTES ? 8 : 4
    else throw new Error(`a field has the wire type ${wire}`)
    const from = wire === VARINT ? start : at
    at = wire === VARINT ? at : at + length
    if (at > bytes.length) throw new Error('a field is longer than the file')
    yield [Math.floor(key / 8), bytes.subarray(from, at)]
  }
}

/** Fields of ModelProto, SentencePiece, TrainerSpec and NormalizerSpec. */
const MODEL = { pieces: 1, trainer: 2, normalizer: 3 }
const PIECE = { text: 1, score: 2 }
const TRAINER = { modelType: 3 }
const NORMALIZER = { charsmap: 2 }
const UNIGRAM = 1

/** @throws where the bytes are no sentencepiece model, or one of another kind than Unigram */
export function readSentencePieces(bytes: Uint8Array, where: string): SentencePieces {
  const result: SentencePieces = { pieces: [], charsmap: null }
  const decoder = new TextDecoder()
  let modelType = UNIGRAM
  try {
    for (const [field, value] of fieldsOf(bytes)) {
      if (field === MODEL.pieces) result.pieces.push(readPiece(value, decoder))
      else if (field === MODEL.trainer) {
        for (const [inner, number] of fieldsOf(value)) if (inner === TRAINER.modelType) modelType = number[0]
      } else if (field === MODEL.normalizer)
        for (const [inner, table] of fieldsOf(value))
          if (inner === NORMALIZER.charsmap && table.length > 0) result.charsmap = toBase64(table)
    }
  } catch (error) {
    throw new Error(`${where}: it is no sentencepiece model (${(error as Error).message})`, { cause: error })
  }
  if (modelType !== UNIGRAM || result.pieces.length === 0)
    throw new Error(
      `${where}: it has ${result.pieces.length} pieces and model type ${modelType}, expected a Unigram model (1); save the tokenizer as tokenizer.json with transformers`,
    )
  return result
}

function readPiece(bytes: Uint8Array, decoder: TextDecoder): [string, number] {
  let text = ''
  let score = 0
  for (const [field, value] of fieldsOf(bytes))
    if (field === PIECE.text) text = decoder.decode(value)
    else if (field === PIECE.score) score = new DataView(value.buffer, value.byteOffset, 4).getFloat32(0, true)
  return [text, score]
}

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}

/** The first pieces and the last, by class: their ids differ from sentencepiece's own. */
function vocabularyOf(pieces: [string, number][], className: string): { vocab: [string, number][]; unkId: number } {
  if (className === 'AlbertTokenizer') return { vocab: pieces, unkId: 1 }
  const zero = (tokens: string[]): [string, number][] => tokens.map((token) => [token, 0])
  if (className === 'CamembertTokenizer') {
    const first: [string, number][] = [...zero(['<s>NOTUSED', '<pad>', '</s>NOTUSED', '<unk>']), ['<unk>NOTUSED', -100]]
    return { vocab: [...first, ...pieces.slice(1), ['<mask>', 0]], unkId: 3 }
  }
  return { vocab: [...zero(['<s>', '<pad>', '</s>', '<unk>']), ...pieces.slice(3), ['<mask>', 0]], unkId: 3 }
}

/**
 * tokenizer.json of a sentencepiece model.
 * @throws as `readSentencePieces`, and where a special token is not in the vocabulary
 */
export function sentencePieceJson(bytes: Uint8Array, settings: TokenizerSettings, where: string): TokenizerJson {
  const { className, config } = settings
  const { pieces, charsmap } = readSentencePieces(bytes, where)
  const { vocab, unkId } = vocabularyOf(pieces, className)
  const idOf = (token: string): number => {
    const id = vocab.findIndex(([piece]) => piece === token)
    if (id < 0) throw new Error(`${where}: ${token} is missing among ${vocab.length} pieces`)
    return id
  }
  const isAlbert = className === 'AlbertTokenizer'
  const cls = settings.special.cls_token ?? (isAlbert ? '[CLS]' : '<s>')
  const sep = settings.special.sep_token ?? (isAlbert ? '[SEP]' : '</s>')
  const unk = vocab[unkId][0]
  const special = isAlbert ? ['<pad>', unk, cls, sep, '[MASK]'] : [cls, '<pad>', sep, unk, '<mask>']
  const bert = bertTemplate([cls, idOf(cls)], [sep, idOf(sep)])
  const precompiled: NormalizerJson[] = charsmap ? [{ type: 'Precompiled', precompiled_charsmap: charsmap }] : []
  const prefix = config.add_prefix_space === false ? 'never' : 'always'
  return {
    added_tokens: special
      .filter((content) => vocab.some(([piece]) => piece === content))
      .map((content): AddedToken => ({
        id: idOf(content),
        content,
        lstrip: /mask/i.test(content),
        normalized: false,
        special: true,
      })),
    normalizer: { type: 'Sequence', normalizers: [...(isAlbert ? albertSteps(config) : []), ...precompiled] },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: '▁', prepend_scheme: prefix }],
    },
    post_processor: isAlbert ? bert : { ...bert, pair: robertaPair(cls, sep) },
    decoder: { type: 'Metaspace' },
    model: { type: 'Unigram', unk_id: unkId, vocab, byte_fallback: false },
  }
}

function robertaPair(cls: string, sep: string) {
  const token = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
  const text = (id: 'A' | 'B') => ({ Sequence: { id, type_id: 0 } })
  return [token(cls), text('A'), token(sep), token(sep), text('B'), token(sep)]
}

function albertSteps(config: Readonly<Record<string, unknown>>): NormalizerJson[] {
  const quote = (from: string): NormalizerJson =>
    ({ type: 'Replace', pattern: { String: from }, content: '"' }) as NormalizerJson
  const steps = [quote('``'), quote("''")]
  if (config.keep_accents !== true) steps.push({ type: 'NFKD' }, { type: 'StripAccents' })
  if (config.do_lower_case !== false) steps.push({ type: 'Lowercase' })
  return steps
}
