// Texts to ragged batches: sorted by length so that a batch holds like with like, packed without padding.

import type { Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

export interface EncodedTexts {
  ids: Int32Array[]
  /** how many texts had more tokens than fit; they lost their end */
  truncated: number
}

/**
 * Token ids of each text, at most `maxLength` with [CLS] and [SEP].
 * @throws where one of the texts is not a string
 */
export function encodeTexts(tokenizer: Tokenizer, texts: readonly string[], maxLength: number): EncodedTexts {
  let truncated = 0
  const ids = texts.map((text, i) => {
    if (typeof text !== 'string')
      throw new TypeError(`text ${i} is ${text === null ? 'null' : typeof text}, expected a string`)
    // one token more than fits tells whether the text was cut
    const encoded = tokenizer.encode(text, maxLength + 1)
    if (encoded.length <= maxLength) return encoded
    truncated++
    const kept = encoded.slice(0, maxLength)
    kept[maxLength - 1] = encoded[encoded.length - 1]
    return kept
  })
  return { ids, truncated }
}

export interface BatchLimits {
  /** most sequences of one batch; no limit if not given */
  sequences?: number
  /** most tokens of one batch, a longer sequence excepted; 1024 if not given */
  tokens?: number
}

/** Enough rows to fill every tile, few enough to stay in the cache. */
const TOKENS_PER_BATCH = 1024

/** Positions in `lengths`, batch by batch, shortest first: no sequence waits for a much longer one. */
export function planBatches(lengths: readonly number[], limits: BatchLimits = {}): number[][] {
  const { sequences = Infinity, tokens: most = TOKENS_PER_BATCH } = limits
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a] - lengths[b] || a - b)
  const batches: number[][] = []
  let tokens = 0
  for (const i of order) {
    const last = batches.at(-1)
    tokens += lengths[i]
    if (last && last.length < sequences && tokens <= most) last.push(i)
    else {
      batches.push([i])
      tokens = lengths[i]
    }
  }
  return batches
}

/** A batch of token ids. */
export type IdBatch = Required<Pick<Batch, 'offsets' | 'ids' | 'types'>>

/** One batch of the given sequences; all tokens are of type 0. */
export function packBatch(sequences: readonly Int32Array[]): IdBatch {
  const offsets = new Int32Array(sequences.length + 1)
  sequences.forEach((ids, b) => (offsets[b + 1] = offsets[b] + ids.length))
  const ids = new Int32Array(offsets[sequences.length])
  sequences.forEach((sequence, b) => ids.set(sequence, offsets[b]))
  return { offsets, ids, types: new Int32Array(ids.length) }
}

export interface RunOptions extends BatchLimits {
  signal?: AbortSignal
  progress?: (done: number, total: number) => void
}

/**
 * Runs sequences batch by batch.
 * @param take gets each batch's output, the positions of its sequences in `ids`, and their offsets in tokens
 * @throws the signal's reason where it is aborted between two batches
 */
export async function runBatches(
  session: Session,
  ids: readonly Int32Array[],
  options: RunOptions,
  take: (output: Float32Array, positions: readonly number[], offsets: Int32Array) => void,
): Promise<void> {
  const lengths = ids.map(({ length }) => length)
  let done = 0
  for (const positions of planBatches(lengths, options)) {
    options.signal?.throwIfAborted()
    const batch = packBatch(positions.map((i) => ids[i]))
    take(await session.run(batch), positions, batch.offsets)
    done += positions.length
    options.progress?.(done, ids.length)
  }
}
