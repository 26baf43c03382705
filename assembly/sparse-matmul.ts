// sparse-matmul, variants csr and int8-1x4 (32 tokens a pass), nm (6x8).
//   Y[M,N] = activation(X[M,K] . W[N,K]^T + bias[N]) + residual[M,N], W's zeros left out
// Contract   kernels/sparse-matmul/contract.ts      Twin  shaders/sparse-matmul.*.wgsl
// Layout     X in token blocks (lib/blocks.ts), f32 by `transpose`, quantized by quantize.ts; W in kernels/sparse-matmul/pack.ts
// Plan       a thread owns a range of 8-output panels; per block of tokens and group of 64 outputs, sums [64][w] are made
//            along the tokens, one K block after the other, so that the part of X that random columns touch (24 KiB)
//            stays in L1. They are finished as they stand where Y is in token blocks too, for layers that want it so;
//            else eight rows at a time are turned into [w][8] and finished like a dense tile
// Needs      scratch of (64 + 8) * 32 * 4 bytes per thread
// Source     own derivation

import { blockWidth, storeTransposed } from './lib/blocks'
import { finishBlock, finishTile, scaleTile } from './lib/epilogue'
import { RELAXED } from './lib/simd'
import {
  block_row_i16_16, block_row_i16_32, block_row_i16_4, block_row_i16_8,
  block_row_relaxed_16, block_row_relaxed_32, block_row_relaxed_4, block_row_relaxed_8,
  csr_row_16, csr_row_32, csr_row_4, csr_row_8,
} from './lib/sparse-rows'
import { tileBegin, tileCount } from './lib/tile-f32'
import { tile_nm_4x8, tile_nm_5x8, tile_nm_6x8 } from './lib/tile-nm'
import { pointer, sliceBegin, word } from './tape'

/** Outputs whose sums wait in scratch while the K blocks pass: 8 KiB at 32 tokens. */
const GROUP: i32 = 64
const GROUP_BYTES: usize = 64 * 32 * 4

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

/** [w][8] at `from` into [8][w] at `to`. */
function turnBack(from: usize, w: i32, to: usize): void {
  const stride = <usize>w << 2
  for (let t = 0; t < w; t += 4, from += 128, to += 16) {
    storeTransposed(v128.load(from), v128.load(from, 32), v128.load(from, 64), v128.load(from, 96), to, stride)
    storeTransposed(
      v128.load(from, 16), v128.load(from, 48), v128.load(from, 80), v128.load(from, 112), to + (stride << 2), stride,
    )
  }
}

/** Sums [count][w] of 4-byte lanes: zero, or each output's own start. */
function fillSums(sums: usize, count: i32, w: i32, start: usize): void {
  for (let c = 0; c < count; c++) {
    const from = start != 0 ? v128.load32_splat(start + (<usize>c << 2)) : i32x4.splat(0)
    for (let t = 0; t < w; t += 4, sums += 16) v128.store(sums, from)
  }
}

/**
 * Record: M, K, N, x, K blocks, rowOffsets u32 [K blocks][N + 1], columns u16 [Z], values f32 [Z], bias, activation,
 * residual (0 where y is in blocks), y, 1 where y is in blocks
 */
export function csrMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const x = pointer(record, 3)
  const kBlocks = word(record, 4)
  const rowOffsets = pointer(record, 5), columns = pointer(record, 6), values = pointer(record, 7)
  const bias = pointer(record, 8)
  const activation = word(record, 9)
  const residual = pointer(record, 10), y = pointer(record, 11)
  const isBlocked = word(record, 12) != 0
  const panels = (N + 7) >> 3
  const first = sliceBegin(panels, thread, threads) << 3, last = min(N, sliceBegin(panels, thread + 1, threads) << 3)
  const turned = scratch + GROUP_BYTES
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const block = x + (<usize>t0 * <usize>K << 2)
    for (let n0 = first; n0 < last; n0 += GROUP) {
      const outputs = min(GROUP, last - n0)
      fillSums(scratch, outputs, w, 0)
      for (let kBlock = 0; kBlock < kBlocks; kBlock++) {
        let row = rowOffsets + (<usize>(kBlock * (N + 1) + n0) << 2)
        let to = scratch
        for (let c = 0; c < outputs; c++, row += 4, to += <usize>w << 2) {
          const begin = <usize>load<u32>(row), end = columns + (<usize>load<u32>(row, 4) << 1)
          const column = columns + (begin << 1), value = values + (begin << 2)
          if (w == 32) csr_row_32(block, column, end, value, to)
          else if (w == 16) csr_row_16(block, column, end, value, to)
          else if (w == 8) csr_row_8(block, column, end, value, to)
          else csr_row_4(block, column, end, value, to)
        }
      }
      if (isBlocked) {
        const at = y + ((<usize>t0 * <usize>N + <usize>(n0 * w)) << 2)
        finishBlock(outputs, w, scratch, 0, 0, bias != 0 ? bias + (<usize>n0 << 2) : 0, activation, at)
        continue
      }
      for (let c = 0; c < outputs; c += 8) {
        const n = <usize>(n0 + c) << 2
        turn(scratch + (<usize>(c * w) << 2), w, turned)
        const at = <usize>t0 * (<usize>N << 2) + n
        finishTile(
          min(w, M - t0), turned, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + at : 0, y + at, <usize>N << 2, min(8, outputs - c),
        )
      }
    }
    t0 += w
  }
}

