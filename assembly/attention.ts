// attention: per sequence and head, softmax(Q K^T / sqrt(D)) V over ragged sequences; q, k, v, y f32 [M, H * D].
// Contract   kernels/attention/contract.ts      Twin  shaders/attention.*.wgsl
// Layout     scratch per thread: K panels [ceil(T / 8)][D][8], V panels [ceil(D / 8)][T][8], scores [ceil(T / 8)][6][8],
//            weights [6][T padded to 8], sums [6][8]; kernels/attention/pack.ts has the same sum of bytes
// Plan       a thread owns a range of (sequence, head) units of about equal T^2; K and V of a unit are packed once, then six
//            queries at a time: scores by the dense tile, which stores them where the softmax reads them, context by the dense
//            tile. The scale goes into the softmax's only product, which is in powers of 2
// Needs      T and D as they come; padded scores are set so low that their exp vanishes
// Source     own derivation; the softmax is unnormalised until the context is there: one division per row

import { storeTransposed } from './lib/blocks'
import { exp2 } from './lib/math'
import { madd, sumLanes } from './lib/simd'
import { TILE_ROWS, tileBegin, tileCount, tileF32 } from './lib/tile-f32'
import { pointer, word } from './tape'

/** Scores of columns that are not there. */
const NEVER: f32 = -3e38
/** log2(e): weights are powers of 2. */
const LOG2E: f64 = 1.4426950408889634
/** Bytes of the scores of six queries with eight keys. */
const SCORE_PANEL: usize = 192

/**
 * Record: B, H, D, longest T, offsets i32 [B + 1], q, k, v, y, whether the first query of each sequence alone is wanted.
 * The other rows of y are not written then.
 */
export function attention(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const B = word(record, 0), H = word(record, 1), D = word(record, 2), longest = word(record, 3)
  const offsets = pointer(record, 4)
  const isFirstOnly = word(record, 9) != 0
  let total: i64 = 0
  for (let b = 0; b < B; b++) {
    const T = <i64>(load<i32>(offsets + (<usize>b << 2), 4) - load<i32>(offsets + (<usize>b << 2)))
    total += T * (isFirstOnly ? 1 : T) * H
  }
  // a unit belongs to the thread in whose share of the work it begins
  const begin = (total * thread) / threads, end = (total * (thread + 1)) / threads
  let at: i64 = 0
  for (let b = 0; b < B; b++) {
    const first = load<i32>(offsets + (<usize>b << 2))
    const T = load<i32>(offsets + (<usize>b << 2), 4) - first
    for (let h = 0; h < H; h++) {
      if (at >= begin && at < end) attendUnit(record, first, T, isFirstOnly ? 1 : T, h, H, D, longest, scratch)
      at += <i64>T * (isFirstOnly ? 1 : T)
    }
  }
}

/** The first `queries` rows of one head of one sequence. */
function attendUnit(
  record: usize, first: i32, T: i32, queries: i32, h: i32, H: i32, D: i32, longest: i32, scratch: usize,
): void {
  const stride = <usize>(H * D) << 2
  const corner = <usize>first * stride + (<usize>(h * D) << 2)
  const q = pointer(record, 5) + corner, y = pointer(record, 8) + corner
  const longestPadded = <usize>((longest + 7) & ~7)
  const keyPanels = scratch
  const valuePanels = keyPanels + (longestPadded * <usize>D << 2)
  const scores = valuePanels + (<usize>((D + 7) & ~7) * <usize>longest << 2)
  const weights = scores + (longestPadded * <usize>TILE_ROWS << 2)
  const sums = weights + (longestPadded * <usize>TILE_ROWS << 2)
  packKeys(pointer(record, 6) + corner, stride, T, D, keyPanels)
  packValues(pointer(record, 7) + corner, stride, T, D, valuePanels)
  const weightStride = <usize>((T + 7) & ~7) << 2
  const scale = <f32>(LOG2E / sqrt<f64>(<f64>D))
  const tiles = tileCount(queries, TILE_ROWS)
  for (let tile = 0; tile < tiles; tile++) {
    const t = tileBegin(queries, tiles, tile)
    const rows = tileBegin(queries, tiles, tile + 1) - t
    for (let j = 0; j < T; j += 8)
      tileF32(rows, q + <usize>t * stride, stride, keyPanels + (<usize>j * <usize>D << 2), D, scores + <usize>j * 24, false)
    for (let r = 0; r < rows; r++) {
      const sum = exponentiate(scores + (<usize>r << 5), T, scale, weights + <usize>r * weightStride)
      // what its context is to be multiplied by waits behind the tile's sums
      store<f32>(sums + 192 + (<usize>r << 2), <f32>1.0 / sum)
    }
    for (let d = 0; d < D; d += 8) {
      tileF32(rows, weights, weightStride, valuePanels + (<usize>d * <usize>T << 2), T, sums, false)
      storeContext(rows, sums, y + <usize>t * stride + (<usize>d << 2), stride, min(8, D - d))
    }
  }
}

