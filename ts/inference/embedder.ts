// Texts to vectors: one for each text, or one for each token.

import { runBatches, type RunOptions } from './batches.ts'
import type { RunningModel } from './running-model.ts'

/** 'mean' or 'cls': one vector a text; 'none': one a token */
export type Pooling = 'none' | 'mean' | 'cls'

/** Row-major f32. */
export interface Features {
  data: Float32Array
  /** [texts, C], or [texts, longest, C] without pooling: rows past a text's end are 0 */
  dims: number[]
}

/**
 * Vectors of every sequence, in the order given.
 * @param options normalize: divide each vector by its L2 norm
 */
export async function embed(
  model: RunningModel,
  ids: readonly Int32Array[],
  { pooling, normalize, ...options }: RunOptions & { pooling: Pooling; normalize: boolean },
): Promise<Features> {
  const C = model.config.hiddenSize
  const isMean = pooling === 'mean'
  const isWhole = pooling === 'none'
  const longest = isWhole ? ids.reduce((most, { length }) => Math.max(most, length), 0) : 1
  const data = new Float32Array(ids.length * longest * C)
  const session = await model.session(isMean ? 'embeddings' : 'hidden')
  await runBatches(session, ids, options, (rows, positions, offsets) => {
    positions.forEach((i, b) => {
      const from = isMean ? b : offsets[b]
      data.set(rows.subarray(from * C, (isWhole ? offsets[b + 1] : from + 1) * C), i * longest * C)
    })
  })
  if (normalize) normalizeRows(data, C)
  return { data, dims: isWhole ? [ids.length, longest, C] : [ids.length, C] }
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
