// One head of one sequence in integers, see kernels/attention/contract.ts.
// Layout     Q rows i16 [T][D], K rows i16 [T][D], K panels i16 [ceil(T / w)][D / 2][w][2], V panels i16
//            [ceil(D / w)][T padded to 8 / 2][w][2], scores [ceil(T / w)][5][w] i32, weights [5][T padded to w] i16, sums [5][w],
//            softmax sums; w = COLUMNS
// Plan       as lib/attend.ts, with Q, K, V and the weights as integers, five queries at a time by the tile of i16
// Needs      T >= 16, D % 8 == 0; no bias

import { AttentionRecord, I16_TILE_ROWS, PANEL, PANEL_BYTES, PANEL_SHIFT, TILE_ROWS, ZEROS_ADDRESS } from '../abi'
import { attendUnit, LINE_BYTES, LOG2E, packKeys, storeContext, SUMS_BYTES } from './attend'
import { COLUMNS, padToColumns, padToPanel } from './panels'
import { largestMagnitude, WIDE } from './simd'
import { exponentiateI16, roundEight } from './softmax'
import { tileBegin, tileCount } from './tile-f32'
import { tileI16 } from './tile-int8-i16'
import { tileI16Wide } from './tile-int8-i16-wide'

/** Largest value of V as an integer, four times finer than int8: what is left of i32 is the weights'. */
const VALUE_MOST: f64 = 511.0

/** sums[rows][COLUMNS] = A . B with a panel of i16 from `b` to `bEnd`. */
// @ts-ignore: decorator
@inline
function multiply(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, zeros: usize, sums: usize): void {
  if (WIDE) tileI16Wide(rows, a, aStride, b, bEnd, zeros, sums)
  else tileI16(rows, a, aStride, b, bEnd, zeros, sums)
}

/** One head of one sequence in integers, see kernels/attention/contract.ts. */
export function attendUnitI16(record: usize, first: i32, T: i32, h: i32, H: i32, D: i32, longest: i32, scratch: usize): void {
  const args = changetype<AttentionRecord>(record)
  const stride = <usize>(H * D) << 2
  const corner = <usize>first * stride + (<usize>(h * D) << 2)
  const q = args.q + corner, k = args.k + corner, v = args.v + corner
  const y = args.y + corner
  const longestPadded = <usize>padToColumns(longest)
  const areaBytes = longestPadded * <usize>D << 1
  const queryRows = scratch, keyRows = scratch + areaBytes
  const keyPanels = keyRows + areaBytes, valuePanels = keyPanels + areaBytes
  const scores = valuePanels + (WIDE ? <usize>padToColumns(D) * longestPadded << 1 : areaBytes)
  const weights = scores + (longestPadded * <usize>TILE_ROWS << 2)
  const sums = weights + (longestPadded * <usize>TILE_ROWS << 2)
  // behind the rows' factors: what the tile's sums start from
  const zeros = WIDE ? ZEROS_ADDRESS : sums + SUMS_BYTES + LINE_BYTES
  if (!WIDE) {
    v128.store(zeros, i32x4.splat(0))
    v128.store(zeros, i32x4.splat(0), 16)
  }

  const limit = min<f64>(floor(sqrt<f64>(<f64>i32.MAX_VALUE / <f64>D)), <f64>i16.MAX_VALUE)
  const queryMost = largest(q, stride, T, D), keyMost = largest(k, stride, T, D), valueMost = largest(v, stride, T, D)
  if (isNaN<f64>(queryMost + keyMost + valueMost)) {
    attendUnit(record, first, T, T, h, H, D, longest, scratch)
    return
  }
  roundRows(q, stride, T, D, <f32>(limit / queryMost), queryRows)
  roundRows(k, stride, T, D, <f32>(limit / keyMost), keyRows)
  const rowBytes = <usize>D << 1
  // pairs of i16 turn as one f32 does
  packKeys(keyRows, rowBytes, T, D >> 1, keyPanels)
  packValuePairs(v, stride, T, D, <f32>(VALUE_MOST / valueMost), valuePanels)
  // the largest weight is the highest power of 2 in range
  const bits: i32 = 31 - clz<i32>(min<i32>(i32.MAX_VALUE / (<i32>VALUE_MOST * T), i16.MAX_VALUE))
  const scale = <f32>(((LOG2E / sqrt<f64>(<f64>D)) * (queryMost / limit)) * (keyMost / limit))
  const valueUnits = <f32>(VALUE_MOST / valueMost)

  const weightStride = <usize>padToColumns(T) << 1
  const keyBytes = <usize>D * (COLUMNS << 1), valueBytes = <usize>padToPanel(T) * (COLUMNS << 1)
  const tiles = tileCount(T, I16_TILE_ROWS)
  for (let tile = 0; tile < tiles; tile++) {
    const t = tileBegin(T, tiles, tile)
    const rows = tileBegin(T, tiles, tile + 1) - t
    for (let j = 0; j < T; j += COLUMNS) {
      const panel = keyPanels + (<usize>j * rowBytes)
      multiply(rows, queryRows + <usize>t * rowBytes, rowBytes, panel, panel + keyBytes, zeros, scores + <usize>j * (I16_TILE_ROWS << 2))
    }
    for (let r = 0; r < rows; r++) {
      const sum = exponentiateI16(scores + <usize>r * LINE_BYTES, T, scale, <f32>bits, weights + <usize>r * weightStride)
      store<f32>(sums + SUMS_BYTES + (<usize>r << 2), <f32>1.0 / (sum * valueUnits))
    }
    for (let d = 0; d < D; d += COLUMNS) {
      const panel = valuePanels + <usize>(d >> (WIDE ? PANEL_SHIFT + 1 : PANEL_SHIFT)) * valueBytes
      multiply(rows, weights, weightStride, panel, panel + valueBytes, zeros, sums)
      const end = sums + <usize>rows * LINE_BYTES
      if (WIDE) {
        for (let at = sums; at < end; at += 32) {
          const v0 = f32x4.convert_i32x4_s(v128.load(at)), v1 = f32x4.convert_i32x4_s(v128.load(at, 16))
          v128.store(at, v1, 16)
          v128.store(at, v0)
        }
      } else for (let at = sums; at < end; at += 16) v128.store(at, f32x4.convert_i32x4_s(v128.load(at)))
      storeContext(rows, sums, y + <usize>t * stride + (<usize>d << 2), stride, WIDE ? min(COLUMNS, D - d) : PANEL)
    }
  }
}

