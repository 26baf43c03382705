// Step `vocab`: the word table cut to the tokens that a task's texts use. Training-free, and for one language on a
// multilingual model the largest single saving.
//
// Kept: [PAD] [UNK] [CLS] [SEP] [MASK] and their likes, every token seen, and all single characters and single-character ## pieces, so
// that a word whose pieces were dropped is still spelled out instead of becoming [UNK]. The order of tokens stays.

import type { EmbeddingTable } from '../../kernels/program/weights.ts'
import type { BertConfig } from '../model/config.ts'
import type { ModelWeights } from '../model/weights.ts'
import { formatCount } from './dense.ts'

const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '<pad>', '<s>', '</s>', '<mask>']

/** Token ids of a text under one vocabulary. */
export type Encode = (text: string) => ArrayLike<number>

export interface VocabularyContext {
  /** the model's tokens; the index is the id */
  vocabulary?: readonly string[]
  /** ids to keep; instead of, or beside, those seen in `texts` */
  keepIds?: Iterable<number>
  /** training texts whose tokens are kept; needs `encoder` */
  texts?: readonly string[]
  /** texts on which the [UNK] rate is reported; `texts` unless given */
  sampleTexts?: readonly string[]
  /**
   * refuses where the share of [UNK] among the tokens of the sample texts grows by more than this, e.g. 0.005; unless given
   * the growth is only told. Training texts lose nothing by themselves: give `sampleTexts` that they do not cover
   */
  maxUnknownGrowth?: number
  /** makes an encoder for a vocabulary with the model's own normalisation */
  encoder?: (vocabulary: string[]) => Encode
  /** kept whether the texts have it or not; `isAlwaysKept` unless given */
  keeps?: (token: string) => boolean
}

export interface PrunedVocabulary {
  model: ModelWeights
  /** the new tokens; the index is the new id */
  vocabulary: string[]
  /** of every id of the old vocabulary the new one, or -1 where the token was dropped */
  idMap: Int32Array
  notes: string[]
}

/** True for one code point, alone or after ##. */
export function isSingleCharacter(token: string): boolean {
  const body = token.startsWith('##') && token.length > 2 ? token.slice(2) : token
  const first = body.codePointAt(0)
  return first !== undefined && body.length === (first > 0xffff ? 2 : 1)
}

/** Kept whatever the texts use: special tokens, and what spells a word whose pieces were dropped. */
export const isAlwaysKept = (token: string): boolean => SPECIAL_TOKENS.includes(token) || isSingleCharacter(token)

/**
 * Likewise where the number of tokens is bounded: of single characters those of ASCII alone, since of 30,522 tokens of an
 * English BERT 1,994 are single characters, most of them of scripts that its texts never have.
 */
export const isKeptInBound = (token: string): boolean =>
  SPECIAL_TOKENS.includes(token) || (isSingleCharacter(token) && /^[!-~]+$/.test(token))

/** Rows of a table in the order of `ids`. */
export function gatherRows(table: EmbeddingTable, ids: readonly number[]): EmbeddingTable {
  const { width } = table
  const copy = <A extends Float32Array | Uint8Array>(source: A, target: A): A => {
    ids.forEach((id, row) => target.set(source.subarray(id * width, (id + 1) * width), row * width))
    return target
  }
  const rows = ids.length
  if (table.kind === 'f32') return { kind: 'f32', rows, width, data: copy(table.data, new Float32Array(rows * width)) }
  return {
    kind: 'int8',
    rows,
    width,
    data: copy(table.data, new Uint8Array(rows * width)),
    scales: Float32Array.from(ids, (id) => table.scales[id]),
    offsets: Float32Array.from(ids, (id) => table.offsets[id]),
  }
}

/**
 * Cuts the word table to the tokens kept; see the head of this file for which those are.
 * @throws where the context does not say what to keep, or [UNK] would grow by more than `maxUnknownGrowth`
 */
