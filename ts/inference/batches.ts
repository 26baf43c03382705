// Texts to ragged batches: sorted by length so that a batch holds like with like, packed without padding.

import type { Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { turns } from '../../kernels/program/turns.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

/** Two texts that a model reads as one: a premise and a hypothesis, a question and a passage. */
export interface TextPair {
  text: string
  /** one text alone where it is not given */
  text_pair?: string
}

/** What a model reads at once. */
export type TextInput = string | TextPair

/** Which of two texts loses its end where both do not fit. */
export type PairCut = 'longest_first' | 'only_first'

export interface EncodedTexts {
  ids: Int32Array[]
  /** token types of each sequence; not there where all are 0 */
  types?: Int32Array[]
  /** how many texts had more tokens than fit; they lost their end */
  truncated: number
}

/**
 * Token ids of each text, at most `maxLength` with [CLS] and [SEP], or fewer where the model's authors set a limit: training
 * and running cut alike.
 * @throws where one of the texts is neither a string nor a pair
 */
export const encodeTexts = (tokenizer: Tokenizer, texts: readonly TextInput[], maxLength: number): EncodedTexts =>
  encodeWithin(tokenizer, texts, Math.min(maxLength, tokenizer.maxLength))

/** As `encodeTexts`, whatever the model's authors set. */
export function encodeWithin(
  tokenizer: Tokenizer,
  texts: readonly TextInput[],
  maxLength: number,
  cut: PairCut = 'longest_first',
): EncodedTexts {
  const encoded: EncodedTexts = { ids: [], truncated: 0 }
  texts.forEach((input, i) => {
    const [text, second] = textsOf(input, i)
    if (second === undefined) {
      const { ids, isCut } = encodeOne(tokenizer, text, maxLength)
      encoded.ids.push(ids)
      encoded.types?.push(new Int32Array(ids.length))
      if (isCut) encoded.truncated++
      return
    }
    const pair = tokenizer.encodePair(text, second, maxLength, cut)
    encoded.types ??= encoded.ids.map(({ length }) => new Int32Array(length))
    encoded.types.push(pair.types)
    encoded.ids.push(pair.ids)
    if (pair.isCut) encoded.truncated++
  })
  return encoded
}

function encodeOne(tokenizer: Tokenizer, text: string, maxLength: number): { ids: Int32Array; isCut: boolean } {
  // one token more than fits tells whether the text was cut
  const ids = tokenizer.encode(text, maxLength + 1)
  if (ids.length <= maxLength) return { ids, isCut: false }
  const kept = ids.slice(0, maxLength)
  kept[maxLength - 1] = ids[ids.length - 1]
  return { ids: kept, isCut: true }
}

/** The strings of an input. */
export function textsOf(input: TextInput, i: number): [text: string, second?: string] {
  if (typeof input === 'string') return [input]
  const nameOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value)
  const { text, text_pair: second } = (input ?? {}) as { text?: unknown; text_pair?: unknown }
  if (typeof text !== 'string' || (second !== undefined && typeof second !== 'string'))
    throw new TypeError(
      `text ${i} is ${nameOf(input)}, expected a string, or { text, text_pair } with strings for two that are read as one`,
    )
  return second === undefined ? [text] : [text, second]
}

export interface BatchLimits {
  /** most sequences of one batch; no limit if not given */
  sequences?: number
  /** most tokens of one batch, a longer sequence excepted; 1024 if not given */
  tokens?: number
  /**
   * longest time of one batch as the pace of those before it shows it, a longer sequence excepted, so that a page stays
   * responsive; not bounded if not given
   */
  milliseconds?: number
}

/** Tokens of the first batch where the pace is not known yet. */
const FIRST_TOKENS = 64

/** Enough rows to fill every tile, few enough to stay in the cache. */
const TOKENS_PER_BATCH = 1024

/** Positions in `lengths`, batch by batch, shortest first: no sequence waits for a much longer one. */
export function planBatches(lengths: readonly number[], limits: BatchLimits = {}): number[][] {
  const { sequences = Infinity, tokens = TOKENS_PER_BATCH } = limits
  const order = shortestFirst(lengths)
  const batches: number[][] = []
  for (let at = 0; at < order.length; at += batches.at(-1)!.length)
    batches.push(nextBatch(order, at, lengths, sequences, tokens))
  return batches
}

const shortestFirst = (lengths: readonly number[]): number[] =>
  lengths.map((_, i) => i).sort((a, b) => lengths[a] - lengths[b] || a - b)

/** Positions from `at` on that fit one batch, at least one. */
function nextBatch(
  order: readonly number[],
  at: number,
  lengths: readonly number[],
  sequences: number,
  most: number,
): number[] {
  let end = at
  for (let tokens = 0; end < order.length && end - at < sequences; end++) {
    tokens += lengths[order[end]]
    if (tokens > most && end > at) break
  }
  return order.slice(at, end)
}

/** A batch of token ids. */
export type IdBatch = Required<Pick<Batch, 'offsets' | 'ids' | 'types'>>

/** One batch of the given sequences; all tokens are of type 0 where no types are given. */
export function packBatch(sequences: readonly Int32Array[], types?: readonly Int32Array[]): IdBatch {
  const offsets = new Int32Array(sequences.length + 1)
  sequences.forEach((ids, b) => (offsets[b + 1] = offsets[b] + ids.length))
  const ids = new Int32Array(offsets[sequences.length])
  sequences.forEach((sequence, b) => ids.set(sequence, offsets[b]))
  const typeOf = new Int32Array(ids.length)
  types?.forEach((sequence, b) => typeOf.set(sequence, offsets[b]))
  return { offsets, ids, types: typeOf }
}

export interface RunOptions extends BatchLimits {
  /** token types of each sequence; 0 if not given */
  types?: readonly Int32Array[]
  signal?: AbortSignal
  progress?: (done: number, total: number) => void
}

/**
 * Runs sequences batch by batch. Between two batches the thread gets a turn for its other work.
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
  const { sequences = Infinity, tokens = TOKENS_PER_BATCH, milliseconds, types } = options
  let most = milliseconds === undefined ? tokens : Math.min(tokens, FIRST_TOKENS)
  const order = shortestFirst(lengths)
  const turn = turns(options.signal)
  for (let done = 0; done < order.length;) {
    await turn()
    const positions = nextBatch(order, done, lengths, sequences, most)
    const batch = packBatch(
      positions.map((i) => ids[i]),
      types && positions.map((i) => types[i]),
    )
    const start = performance.now()
    take(await session.run(batch), positions, batch.offsets)
    if (milliseconds !== undefined) {
      const pace = (performance.now() - start) / batch.ids.length
      most = Math.max(1, Math.min(tokens, milliseconds / pace))
    }
    done += positions.length
    options.progress?.(done, ids.length)
  }
}
