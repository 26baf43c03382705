// From a direction in the space of vectors to the gradient of every token's row: the slope of z . v, where v is what a
// text's rows are pooled to, divided by its length where the model does that.

import type { PoolingRule } from '../inference/pooling.ts'

/**
 * The gradient of sum over texts of z . v with regard to the rows.
 * @param rows f32 [M, C], those of a text one after another
 * @param offsets [B + 1]
 * @param directions z, f32 [B, C]
 * @returns f32 [M, C]; 0 for a text whose pooled vector is all zeros
 */
export function pooledSlopes(
  rows: Float32Array,
  offsets: Int32Array,
  directions: Float32Array,
  { pooling, normalize }: PoolingRule,
): Float32Array {
  const B = offsets.length - 1
  const C = directions.length / B
  const slopes = new Float32Array(rows.length)
  const pooled = new Float64Array(C)
  for (let b = 0; b < B; b++) {
    const [from, to] = [offsets[b], offsets[b + 1]]
    const z = directions.subarray(b * C, (b + 1) * C)
    const largest = pooling === 'max' ? rowsOfLargest(rows, from, to, C) : null
    pooled.fill(0)
    for (let c = 0; c < C; c++) {
      if (pooling === 'cls') pooled[c] = rows[from * C + c]
      else if (largest) pooled[c] = rows[largest[c] * C + c]
      else for (let m = from; m < to; m++) pooled[c] += rows[m * C + c] / (to - from)
    }
    const length = Math.sqrt(pooled.reduce((sum, x) => sum + x * x, 0))
    if (normalize && length === 0) continue
    // d (p / |p|) = (d p - v (v . d p)) / |p|
    const along = normalize ? pooled.reduce((sum, x, c) => sum + (x / length) * z[c], 0) : 0
    for (let c = 0; c < C; c++) {
      const slope = normalize ? (z[c] - (along * pooled[c]) / length) / length : z[c]
      if (pooling === 'cls') slopes[from * C + c] = slope
      else if (largest) slopes[largest[c] * C + c] = slope
      else for (let m = from; m < to; m++) slopes[m * C + c] = slope / (to - from)
    }
  }
  return slopes
}

/** Which row has the largest number of each channel; the first of equals. */
function rowsOfLargest(rows: Float32Array, from: number, to: number, C: number): Int32Array {
  return Int32Array.from({ length: C }, (_, c) => {
    let best = from
    for (let m = from + 1; m < to; m++) if (rows[m * C + c] > rows[best * C + c]) best = m
    return best
  })
}
