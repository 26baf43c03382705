// Texts to ragged batches: sorted by length so that a batch holds like with like, packed without padding.

import type { Batch } from '../../kernels/program/program.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

export interface EncodedTexts {
  ids: Int32Array[]
  /** texts that were longer than `maxLength` and lost their end */
  cut: number
}

/** Ids of each text, [CLS] and [SEP] included, at most `maxLength` of them. */
export function encodeTexts(texts: readonly string[], tokenizer: Tokenizer, maxLength: number): EncodedTexts {
  let cut = 0
  const ids = texts.map((text, i) => {
    if (typeof text !== 'string')
      throw new TypeError(`text ${i} is ${text === null ? 'null' : typeof text}, expected a string`)
    // one token more than fits tells whether the text was cut
    const encoded = tokenizer.encode(text, maxLength + 1)
    if (encoded.length <= maxLength) return encoded
    cut++
    const kept = encoded.slice(0, maxLength)
    kept[maxLength - 1] = encoded[encoded.length - 1]
    return kept
  })
  return { ids, cut }
}

/** Most tokens of one batch: larger ones gain nothing and cost memory. */
const MAX_TOKENS = 8192

/** Indices of sequences, batch by batch: shortest first, at most `batchSize` sequences and MAX_TOKENS tokens. */
export function groupByLength(lengths: readonly number[], batchSize: number): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a] - lengths[b] || a - b)
  const groups: number[][] = []
  let tokens = 0
  for (const i of order) {
    const last = groups.at(-1)
    if (!last || last.length >= batchSize || tokens + lengths[i] > MAX_TOKENS) {
      groups.push([i])
      tokens = lengths[i]
    } else {
      last.push(i)
      tokens += lengths[i]
    }
  }
  return groups
}

/** One batch of the given sequences; all tokens are of type 0. */
export function packBatch(sequences: readonly Int32Array[]): Batch {
  const offsets = new Int32Array(sequences.length + 1)
  for (const [b, ids] of sequences.entries()) offsets[b + 1] = offsets[b] + ids.length
  const ids = new Int32Array(offsets[sequences.length])
  for (const [b, sequence] of sequences.entries()) ids.set(sequence, offsets[b])
  return { offsets, ids, types: new Int32Array(ids.length) }
}