/** Largest magnitude of [T, D], D % 8 == 0; of zeros the least that has an inverse; NaN where one is not finite. */
function largest(x: usize, stride: usize, T: i32, D: i32): f64 {
  let positive = f32x4.splat(1e-30), positive1 = positive, negative = positive, negative1 = positive
  for (let t = 0; t < T; t++) {
    for (let at = x, end = x + (<usize>D << 2); at < end; at += 32) {
      const x0 = v128.load(at), x1 = v128.load(at, 16)
      positive = i32x4.max_s(positive, x0)
      positive1 = i32x4.max_s(positive1, x1)
      negative = i32x4.max_u(negative, x0)
      negative1 = i32x4.max_u(negative1, x1)
    }
    x += stride
  }
  return <f64>largestMagnitude(i32x4.max_s(positive, positive1), i32x4.max_u(negative, negative1))
}

/** [T, D] times `inverse`, rounded, as i16 rows. */
function roundRows(x: usize, stride: usize, T: i32, D: i32, inverse: f32, to: usize): void {
  const inverses = f32x4.splat(inverse)
  for (let t = 0; t < T; t++) {
    for (let at = x, end = x + (<usize>D << 2); at < end; at += 32) {
      v128.store(to, roundEight(f32x4.mul(v128.load(at), inverses), f32x4.mul(v128.load(at, 16), inverses)))
      to += 16
    }
    x += stride
  }
}

/** V [T, D] times `inverse`, rounded, into panels of pairs of tokens, those past T and columns past D zero. */
function packValuePairs(v: usize, stride: usize, T: i32, D: i32, inverse: f32, panels: usize): void {
  const inverses = f32x4.splat(inverse)
  const panelBytes = <usize>padToPanel(T) * (COLUMNS << 1)
  for (let d = 0; d < D; d += COLUMNS) {
    const end = panels + panelBytes
    let from = v + (<usize>d << 2)
    for (let t = 0; t < T; t += 2) {
      packPair(t + 1 < T, from, stride, inverses, panels)
      if (WIDE) {
        if (d + PANEL < D) packPair(t + 1 < T, from + PANEL_BYTES, stride, inverses, panels + PANEL_BYTES)
        else {
          v128.store(panels, i32x4.splat(0), 32)
          v128.store(panels, i32x4.splat(0), 48)
        }
      }
      panels += LINE_BYTES
      from += stride << 1
    }
    for (; panels < end; panels += 16) v128.store(panels, i32x4.splat(0))
  }
}

/** Eight columns of a token and of the next, or of zeros. */
// @ts-ignore: decorator
@inline
function packPair(hasNext: bool, from: usize, stride: usize, inverses: v128, to: usize): void {
  const x0 = roundEight(f32x4.mul(v128.load(from), inverses), f32x4.mul(v128.load(from, 16), inverses))
  let x1 = i32x4.splat(0)
  if (hasNext) {
    const next = from + stride
    x1 = roundEight(f32x4.mul(v128.load(next), inverses), f32x4.mul(v128.load(next, 16), inverses))
  }
  v128.store(to, v128.shuffle<i16>(x0, x1, 0, 8, 1, 9, 2, 10, 3, 11))
  v128.store(to, v128.shuffle<i16>(x0, x1, 4, 12, 5, 13, 6, 14, 7, 15), 16)
}
