// Panels of eight columns [depth][8] for the f32 tiles, packed while they are used: weights change every step, and a
// thread packs only what it multiplies next, so panels stay in its cache and no thread waits for another's packing.

import { PANEL, PANEL_BYTES, TILE_COLUMN_BYTES, TILE_ROWS } from '../abi'
import { storeTransposed } from '../lib/blocks'

/** B[k][c] = from[c][k]: `columns` <= 8 rows of `from`, each `depth` long; columns that are not there repeat the last. */
export function packTransposed(from: usize, stride: usize, columns: i32, depth: i32, to: usize): void {
  const vectorEnd = <usize>(depth & ~3) << 2, end = <usize>depth << 2
  for (let half = 0; half < PANEL; half += 4) {
    const r0 = from + <usize>min(half, columns - 1) * stride, r1 = from + <usize>min(half + 1, columns - 1) * stride
    const r2 = from + <usize>min(half + 2, columns - 1) * stride, r3 = from + <usize>min(half + 3, columns - 1) * stride
    let at = to + (<usize>half << 2)
    let i: usize = 0
    for (; i < vectorEnd; i += 16, at += 4 * PANEL_BYTES)
      storeTransposed(v128.load(r0 + i), v128.load(r1 + i), v128.load(r2 + i), v128.load(r3 + i), at, PANEL_BYTES)
    for (; i < end; i += 4, at += PANEL_BYTES) {
      store<f32>(at, load<f32>(r0 + i))
      store<f32>(at, load<f32>(r1 + i), 4)
      store<f32>(at, load<f32>(r2 + i), 8)
      store<f32>(at, load<f32>(r3 + i), 12)
    }
  }
}

/** B[k][c] = from[k][c]: `depth` rows of `from`, `columns` <= 8 of each; columns that are not there are zero. */
export function packStraight(from: usize, stride: usize, columns: i32, depth: i32, to: usize): void {
  if (columns == PANEL) {
    for (let k = 0; k < depth; k++) {
      v128.store(to, v128.load(from))
      v128.store(to, v128.load(from, 16), 16)
      to += PANEL_BYTES
      from += stride
    }
    return
  }
  for (let k = 0; k < depth; k++) {
    for (let c = 0; c < PANEL; c++)
      store<f32>(to + (<usize>c << 2), c < columns ? load<f32>(from + (<usize>c << 2)) : 0.0)
    to += PANEL_BYTES
    from += stride
  }
}

/**
 * A[m][r] = from[m][r]: `depth` rows of `from`, `columns` <= 6 of each, as [depth][6] with missing columns zero; adds
 * the column sums to `sums` f32 [8] in the order of the rows.
 */
export function packSixes(from: usize, stride: usize, columns: i32, depth: i32, to: usize, sums: usize): void {
  if (columns == TILE_ROWS) {
    let low = v128.load(sums), high = v128.load(sums, 16)
    for (let m = 0; m < depth; m++) {
      const v0 = v128.load(from), v1 = v128.load64_zero(from, 16)
      low = f32x4.add(low, v0)
      high = f32x4.add(high, v1)
      v128.store(to, v0)
      v128.store64_lane(to, v1, 0, 16)
      to += TILE_COLUMN_BYTES
      from += stride
    }
    v128.store(sums, low)
    v128.store(sums, high, 16)
    return
  }
  for (let m = 0; m < depth; m++) {
    for (let c = 0; c < TILE_ROWS; c++) {
      const at = <usize>c << 2
      const value: f32 = c < columns ? load<f32>(from + at) : 0.0
      store<f32>(sums + at, load<f32>(sums + at) + value)
      store<f32>(to + at, value)
    }
    to += TILE_COLUMN_BYTES
    from += stride
  }
}
