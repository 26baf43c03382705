// sparse-matmul, variants csr and int8-1x4 (32 tokens a pass), nm (6x8).
//   Y[M,N] = activation(X[M,K] . W[N,K]^T + bias[N]) + residual[M,N], W's zeros left out
// Contract   kernels/sparse-matmul/contract.ts      GPU  shaders/sparse-matmul.*.wgsl
// Layout     X in token blocks (lib/blocks.ts), f32 by `transpose`, quantized by quantize.ts; W in kernels/sparse-matmul/pack.ts
// Plan       a thread owns a range of 8-output panels; per block of tokens and group of 64 outputs, sums [64][w] are made
//            along the tokens, one K block after the other, so that the part of X that random columns touch (24 KiB)
//            stays in L1. csr finishes them in this layout where Y is in token blocks too; else
//            eight rows at a time are turned into [w][8] and finished like a dense tile
//            A single row (M = 1) stays as it is, f32 or quantized by quantizeRows; where four tokens have their sums it
//            has four parts of one (csr and int8-1x4; nm takes a block of 4)
// Needs      scratch: the sums of a group and of one panel more (kernels/sparse-matmul/wasm.ts)
// Source     own derivation

import {
  BLOCK_PADDING, BLOCK_TOKENS, CsrMatmulRecord, Int8BlockMatmulRecord, NmMatmulRecord, PANEL, PANEL_BYTES, SPARSE_GROUP,
  TILE_ROWS, TransposeRecord,
} from './abi'
import { blockWidth, storeTransposed } from './lib/blocks'
import { finishBlock, finishTile, scaleTile } from './lib/epilogue'
import { finishWide } from './lib/epilogue-wide'
import { panelCount } from './lib/panels'
import { RELAXED, WIDE } from './lib/simd'
import {
  block_row_i16_1, block_row_i16_16, block_row_i16_32, block_row_i16_4, block_row_i16_8,
  block_row_relaxed_1, block_row_relaxed_16, block_row_relaxed_32, block_row_relaxed_4, block_row_relaxed_8,
  csr_row_1, csr_row_16, csr_row_32, csr_row_4, csr_row_8,
} from './lib/sparse-rows'
import { block_row_relaxed_wide_32, csr_row_wide_32 } from './lib/sparse-rows-wide'
import { tileBegin, tileCount } from './lib/tile-f32'
import { tile_nm_4x16, tile_nm_4x8, tile_nm_5x16, tile_nm_5x8, tile_nm_6x16, tile_nm_6x8 } from './lib/tile-nm'
import { scalesBytes } from './quantize'
import { sliceBegin } from './tape'

/** The sums of a group of outputs along the widest token block: 8 KiB. */
const GROUP_BYTES: usize = <usize>(SPARSE_GROUP * BLOCK_TOKENS) << 2

/** x f32 [M, K] into token blocks. A thread writes a range of K of every block; tokens past M repeat the last one. */
export function transpose(record: usize, thread: i32, threads: i32): void {
  const args = changetype<TransposeRecord>(record)
  const M = args.M, K = args.K
  const x = args.x, target = args.target
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
    storeTransposed(v128.load(from), v128.load(from + stride), v128.load(from + 2 * stride), v128.load(from + 3 * stride), to, PANEL_BYTES)
    const lower = from + 4 * stride
    storeTransposed(
      v128.load(lower), v128.load(lower + stride), v128.load(lower + 2 * stride), v128.load(lower + 3 * stride), to + 16, PANEL_BYTES,
    )
    from += 16
    to += 4 * PANEL_BYTES
  }
}

/** Adds the four parts of 8 sums of a single row: i32 [4][8] or f32 [4][8], into the first. */
// @ts-ignore: decorator
@inline
function addParts<T>(parts: usize): void {
  for (const end = parts + PANEL_BYTES; parts != end; parts += 16) {
    const low = v128.add<T>(v128.load(parts), v128.load(parts, 32))
    v128.store(parts, v128.add<T>(low, v128.add<T>(v128.load(parts, 64), v128.load(parts, 96))))
  }
}

/** [w][8] at `from` into [8][w] at `to`. */
function turnBack(from: usize, w: i32, to: usize): void {
  const stride = <usize>w << 2
  for (let t = 0; t < w; t += 4, from += 4 * PANEL_BYTES, to += 16) {
    storeTransposed(v128.load(from), v128.load(from, 32), v128.load(from, 64), v128.load(from, 96), to, stride)
    storeTransposed(
      v128.load(from, 16), v128.load(from, 48), v128.load(from, 80), v128.load(from, 112), to + (stride << 2), stride,
    )
  }
}

/** Sums [count][w] of 4-byte lanes: zero, or each output's own start; of a single row that is in the first part alone. */
function fillSums(sums: usize, count: i32, w: i32, start: usize, isRow: bool): void {
  for (let c = 0; c < count; c++) {
    let from = i32x4.splat(0)
    if (start != 0) from = isRow ? v128.load32_zero(start + (<usize>c << 2)) : v128.load32_splat(start + (<usize>c << 2))
    for (let t = 0; t < w; t += 4, sums += 16) v128.store(sums, from)
  }
}

