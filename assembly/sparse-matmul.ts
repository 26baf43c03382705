// sparse-matmul, variants csr and int8-1x4 (32 tokens a pass), nm (6x8).
//   Y[M,N] = activation(X[M,K] . W[N,K]^T + bias[N]) + residual[M,N], W's zeros left out
// Contract   kernels/sparse-matmul/contract.ts      Twin  shaders/sparse-matmul.*.wgsl
// Layout     X in token blocks (lib/blocks.ts), f32 by `transpose`, quantized by quantize.ts; W in kernels/sparse-matmul/pack.ts
// Plan       a thread owns a range of 8-output panels; per block of tokens, 8 rows of sums [8][w] are made along the
//            tokens, turned into [w][8], and finished like a dense tile
// Needs      scratch of 2 * 8 * 32 * 4 bytes per thread
// Source     own derivation

import { blockWidth, storeTransposed } from './lib/blocks'
import { finishTile, scaleTile } from './lib/epilogue'
import { RELAXED } from './lib/simd'
import {
  block_row_i16_16, block_row_i16_32, block_row_i16_4, block_row_i16_8,
  block_row_relaxed_16, block_row_relaxed_32, block_row_relaxed_4, block_row_relaxed_8,
  csr_row_16, csr_row_32, csr_row_4, csr_row_8,
} from './lib/sparse-rows'
import { tileBegin, tileCount } from './lib/tile-f32'
import { tile_nm_4x8, tile_nm_5x8, tile_nm_6x8 } from './lib/tile-nm'
import { pointer, sliceBegin, word } from './tape'

const SUMS_BYTES: usize = 8 * 32 * 4

/** Record: M, K, x f32 [M, K], target. A thread writes a range of K of every block; tokens past M repeat the last one. */
export function transpose(record: usize, thread: i32, threads: i32): void {
  const M = word(record, 0), K = word(record, 1)
  const x = pointer(record, 2), target = pointer(record, 3)
  const fours = (K + 3) >> 2
  const first = sliceBegin(fours, thread, threads) << 2, last = min(K, sliceBegin(fours, thread + 1, threads) << 2)
  const rowBytes = <usize>K << 2
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const stride = <usize>w << 2
    for (let t = t0; t < t0 + w; t += 4) {
      const x0 = x + <usize>min(t, M - 1) * rowBytes, x1 = x + <usize>min(t + 1, M - 1) * rowBytes
      const x2 = x + <usize>min(t + 2, M - 1) * rowBytes, x3 = x + <usize>min(t + 3, M - 1) * rowBytes
      let to = target + (<usize>t0 * <usize>K << 2) + (<usize>(t - t0) << 2) + <usize>first * stride
      let k = <usize>first << 2
      const vectorEnd = <usize>(last & ~3) << 2, end = <usize>last << 2
      for (; k < vectorEnd; k += 16, to += stride << 2)
        storeTransposed(v128.load(x0 + k), v128.load(x1 + k), v128.load(x2 + k), v128.load(x3 + k), to, stride)
      for (; k < end; k += 4, to += stride) {
        store<f32>(to, load<f32>(x0 + k))
        store<f32>(to, load<f32>(x1 + k), 4)
        store<f32>(to, load<f32>(x2 + k), 8)
        store<f32>(to, load<f32>(x3 + k), 12)
      }
    }
    t0 += w
  }
}

/** [8][w] at `from` into [w][8] at `to`, 4-byte elements. */
function turn(from: usize, w: i32, to: usize): void {
  const stride = <usize>w << 2
  for (let t = 0; t < w; t += 4) {
    storeTransposed(v128.load(from), v128.load(from + stride), v128.load(from + 2 * stride), v128.load(from + 3 * stride), to, 32)
    const lower = from + 4 * stride
    storeTransposed(
      v128.load(lower), v128.load(lower + stride), v128.load(lower + 2 * stride), v128.load(lower + 3 * stride), to + 16, 32,
    )
    from += 16
    to += 128
  }
}

/** Record: M, K, N, x, rowOffsets u32 [N + 1], columns u16 [Z], values f32 [Z], bias, activation, residual, y */
export function csrMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const x = pointer(record, 3)
  const rowOffsets = pointer(record, 4), columns = pointer(record, 5), values = pointer(record, 6)
  const bias = pointer(record, 7)
  const activation = word(record, 8)
  const residual = pointer(record, 9), y = pointer(record, 10)
  const panels = (N + 7) >> 3
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const yStride = <usize>N << 2
  const sums = scratch + SUMS_BYTES
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const block = x + (<usize>t0 * <usize>K << 2)
    for (let panel = first; panel < last; panel++) {
      const outputs = min(8, N - (panel << 3))
      for (let c = 0; c < outputs; c++) {
        const row = rowOffsets + (<usize>((panel << 3) + c) << 2)
        const begin = <usize>load<u32>(row), end = columns + (<usize>load<u32>(row, 4) << 1)
        const column = columns + (begin << 1), value = values + (begin << 2)
        const to = scratch + <usize>c * (<usize>w << 2)
        if (w == 32) csr_row_32(block, column, end, value, to)
        else if (w == 16) csr_row_16(block, column, end, value, to)
        else if (w == 8) csr_row_8(block, column, end, value, to)
        else csr_row_4(block, column, end, value, to)
      }
      turn(scratch, w, sums)
      const n = <usize>panel << 5
      const at = <usize>t0 * yStride + n
      finishTile(
        min(w, M - t0), sums, bias != 0 ? bias + n : 0, activation,
        residual != 0 ? residual + at : 0, y + at, yStride, outputs,
      )
    }
    t0 += w
  }
}

