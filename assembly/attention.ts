// attention: per sequence and head, softmax(Q K^T / sqrt(D)) V over ragged sequences; q, k, v, y f32 [M, H * D].
// Contract   kernels/attention/contract.ts      Twin  shaders/attention.*.wgsl
// Layout     scratch per thread: K panels [ceil(T / 8)][D][8], V panels [ceil(D / 8)][T][8], scores [6][T padded to 8],
//            sums [6][8]; kernels/attention/wasm.ts has the same sum of bytes
// Plan       a thread owns a range of (sequence, head) units of about equal T^2; K and V of a unit are packed once, then six
//            queries at a time: scores by the dense tile, softmax in place, context by the dense tile
// Needs      T and D as they come; padded scores are set so low that their exp vanishes
// Source     own derivation; the softmax is unnormalised until the context is there: one division per row

import { storeTransposed } from './lib/blocks'
import { exp } from './lib/math'
import { sumLanes } from './lib/simd'
import { TILE_ROWS, tileBegin, tileCount, tileF32 } from './lib/tile-f32'
import { pointer, word } from './tape'

/** Scores of columns that are not there. */
const NEVER: f32 = -3e38

/** Record: B, H, D, longest T, offsets i32 [B + 1], q, k, v, y */
export function attention(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const B = word(record, 0), H = word(record, 1), D = word(record, 2), longest = word(record, 3)
  const offsets = pointer(record, 4)
  let total: i64 = 0
  for (let b = 0; b < B; b++) {
    const T = <i64>(load<i32>(offsets + (<usize>b << 2), 4) - load<i32>(offsets + (<usize>b << 2)))
    total += T * T * H
  }
  // a unit belongs to the thread in whose share of the work it begins
  const begin = (total * thread) / threads, end = (total * (thread + 1)) / threads
  let at: i64 = 0
  for (let b = 0; b < B; b++) {
    const first = load<i32>(offsets + (<usize>b << 2))
    const T = load<i32>(offsets + (<usize>b << 2), 4) - first
    for (let h = 0; h < H; h++) {
      if (at >= begin && at < end) attendUnit(record, first, T, h, H, D, longest, scratch)
      at += <i64>T * T
    }
  }
}

/** One head of one sequence. */
function attendUnit(record: usize, first: i32, T: i32, h: i32, H: i32, D: i32, longest: i32, scratch: usize): void {
  const stride = <usize>(H * D) << 2
  const corner = <usize>first * stride + (<usize>(h * D) << 2)
  const q = pointer(record, 5) + corner, y = pointer(record, 8) + corner
  const longestPadded = <usize>((longest + 7) & ~7)
  const keyPanels = scratch
  const valuePanels = keyPanels + (longestPadded * <usize>D << 2)
  const scores = valuePanels + (<usize>((D + 7) & ~7) * <usize>longest << 2)
  const sums = scores + (longestPadded * <usize>TILE_ROWS << 2)
  packKeys(pointer(record, 6) + corner, stride, T, D, keyPanels)
  packValues(pointer(record, 7) + corner, stride, T, D, valuePanels)
  const scoreStride = <usize>((T + 7) & ~7) << 2
  const scale = f32x4.splat(<f32>(1.0 / sqrt<f64>(<f64>D)))
  const tiles = tileCount(T, TILE_ROWS)
  for (let tile = 0; tile < tiles; tile++) {
    const t = tileBegin(T, tiles, tile)
    const rows = tileBegin(T, tiles, tile + 1) - t
    for (let j = 0; j < T; j += 8) {
      tileF32(rows, q + <usize>t * stride, stride, keyPanels + (<usize>j * <usize>D << 2), D, sums, false)
      for (let r = 0; r < rows; r++) {
        const from = sums + (<usize>r << 5), to = scores + <usize>r * scoreStride + (<usize>j << 2)
        v128.store(to, f32x4.mul(v128.load(from), scale))
        v128.store(to, f32x4.mul(v128.load(from, 16), scale), 16)
      }
    }
    for (let r = 0; r < rows; r++) {
      const sum = exponentiate(scores + <usize>r * scoreStride, T)
      // what its context is to be multiplied by waits behind the tile's sums
      store<f32>(sums + 192 + (<usize>r << 2), <f32>1.0 / sum)
    }
    for (let d = 0; d < D; d += 8) {
      tileF32(rows, scores, scoreStride, valuePanels + (<usize>d * <usize>T << 2), T, sums, false)
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

/** exp(s - max) over a row of T scores, in place; returns their sum. */
function exponentiate(row: usize, T: i32): f32 {
  const padded = row + (<usize>((T + 7) & ~7) << 2)
  for (let at = row + (<usize>T << 2); at < padded; at += 4) store<f32>(at, NEVER)
  let most = v128.load(row)
  for (let at = row; at < padded; at += 16) most = f32x4.pmax(most, v128.load(at))
  most = f32x4.pmax(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1))
  most = f32x4.pmax(most, v128.shuffle<f32>(most, most, 1, 0, 3, 2))
  let sums = f32x4.splat(0.0)
  for (let at = row; at < padded; at += 16) {
    const e = exp(f32x4.sub(v128.load(at), most))
    v128.store(at, e)
    sums = f32x4.add(sums, e)
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