export function csrMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<CsrMatmulRecord>(record)
  const M = args.M, K = args.K, N = args.N
  const x = args.x
  const kBlocks = args.kBlocks
  const rowOffsets = args.rowOffsets, columns = args.columns, values = args.values
  const bias = args.bias
  const activation = args.activation
  const residual = args.residual, y = args.y
  const isBlocked = args.isBlocked != 0, isRow = M == 1
  const panels = panelCount(N)
  const first = sliceBegin(panels, thread, threads) * PANEL, last = min(N, sliceBegin(panels, thread + 1, threads) * PANEL)
  const turned = scratch + GROUP_BYTES
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const block = x + (<usize>t0 * <usize>K << 2)
    for (let n0 = first; n0 < last; n0 += SPARSE_GROUP) {
      const outputs = min(SPARSE_GROUP, last - n0)
      fillSums(scratch, outputs, w, 0, isRow)
      for (let kBlock = 0; kBlock < kBlocks; kBlock++) {
        let row = rowOffsets + (<usize>(kBlock * (N + 1) + n0) << 2)
        let to = scratch
        for (let c = 0; c < outputs; c++, row += 4, to += <usize>w << 2) {
          const begin = <usize>load<u32>(row), end = columns + (<usize>load<u32>(row, 4) << 1)
          const column = columns + (begin << 1), value = values + (begin << 2)
          if (isRow) csr_row_1(block, column, end, value, to)
          else if (WIDE && w == 32) csr_row_wide_32(block, column, end, value, to)
          else if (w == 32) csr_row_32(block, column, end, value, to)
          else if (w == 16) csr_row_16(block, column, end, value, to)
          else if (w == 8) csr_row_8(block, column, end, value, to)
          else csr_row_4(block, column, end, value, to)
        }
      }
      if (isBlocked) {
        const at = y + ((<usize>t0 * <usize>N + <usize>(n0 * w)) << 2)
        finishBlock(outputs, w, scratch, bias != 0 ? bias + (<usize>n0 << 2) : 0, activation, at)
        continue
      }
      for (let c = 0; c < outputs; c += PANEL) {
        const n = <usize>(n0 + c) << 2
        turn(scratch + (<usize>(c * w) << 2), w, turned)
        if (isRow) addParts<f32>(turned)
        const at = <usize>t0 * (<usize>N << 2) + n
        finishTile(
          min(w, M - t0), turned, PANEL_BYTES, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + at : 0, y + at, <usize>N << 2, min(PANEL, outputs - c),
        )
      }
    }
    t0 += w
  }
}

export function int8BlockMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<Int8BlockMatmulRecord>(record)
  const M = args.M, K = args.K, N = args.N
  const aScale = args.a
  const kBlocks = args.kBlocks
  const rowOffsets = args.rowOffsets, columns = args.columns, values = args.values
  const start = args.start, wScale = args.wScale, bias = args.bias
  const activation = args.activation
  const residual = args.residual, y = args.y
  const isRow = M == 1
  const isRelaxed = RELAXED && args.strategy != 0
  // where M = 1 this is the same number of scales as quantizeRows writes: one cache line
  const x = aScale + scalesBytes(M + BLOCK_PADDING)
  const panels = panelCount(N)
  const first = sliceBegin(panels, thread, threads) * PANEL, last = min(N, sliceBegin(panels, thread + 1, threads) * PANEL)
  const turned = scratch + GROUP_BYTES
  const valueShift: usize = isRelaxed ? 2 : 3
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const block = x + (<usize>t0 * <usize>K << (isRelaxed ? 0 : 1))
    for (let n0 = first; n0 < last; n0 += SPARSE_GROUP) {
      const outputs = min(SPARSE_GROUP, last - n0)
      fillSums(scratch, outputs, w, start + (<usize>n0 << 2), isRow)
      for (let kBlock = 0; kBlock < kBlocks; kBlock++) {
        let row = rowOffsets + (<usize>(kBlock * (N + 1) + n0) << 2)
        let to = scratch
        for (let c = 0; c < outputs; c++, row += 4, to += <usize>w << 2) {
          const begin = <usize>load<u32>(row), end = columns + (<usize>load<u32>(row, 4) << 1)
          const column = columns + (begin << 1), value = values + (begin << valueShift)
          if (isRelaxed) {
            if (isRow) block_row_relaxed_1(block, column, end, value, to)
            else if (WIDE && w == 32) block_row_relaxed_wide_32(block, column, end, value, to)
            else if (w == 32) block_row_relaxed_32(block, column, end, value, to)
            else if (w == 16) block_row_relaxed_16(block, column, end, value, to)
            else if (w == 8) block_row_relaxed_8(block, column, end, value, to)
            else block_row_relaxed_4(block, column, end, value, to)
          } else {
            if (isRow) block_row_i16_1(block, column, end, value, to)
            else if (w == 32) block_row_i16_32(block, column, end, value, to)
            else if (w == 16) block_row_i16_16(block, column, end, value, to)
            else if (w == 8) block_row_i16_8(block, column, end, value, to)
            else block_row_i16_4(block, column, end, value, to)
          }
        }
      }
      for (let c = 0; c < outputs; c += PANEL) {
        const n = <usize>(n0 + c) << 2
        turn(scratch + (<usize>(c * w) << 2), w, turned)
        if (isRow) addParts<i32>(turned)
        const rows = min(w, M - t0)
        if (WIDE && outputs - c >= PANEL) {
          const to = <usize>t0 * (<usize>N << 2) + n
          finishWide(
            false, rows, turned, aScale + (<usize>t0 << 2), wScale + n, bias != 0 ? bias + n : 0, activation,
            residual != 0 ? residual + to : 0, y + to, <usize>N << 2,
          )
          continue
        }
        scaleTile(rows, turned, PANEL_BYTES, aScale + (<usize>t0 << 2), wScale + n)
        const at = <usize>t0 * (<usize>N << 2) + n
        finishTile(
          rows, turned, PANEL_BYTES, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + at : 0, y + at, <usize>N << 2, min(PANEL, outputs - c),
        )
      }
    }
    t0 += w
  }
}