/**
 * Record: M, K, N, x (scales, then token blocks), rowOffsets u32 [N + 1] in blocks, columns u16 [Zb], values s8 or i16
 * [Zb][4], start i32 [N padded to 8], wScale, bias, activation, residual, y, path
 */
export function int8BlockMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const aScale = pointer(record, 3)
  const rowOffsets = pointer(record, 4), columns = pointer(record, 5), values = pointer(record, 6)
  const start = pointer(record, 7), wScale = pointer(record, 8), bias = pointer(record, 9)
  const activation = word(record, 10)
  const residual = pointer(record, 11), y = pointer(record, 12)
  const isRelaxed = RELAXED && word(record, 13) != 0
  const x = aScale + (<usize>((M + 8 + 15) & ~15) << 2)
  const panels = (N + 7) >> 3
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const yStride = <usize>N << 2
  const sums = scratch + SUMS_BYTES
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const block = x + (<usize>t0 * <usize>K << (isRelaxed ? 0 : 1))
    for (let panel = first; panel < last; panel++) {
      const outputs = min(8, N - (panel << 3))
      const n = <usize>panel << 5
      for (let c = 0; c < outputs; c++) {
        const row = rowOffsets + n + (<usize>c << 2)
        const begin = <usize>load<u32>(row), end = columns + (<usize>load<u32>(row, 4) << 1)
        const column = columns + (begin << 1)
        const to = scratch + <usize>c * (<usize>w << 2)
        const from = start + n + (<usize>c << 2)
        if (isRelaxed) {
          const value = values + (begin << 2)
          if (w == 32) block_row_relaxed_32(block, column, end, value, from, to)
          else if (w == 16) block_row_relaxed_16(block, column, end, value, from, to)
          else if (w == 8) block_row_relaxed_8(block, column, end, value, from, to)
          else block_row_relaxed_4(block, column, end, value, from, to)
        } else {
          const value = values + (begin << 3)
          if (w == 32) block_row_i16_32(block, column, end, value, from, to)
          else if (w == 16) block_row_i16_16(block, column, end, value, from, to)
          else if (w == 8) block_row_i16_8(block, column, end, value, from, to)
          else block_row_i16_4(block, column, end, value, from, to)
        }
      }
      turn(scratch, w, sums)
      const rows = min(w, M - t0)
      scaleTile(rows, sums, aScale + (<usize>t0 << 2), wScale + n)
      const at = <usize>t0 * yStride + n
      finishTile(
        rows, sums, bias != 0 ? bias + n : 0, activation,
        residual != 0 ? residual + at : 0, y + at, yStride, outputs,
      )
    }
    t0 += w
  }
}

/** Record: M, K, N, x, P, panels per index list, indices u16 [lists][P], values f32 [ceil(N / 8)][P][8], bias, activation, residual, y */
export function nmMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const x = pointer(record, 3)
  const P = <usize>word(record, 4)
  const panelsPerList = word(record, 5)
  const indices = pointer(record, 6), values = pointer(record, 7), bias = pointer(record, 8)
  const activation = word(record, 9)
  const residual = pointer(record, 10), y = pointer(record, 11)
  const panels = (N + 7) >> 3
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const yStride = <usize>N << 2
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const shift: usize = <usize>(31 - clz<i32>(w)) + 2
    const block = x + (<usize>t0 * <usize>K << 2)
    const tiles = tileCount(w, 6)
    for (let panel = first; panel < last; panel++) {
      const b = values + <usize>panel * (P << 5)
      const index = indices + <usize>(panel / panelsPerList) * (P << 1)
      const n = <usize>panel << 5
      for (let i = 0; i < tiles; i++) {
        const t = tileBegin(w, tiles, i)
        if (t0 + t >= M) break
        const count = tileBegin(w, tiles, i + 1) - t
        const at = block + (<usize>t << 2)
        if (count == 6) tile_nm_6x8(at, shift, index, index + (P << 1), b, scratch)
        else if (count == 5) tile_nm_5x8(at, shift, index, index + (P << 1), b, scratch)
        else tile_nm_4x8(at, shift, index, index + (P << 1), b, scratch)
        const to = <usize>(t0 + t) * yStride + n
        finishTile(
          min(count, M - t0 - t), scratch, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + to : 0, y + to, yStride, min(8, N - (panel << 3)),
        )
      }
    }
    t0 += w
  }
}
