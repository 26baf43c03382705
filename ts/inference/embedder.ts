// Texts to vectors: one for each text, or one for each token.

import { runBatches, type EncodedTexts, type RunOptions } from './batches.ts'
import type { Pooling } from './pooling.ts'
import type { RunningModel } from './running-model.ts'

/** Row-major f32. */
export interface Features {
  data: Float32Array
  /** [texts, C], or [texts, longest, C] without pooling: rows past a text's end are 0 */
  dims: number[]
}

export interface EmbedOptions extends RunOptions {
  pooling: Pooling
  /** divide each vector by its L2 norm */
  normalize: boolean
  /** first tokens of every text that 'mean' and 'max' leave out; 0 if not given */
  skip?: number
}

/** Vectors of every sequence, in the order given. */
export async function embed(
  model: Pick<RunningModel, 'config' | 'session'>,
  { ids, types }: Pick<EncodedTexts, 'ids' | 'types'>,
  { pooling, normalize, skip = 0, ...options }: EmbedOptions,
): Promise<Features> {
  const C = model.config.hiddenSize
  // the device has the mean of all rows alone
  const isPooled = pooling === 'mean' && skip === 0
  const isWhole = pooling === 'none'
  const longest = isWhole ? ids.reduce((most, { length }) => Math.max(most, length), 0) : 1
  const data = new Float32Array(ids.length * longest * C)
  const session = await model.session(isPooled ? 'embeddings' : 'hidden')
  await runBatches(session, ids, { types, ...options }, (rows, positions, offsets) => {
    positions.forEach((i, b) => {
      const from = isPooled ? b : offsets[b]
      const last = isWhole ? offsets[b + 1] : from + 1
      if (isPooled || isWhole || pooling === 'cls') data.set(rows.subarray(from * C, last * C), i * longest * C)
      else poolRows(rows.subarray((from + skip) * C, offsets[b + 1] * C), pooling, data.subarray(i * C, (i + 1) * C))
    })
  })
  if (normalize) normalizeRows(data, C)
  return { data, dims: isWhole ? [ids.length, longest, C] : [ids.length, C] }
}

/** Mean or largest of every channel of rows [n, C]; rows of zeros where there is none. */
function poolRows(rows: Float32Array, pooling: 'mean' | 'max', into: Float32Array): void {
  const C = into.length
  const count = rows.length / C
  for (let c = 0; c < C && count > 0; c++) {
    let [sum, most] = [0, -Infinity]
    for (let at = c; at < rows.length; at += C) {
      sum += rows[at]
      most = Math.max(most, rows[at])
    }
    into[c] = pooling === 'mean' ? sum / count : most
  }
}

/** Rows of zeros stay as they are. */
function normalizeRows(data: Float32Array, C: number): void {
  for (let from = 0; from < data.length; from += C) {
    let sum = 0
    for (let c = from; c < from + C; c++) sum += data[c] * data[c]
    if (sum === 0) continue
    const inverse = 1 / Math.sqrt(sum)
    for (let c = from; c < from + C; c++) data[c] *= inverse
  }
}