export function nmMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<NmMatmulRecord>(record)
  const M = args.M, K = args.K, N = args.N
  const x = args.x
  const P = <usize>args.P
  const panelsPerList = args.panelsPerList
  const indices = args.indices, values = args.values, bias = args.bias
  const activation = args.activation
  const residual = args.residual, y = args.y
  const isBlocked = args.isBlocked != 0
  const panels = panelCount(N)
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const yStride = <usize>N << 2
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const shift: usize = <usize>(31 - clz<i32>(w)) + 2
    const block = x + (<usize>t0 * <usize>K << 2)
    const tiles = tileCount(w, TILE_ROWS)
    for (let panel = first; panel < last; panel++) {
      const b = values + <usize>panel * (P * PANEL_BYTES)
      const index = indices + <usize>(panel / panelsPerList) * (P << 1)
      const n = <usize>panel * PANEL_BYTES
      // two panels of one list at a time where a tile takes two
      const isPair = WIDE && panel + 1 < last && (panel + 1) % panelsPerList != 0
      for (let i = 0; i < tiles; i++) {
        const t = tileBegin(w, tiles, i)
        if (t0 + t >= M) break
        const count = tileBegin(w, tiles, i + 1) - t
        const at = block + (<usize>t << 2)
        // tiles of a block follow one another: [w][8], and of a pair's second panel behind them
        const sums = scratch + <usize>t * PANEL_BYTES
        if (isPair) {
          const other = b + P * PANEL_BYTES, otherSums = sums + <usize>w * PANEL_BYTES
          if (count == 6) tile_nm_6x16(at, shift, index, index + (P << 1), b, other, sums, otherSums)
          else if (count == 5) tile_nm_5x16(at, shift, index, index + (P << 1), b, other, sums, otherSums)
          else tile_nm_4x16(at, shift, index, index + (P << 1), b, other, sums, otherSums)
        }
        else if (count == 6) tile_nm_6x8(at, shift, index, index + (P << 1), b, sums)
        else if (count == 5) tile_nm_5x8(at, shift, index, index + (P << 1), b, sums)
        else tile_nm_4x8(at, shift, index, index + (P << 1), b, sums)
        if (isBlocked) continue
        const to = <usize>(t0 + t) * yStride + n
        finishTile(
          min(count, M - t0 - t), sums, PANEL_BYTES, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + to : 0, y + to, yStride, min(PANEL, N - panel * PANEL),
        )
        if (isPair) finishTile(
          min(count, M - t0 - t), sums + <usize>w * PANEL_BYTES, PANEL_BYTES, bias != 0 ? bias + n + PANEL_BYTES : 0, activation,
          residual != 0 ? residual + to + PANEL_BYTES : 0, y + to + PANEL_BYTES, yStride, min(PANEL, N - panel * PANEL - PANEL),
        )
      }
      if (isBlocked) {
        turnBack(scratch, w, scratch + GROUP_BYTES)
        const to = y + ((<usize>t0 * <usize>N + <usize>(panel * PANEL * w)) << 2)
        finishBlock(min(PANEL, N - panel * PANEL), w, scratch + GROUP_BYTES, bias != 0 ? bias + n : 0, activation, to)
        if (isPair) {
          const left = N - panel * PANEL - PANEL
          turnBack(scratch + <usize>w * PANEL_BYTES, w, scratch + GROUP_BYTES)
          finishBlock(
            min(PANEL, left), w, scratch + GROUP_BYTES, bias != 0 ? bias + n + PANEL_BYTES : 0, activation,
            to + <usize>w * PANEL_BYTES,
          )
        }
      }
      if (isPair) panel++
    }
    t0 += w
  }
}