/**
 * Record: M, K, N, x (scales, then token blocks), K blocks, rowOffsets u32 [K blocks][N + 1] in blocks, columns u16 [Zb],
 * values s8 or i16 [Zb][4], start i32 [N padded to 8], wScale, bias, activation, residual
 * (0 where y is in blocks), y, 1 where y is in blocks, path
 */
export function int8BlockMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const aScale = pointer(record, 3)
  const kBlocks = word(record, 4)
  const rowOffsets = pointer(record, 5), columns = pointer(record, 6), values = pointer(record, 7)
  const start = pointer(record, 8), wScale = pointer(record, 9), bias = pointer(record, 10)
  const activation = word(record, 11)
  const residual = pointer(record, 12), y = pointer(record, 13)
  const isBlocked = word(record, 14) != 0
  const isRelaxed = RELAXED && word(record, 15) != 0
  const x = aScale + (<usize>((M + 8 + 15) & ~15) << 2)
  const panels = (N + 7) >> 3
  const first = sliceBegin(panels, thread, threads) << 3, last = min(N, sliceBegin(panels, thread + 1, threads) << 3)
  const turned = scratch + GROUP_BYTES
  const valueShift: usize = isRelaxed ? 2 : 3
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const block = x + (<usize>t0 * <usize>K << (isRelaxed ? 0 : 1))
    for (let n0 = first; n0 < last; n0 += GROUP) {
      const outputs = min(GROUP, last - n0)
      fillSums(scratch, outputs, w, start + (<usize>n0 << 2))
      for (let kBlock = 0; kBlock < kBlocks; kBlock++) {
        let row = rowOffsets + (<usize>(kBlock * (N + 1) + n0) << 2)
        let to = scratch
        for (let c = 0; c < outputs; c++, row += 4, to += <usize>w << 2) {
          const begin = <usize>load<u32>(row), end = columns + (<usize>load<u32>(row, 4) << 1)
          const column = columns + (begin << 1), value = values + (begin << valueShift)
          if (isRelaxed) {
            if (w == 32) block_row_relaxed_32(block, column, end, value, to)
            else if (w == 16) block_row_relaxed_16(block, column, end, value, to)
            else if (w == 8) block_row_relaxed_8(block, column, end, value, to)
            else block_row_relaxed_4(block, column, end, value, to)
          } else {
            if (w == 32) block_row_i16_32(block, column, end, value, to)
            else if (w == 16) block_row_i16_16(block, column, end, value, to)
            else if (w == 8) block_row_i16_8(block, column, end, value, to)
            else block_row_i16_4(block, column, end, value, to)
          }
        }
      }
      if (isBlocked) {
        const n = <usize>n0 << 2
        const at = y + ((<usize>t0 * <usize>N + <usize>(n0 * w)) << 2)
        finishBlock(
          outputs, w, scratch, aScale + (<usize>t0 << 2), wScale + n, bias != 0 ? bias + n : 0, activation, at,
        )
        continue
      }
      for (let c = 0; c < outputs; c += 8) {
        const n = <usize>(n0 + c) << 2
        turn(scratch + (<usize>(c * w) << 2), w, turned)
        const rows = min(w, M - t0)
        scaleTile(rows, turned, aScale + (<usize>t0 << 2), wScale + n)
        const at = <usize>t0 * (<usize>N << 2) + n
        finishTile(
          rows, turned, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + at : 0, y + at, <usize>N << 2, min(8, outputs - c),
        )
      }
    }
    t0 += w
  }
}

/**
 * Record: M, K, N, x, P, panels per index list, indices u16 [lists][P], values f32 [ceil(N / 8)][P][8], bias, activation,
 * residual (0 where y is in blocks), y, 1 where y is in blocks
 */
export function nmMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const x = pointer(record, 3)
  const P = <usize>word(record, 4)
  const panelsPerList = word(record, 5)
  const indices = pointer(record, 6), values = pointer(record, 7), bias = pointer(record, 8)
  const activation = word(record, 9)
  const residual = pointer(record, 10), y = pointer(record, 11)
  const isBlocked = word(record, 12) != 0
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
        // tiles of a block stand one after the other: [w][8]
        const sums = scratch + (<usize>t << 5)
        if (count == 6) tile_nm_6x8(at, shift, index, index + (P << 1), b, sums)
        else if (count == 5) tile_nm_5x8(at, shift, index, index + (P << 1), b, sums)
        else tile_nm_4x8(at, shift, index, index + (P << 1), b, sums)
        if (isBlocked) continue
        const to = <usize>(t0 + t) * yStride + n
        finishTile(
          min(count, M - t0 - t), sums, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + to : 0, y + to, yStride, min(8, N - (panel << 3)),
        )
      }
      if (isBlocked) {
        turnBack(scratch, w, scratch + GROUP_BYTES)
        const to = y + ((<usize>t0 * <usize>N + <usize>((panel << 3) * w)) << 2)
        finishBlock(min(8, N - (panel << 3)), w, scratch + GROUP_BYTES, 0, 0, bias != 0 ? bias + n : 0, activation, to)
      }
    }
    t0 += w
  }
}