/** K [T, D] into panels [ceil(T / 8)][D][8]; tokens past T repeat the last one. */
function packKeys(k: usize, stride: usize, T: i32, D: i32, panels: usize): void {
  for (let j = 0; j < T; j += 8) {
    const panel = panels + (<usize>j * <usize>D << 2)
    for (let half = 0; half < 8; half += 4) {
      const k0 = k + <usize>min(j + half, T - 1) * stride, k1 = k + <usize>min(j + half + 1, T - 1) * stride
      const k2 = k + <usize>min(j + half + 2, T - 1) * stride, k3 = k + <usize>min(j + half + 3, T - 1) * stride
      let to = panel + (<usize>half << 2)
      let i: usize = 0
      const vectorEnd = <usize>(D & ~3) << 2, end = <usize>D << 2
      for (; i < vectorEnd; i += 16, to += 128)
        storeTransposed(v128.load(k0 + i), v128.load(k1 + i), v128.load(k2 + i), v128.load(k3 + i), to, 32)
      for (; i < end; i += 4, to += 32) {
        store<f32>(to, load<f32>(k0 + i))
        store<f32>(to, load<f32>(k1 + i), 4)
        store<f32>(to, load<f32>(k2 + i), 8)
        store<f32>(to, load<f32>(k3 + i), 12)
      }
    }
  }
}

/** V [T, D] into panels [ceil(D / 8)][T][8], columns past D zero. */
function packValues(v: usize, stride: usize, T: i32, D: i32, panels: usize): void {
  for (let d = 0; d < D; d += 8) {
    let to = panels + (<usize>d * <usize>T << 2)
    let from = v + (<usize>d << 2)
    const columns = min(8, D - d)
    for (let t = 0; t < T; t++) {
      if (columns == 8) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      } else {
        for (let c = 0; c < 8; c++)
          store<f32>(to + (<usize>c << 2), c < columns ? load<f32>(from + (<usize>c << 2)) : 0.0)
      }
      to += 32
      from += stride
    }
  }
}

/**
 * 2^(scale (s - max)) of a row of T scores, eight of them every 192 bytes, into a row of `weights`, padded to 8; returns
 * their sum.
 */
function exponentiate(scores: usize, T: i32, scale: f32, weights: usize): f32 {
  const end = scores + <usize>((T + 7) >> 3) * SCORE_PANEL
  for (let j = T; j & 7; j++) store<f32>(end - SCORE_PANEL + (<usize>(j & 7) << 2), NEVER)
  let most = v128.load(scores), most1 = v128.load(scores, 16)
  for (let at = scores + SCORE_PANEL; at < end; at += SCORE_PANEL) {
    most = f32x4.pmax(most, v128.load(at))
    most1 = f32x4.pmax(most1, v128.load(at, 16))
  }
  most = f32x4.pmax(most, most1)
  most = f32x4.pmax(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1))
  most = f32x4.pmax(most, v128.shuffle<f32>(most, most, 1, 0, 3, 2))
  const scales = f32x4.splat(scale)
  const offset = f32x4.neg(f32x4.mul(most, scales))
  let sums = f32x4.splat(0.0)
  for (let at = scores; at < end; at += SCORE_PANEL) {
    const e0 = exp2(madd(v128.load(at), scales, offset)), e1 = exp2(madd(v128.load(at, 16), scales, offset))
    v128.store(weights, e0)
    v128.store(weights, e1, 16)
    sums = f32x4.add(sums, f32x4.add(e0, e1))
    weights += 32
  }
  return sumLanes(sums)
}

/** Multiplies context rows by their inverse softmax sums (behind the tile's sums) and stores `columns` of them. */
function storeContext(rows: i32, sums: usize, y: usize, stride: usize, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const inverse = v128.load32_splat(sums + 192 + (<usize>r << 2))
    const from = sums + (<usize>r << 5)
    const v0 = f32x4.mul(v128.load(from), inverse), v1 = f32x4.mul(v128.load(from, 16), inverse)
    if (columns == 8) {
      v128.store(y, v0)
      v128.store(y, v1, 16)
    } else {
      v128.store(from, v0)
      v128.store(from, v1, 16)
      for (let c = 0; c < columns; c++) store<f32>(y + (<usize>c << 2), load<f32>(from + (<usize>c << 2)))
    }
    y += stride
  }
}
