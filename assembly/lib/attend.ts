// One head of one sequence in f32, and what lib/attend-i16.ts shares with it.
// Layout     K panels [ceil(T / w)][D][w], V panels [ceil(D / w)][T][w], scores [ceil(T / w)][6][w], weights [6][T padded to w],
//            sums [6][w], softmax sums [6]; w = COLUMNS
// Plan       K and V of a unit are packed once, then six queries at a time: scores by the dense tile, which stores them where
//            the softmax reads them, context by the dense tile. The scale goes into the softmax's only product, which is in
//            powers of 2; the softmax is unnormalised until the context is there: one division per row
// Needs      keys past T repeat the last one: the largest score is right, and their weights are taken off the sum

import { AttentionRecord, TILE_ROWS } from '../abi'
import { storeTransposed } from './blocks'
import { COLUMNS, padToColumns } from './panels'
import { WIDE } from './simd'
import { exponentiate } from './softmax'
import { tileBegin, tileCount, tileF32 } from './tile-f32'
import { tileF32Wide } from './tile-f32-wide'

/** log2(e): weights are powers of 2. */
export const LOG2E: f64 = 1.4426950408889634
/** Bytes of a line of scores, sums or panels. */
// @ts-ignore: decorator
@inline
export const LINE_BYTES: usize = <usize>COLUMNS << 2
/** Bytes of the sums of a tile, behind which are those of the softmax. */
// @ts-ignore: decorator
@inline
export const SUMS_BYTES: usize = <usize>TILE_ROWS * LINE_BYTES

// @ts-ignore: decorator
@inline
function multiply(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize): void {
  if (WIDE) tileF32Wide(rows, a, aStride, b, K, sums, false)
  else tileF32(rows, a, aStride, b, K, sums, false)
}

/** The first `queries` rows of one head of one sequence. */
export function attendUnit(
  record: usize, first: i32, T: i32, queries: i32, h: i32, H: i32, D: i32, longest: i32, scratch: usize,
): void {
  const args = changetype<AttentionRecord>(record)
  const stride = <usize>(H * D) << 2
  const corner = <usize>first * stride + (<usize>(h * D) << 2)
  const q = args.q + corner, y = args.y + corner
  const longestPadded = <usize>padToColumns(longest)
  const keyPanels = scratch
  const valuePanels = keyPanels + (longestPadded * <usize>D << 2)
  const scores = valuePanels + (<usize>padToColumns(D) * longestPadded << 2)
  const weights = scores + (longestPadded * <usize>TILE_ROWS << 2)
  const sums = weights + (longestPadded * <usize>TILE_ROWS << 2)
  packKeys(args.k + corner, stride, T, D, keyPanels)
  packValues(args.v + corner, stride, T, D, valuePanels)
  const weightStride = <usize>padToColumns(T) << 2
  const scale = <f32>(LOG2E / sqrt<f64>(<f64>D))
  // the bias of the first key for the first query
  const bias = args.bias != 0 ? args.bias + (<usize>(h * (2 * args.P - 1) + args.P - 1) << 2) : 0
  const tiles = tileCount(queries, TILE_ROWS)
  for (let tile = 0; tile < tiles; tile++) {
    const t = tileBegin(queries, tiles, tile)
    const rows = tileBegin(queries, tiles, tile + 1) - t
    for (let j = 0; j < T; j += COLUMNS)
      multiply(rows, q + <usize>t * stride, stride, keyPanels + (<usize>j * <usize>D << 2), D, scores + <usize>j * (TILE_ROWS << 2))
    for (let r = 0; r < rows; r++) {
      if (bias != 0) addBias(scores + <usize>r * LINE_BYTES, bias - (<usize>(t + r) << 2), T)
      const sum = exponentiate(scores + <usize>r * LINE_BYTES, T, scale, weights + <usize>r * weightStride)
      // what its context is to be multiplied by waits behind the tile's sums
      store<f32>(sums + SUMS_BYTES + (<usize>r << 2), <f32>1.0 / sum)
    }
    for (let d = 0; d < D; d += COLUMNS) {
      multiply(rows, weights, weightStride, valuePanels + (<usize>d * <usize>T << 2), T, sums)
      storeContext(rows, sums, y + <usize>t * stride + (<usize>d << 2), stride, min(COLUMNS, D - d))
    }
  }
}

