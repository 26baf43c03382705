// Texts to logits to classes: what every score is computed from.

import type { Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { softmax } from '../model/scores.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { Stopped } from './stopped.ts'

export interface EncodedTexts {
  ids: Int32Array[]
  /** how many texts had more tokens than fit; their ends are cut off */
  truncated: number
}

/** Token ids of each text, at most `maxLength` with [CLS] and [SEP]. */
export function encodeTexts(tokenizer: Tokenizer, texts: Iterable<string>, maxLength: number): EncodedTexts {
  const encoded: EncodedTexts = { ids: [], truncated: 0 }
  for (const text of texts) {
    // one token more than fits shows whether something would be lost
    const whole = tokenizer.encode(text, maxLength + 1)
    if (whole.length > maxLength) encoded.truncated++
    encoded.ids.push(whole.length > maxLength ? tokenizer.encode(text, maxLength) : whole)
  }
  return encoded
}

/** Packs sequences end to end; all token types are 0. */
export function packBatch(sequences: Int32Array[]): Batch {
  const offsets = new Int32Array(sequences.length + 1)
  sequences.forEach((ids, b) => (offsets[b + 1] = offsets[b] + ids.length))
  const ids = new Int32Array(offsets[sequences.length])
  sequences.forEach((sequence, b) => ids.set(sequence, offsets[b]))
  return { offsets, ids, types: new Int32Array(ids.length) }
}

/** Enough rows to fill every tile, few enough to stay in the cache. */
const TOKENS_PER_BATCH = 1024

/** Batches of like length, so that none waits for one long text; each lists positions in `ids`. */
export function planBatches(ids: Int32Array[], tokensPerBatch = TOKENS_PER_BATCH): number[][] {
  const order = ids.map((_, i) => i).sort((a, b) => ids[a].length - ids[b].length || a - b)
  const batches: number[][] = []
  let tokens = Infinity
  for (const i of order) {
    if (tokens + ids[i].length > tokensPerBatch) {
      batches.push([])
      tokens = 0
    }
    batches[batches.length - 1].push(i)
    tokens += ids[i].length
  }
  return batches
}

/**
 * Logits of every sequence.
 * @param labels outputs of the classifier
 * @returns f32 [ids.length, labels] in the order given
 * @throws where a logit is not finite
 */
export async function runLogits(
  session: Session,
  ids: Int32Array[],
  labels: number,
  options: { signal?: AbortSignal; progress?: (done: number, total: number) => void } = {},
): Promise<Float32Array> {
  const logits = new Float32Array(ids.length * labels)
  let done = 0
  for (const batch of planBatches(ids)) {
    if (options.signal?.aborted) throw new Stopped()
    const output = await session.run(packBatch(batch.map((i) => ids[i])))
    batch.forEach((i, b) => logits.set(output.subarray(b * labels, (b + 1) * labels), i * labels))
    done += batch.length
    options.progress?.(done, ids.length)
  }
  const bad = logits.findIndex((x) => !Number.isFinite(x))
  if (bad >= 0)
    throw new Error(
      `the logits of text ${Math.floor(bad / labels)} hold ${logits[bad]}, expected finite numbers; the model's weights are damaged or overflow`,
    )
  return logits
}

/** Class with the largest logit per row; the first of equals. */
export function predict(logits: Float32Array, labels: number): Int32Array {
  return Int32Array.from({ length: logits.length / labels }, (_, row) => {
    let best = 0
    for (let label = 1; label < labels; label++)
      if (logits[row * labels + label] > logits[row * labels + best]) best = label
    return best
  })
}

/** Share of each class by softmax over one row of logits. */
export const softmaxRow = (logits: Float32Array, row: number, labels: number): number[] =>
  softmax(logits.subarray(row * labels, (row + 1) * labels))