export function pruneVocabulary(model: ModelWeights, context: VocabularyContext): PrunedVocabulary {
  const { vocabulary, keepIds, texts, encoder, maxUnknownGrowth, keeps = isAlwaysKept } = context
  const { word } = model.embeddings
  if (!vocabulary) throw new Error("vocab: needs the tokenizer's vocabulary (context.vocabulary), found none")
  if (vocabulary.length > word.rows)
    throw new Error(
      `vocab: ${vocabulary.length} tokens for a word table of ${word.rows} rows; they are of different models`,
    )
  if (!keepIds && !(texts && encoder))
    throw new Error(
      'vocab: needs texts with an encoder (context.texts, context.encoder) or context.keepIds to know what to keep',
    )
  const unknown = vocabulary.indexOf('[UNK]')
  if (unknown < 0) throw new Error('vocab: the vocabulary has no [UNK] token; expected a WordPiece vocabulary')

  const keep = new Uint8Array(vocabulary.length)
  const mark = (id: number, where: string): void => {
    if (!(Number.isInteger(id) && id >= 0 && id < vocabulary.length))
      throw new Error(`vocab: id ${id} in ${where} is outside the vocabulary of ${vocabulary.length}`)
    keep[id] = 1
  }
  for (const id of keepIds ?? []) mark(id, 'context.keepIds')
  const encode = encoder?.([...vocabulary])
  if (texts && encode)
    for (const text of texts) {
      const ids = encode(text)
      for (let i = 0; i < ids.length; i++) mark(ids[i], 'an encoded text')
    }
  const seen = keep.reduce((sum, kept) => sum + kept, 0)
  vocabulary.forEach((token, id) => {
    if (keeps(token)) keep[id] = 1
  })

  const idMap = new Int32Array(vocabulary.length).fill(-1)
  const ids: number[] = []
  keep.forEach((kept, id) => {
    if (kept === 0) return
    idMap[id] = ids.length
    ids.push(id)
  })
  const kept = renumbered(model.config, idMap)
  const pruned = ids.map((id) => vocabulary[id])
  const notes = [
    `vocab: kept ${formatCount(ids.length)} of ${formatCount(word.rows)} tokens (${formatCount(seen)} seen, the rest special or single characters)`,
  ]
  const sample = context.sampleTexts ?? texts
  if (encoder && encode && sample && sample.length > 0) {
    const before = unknownRate(encode, sample, unknown)
    const after = unknownRate(encoder(pruned), sample, idMap[unknown])
    if (maxUnknownGrowth !== undefined && !(after - before <= maxUnknownGrowth))
      throw new Error(
        `vocab: [UNK] would grow from ${percent(before)} to ${percent(after)} of the tokens of ${sample.length} texts, more` +
          ` than the ${percent(maxUnknownGrowth)} allowed (context.maxUnknownGrowth); give more training texts`,
      )
    notes.push(
      `vocab: [UNK] ${percent(before)} of the tokens of ${sample.length} texts before, ${percent(after)} after`,
    )
  } else if (maxUnknownGrowth !== undefined)
    throw new Error(
      'vocab: context.maxUnknownGrowth needs texts with an encoder to measure [UNK] on (context.sampleTexts, context.encoder)',
    )
  else notes.push('vocab: [UNK] rate not measured: no texts with an encoder were given')
  return {
    model: {
      ...model,
      config: { ...kept, vocabSize: ids.length },
      embeddings: { ...model.embeddings, word: gatherRows(word, ids) },
    },
    vocabulary: pruned,
    idMap,
    notes,
  }
}

/**
 * The configuration with the token ids that config.json names under their new numbers.
 * @throws where the padding token moves, from whose id positions are counted
 */
function renumbered(config: BertConfig, idMap: Int32Array): BertConfig {
  const { paddingId, kept } = config
  if (paddingId !== undefined && idMap[paddingId] !== paddingId)
    throw new Error(
      `vocab: positions are counted from the padding token's id ${paddingId}, which would become ${idMap[paddingId]}; keep the tokens before it (context.keepIds)`,
    )
  if (!kept) return config
  const entries = Object.entries(kept).map(([key, value]): [string, unknown] => {
    const isId = key.endsWith('_token_id') && typeof value === 'number' && value in idMap
    if (!isId) return [key, value]
    return [key, idMap[value] < 0 ? null : idMap[value]]
  })
  return { ...config, kept: Object.fromEntries(entries) }
}

/** Share of [UNK] among the tokens of these texts; 0 where there are none. */
export function unknownRate(encode: Encode, texts: readonly string[], unknownId: number): number {
  let unknown = 0
  let total = 0
  for (const text of texts) {
    const ids = encode(text)
    for (let i = 0; i < ids.length; i++) if (ids[i] === unknownId) unknown++
    total += ids.length
  }
  return total === 0 ? 0 : unknown / total
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}