/** Adds `bias` [T] to a row of T scores, COLUMNS of them every SUMS_BYTES; scores past T repeat the last one again. */
function addBias(scores: usize, bias: usize, T: i32): void {
  const whole = T & ~(COLUMNS - 1)
  for (let j = 0; j < whole; j += COLUMNS) {
    if (WIDE) {
      const s0 = f32x4.add(v128.load(scores), v128.load(bias)), s1 = f32x4.add(v128.load(scores, 16), v128.load(bias, 16))
      const s2 = f32x4.add(v128.load(scores, 32), v128.load(bias, 32)), s3 = f32x4.add(v128.load(scores, 48), v128.load(bias, 48))
      storeLine(scores, s0, s1, s2, s3)
    } else {
      v128.store(scores, f32x4.add(v128.load(scores), v128.load(bias)))
      v128.store(scores, f32x4.add(v128.load(scores, 16), v128.load(bias, 16)), 16)
    }
    scores += SUMS_BYTES
    bias += LINE_BYTES
  }
  if (whole == T) return
  let last: f32 = 0.0
  for (let c = 0; c < COLUMNS; c++) {
    const at = scores + (<usize>c << 2)
    if (whole + c < T) last = load<f32>(at) + load<f32>(bias + (<usize>c << 2))
    store<f32>(at, last)
  }
}

/** Four vectors in the order in which an engine joins stores. */
// @ts-ignore: decorator
@inline
function storeLine(to: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  v128.store(to, v1, 16); v128.store(to, v0); v128.store(to, v3, 48); v128.store(to, v2, 32)
}

/** K [T, D] into panels; tokens past T repeat the last one. */
export function packKeys(k: usize, stride: usize, T: i32, D: i32, panels: usize): void {
  for (let j = 0; j < T; j += COLUMNS) {
    const panel = panels + (<usize>j * <usize>D << 2)
    for (let four = 0; four < COLUMNS; four += 4) {
      const k0 = k + <usize>min(j + four, T - 1) * stride, k1 = k + <usize>min(j + four + 1, T - 1) * stride
      const k2 = k + <usize>min(j + four + 2, T - 1) * stride, k3 = k + <usize>min(j + four + 3, T - 1) * stride
      let to = panel + (<usize>four << 2)
      let i: usize = 0
      const vectorEnd = <usize>(D & ~3) << 2, end = <usize>D << 2
      for (; i < vectorEnd; i += 16, to += 4 * LINE_BYTES)
        storeTransposed(v128.load(k0 + i), v128.load(k1 + i), v128.load(k2 + i), v128.load(k3 + i), to, LINE_BYTES)
      for (; i < end; i += 4, to += LINE_BYTES) {
        store<f32>(to, load<f32>(k0 + i))
        store<f32>(to, load<f32>(k1 + i), 4)
        store<f32>(to, load<f32>(k2 + i), 8)
        store<f32>(to, load<f32>(k3 + i), 12)
      }
    }
  }
}

/** V [T, D] into panels, columns past D zero. */
function packValues(v: usize, stride: usize, T: i32, D: i32, panels: usize): void {
  for (let d = 0; d < D; d += COLUMNS) {
    let to = panels + (<usize>d * <usize>T << 2)
    let from = v + (<usize>d << 2)
    const columns = min(COLUMNS, D - d)
    for (let t = 0; t < T; t++) {
      if (columns == COLUMNS) {
        if (WIDE) storeLine(to, v128.load(from), v128.load(from, 16), v128.load(from, 32), v128.load(from, 48))
        else {
          v128.store(to, v128.load(from))
          v128.store(to, v128.load(from, 16), 16)
        }
      } else {
        for (let c = 0; c < COLUMNS; c++)
          store<f32>(to + (<usize>c << 2), c < columns ? load<f32>(from + (<usize>c << 2)) : 0.0)
      }
      to += LINE_BYTES
      from += stride
    }
  }
}

/** Multiplies context rows by their inverse softmax sums (behind the tile's sums) and stores `columns` of them. */
export function storeContext(rows: i32, sums: usize, y: usize, stride: usize, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const inverse = v128.load32_splat(sums + SUMS_BYTES + (<usize>r << 2))
    const from = sums + <usize>r * LINE_BYTES
    const v0 = f32x4.mul(v128.load(from), inverse), v1 = f32x4.mul(v128.load(from, 16), inverse)
    if (WIDE) {
      const v2 = f32x4.mul(v128.load(from, 32), inverse), v3 = f32x4.mul(v128.load(from, 48), inverse)
      storeLine(columns == COLUMNS ? y : from, v0, v1, v2, v3)
    } else {
      const to = columns == COLUMNS ? y : from
      v128.store(to, v0)
      v128.store(to, v1, 16)
    }
    if (columns != COLUMNS) {
      for (let c = 0; c < columns; c++) store<f32>(y + (<usize>c << 2), load<f32>(from + (<usize>c << 2)))
    }
    y += stride
  }
}
