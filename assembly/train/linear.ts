// Linear layers in training: products with weights (forward, and gradients of inputs), and gradients of weights.
// Layout     activations and weights row-major; rows of activations may lie further apart than they are long, so that
//            query, key and value fill their thirds of one buffer; panels are packed on the way, into scratch
// Plan       products with weights: a thread owns a range of panels of eight outputs; a group of panels (256 KiB) is packed,
//            then rows pass in blocks of 96. Gradients of weights: a thread owns a range of groups of six outputs; tokens
//            pass in blocks of 512
// Needs      scratch: kernels/train/scratch.ts. Loads may run up to 32 bytes past a row: regions are padded
// Source     own derivation

import { gelu, tanh } from '../lib/math'
import { TILE_ROWS, tileBegin, tileCount, tileF32 } from '../lib/tile-f32'
import { pointer, sliceBegin, word } from '../tape'
import { geluDerivative } from './math'
import { packSixes, packStraight, packTransposed } from './pack'
import { SIX, tile_f32_transposed_6x8 } from './tile-transposed'

const ROW_BLOCK: i32 = 96
const K_BLOCK: i32 = 512
/** Bytes of panels packed at a time: half of a small L2. */
const GROUP_BYTES: i32 = 262144
/** Tokens of a block, and groups of six outputs of a block, of gradients of weights. */
const TOKEN_BLOCK: i32 = 512
const GROUP_BLOCK: i32 = 16

/** Y as it is; gelu(Y), Y itself to `other`; tanh(Y); Y * gelu'(other); Y + other; Y * (1 - other^2). */
const GELU: i32 = 1
const TANH: i32 = 2
const GELU_BACKWARD: i32 = 3
const ADD: i32 = 4
const TANH_BACKWARD: i32 = 5

/**
 * Y[M,N] = epilogue(A[M,K] . B[K,N] + bias[N]).
 * Record: M, K, N, a, aStride, weights, isByRows (0: B = weights[N,K]^T, 1: B = weights[K,N]), bias (0: none), epilogue,
 * other [M,N], y, yStride (of other too); strides in elements
 */
export function multiply(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const a = pointer(record, 3), weights = pointer(record, 5)
  const isByRows = word(record, 6) != 0
  const bias = pointer(record, 7)
  const epilogue = word(record, 8)
  const other = pointer(record, 9), y = pointer(record, 10)
  const count = (N + 7) >> 3
  const first = sliceBegin(count, thread, threads), last = sliceBegin(count, thread + 1, threads)
  const panelBytes = <usize>K << 5, aStride = <usize>word(record, 4) << 2, yStride = <usize>word(record, 11) << 2
  const groupSize = max(1, GROUP_BYTES / (K << 5))
  const sums = scratch
  const panels = scratch + (<usize>ROW_BLOCK << 5)
  for (let group = first; group < last; group += groupSize) {
    const groupEnd = min(last, group + groupSize)
    for (let panel = group; panel < groupEnd; panel++) {
      const n = panel << 3
      const to = panels + <usize>(panel - group) * panelBytes
      if (isByRows) packStraight(weights + (<usize>n << 2), <usize>N << 2, min(8, N - n), K, to)
      else packTransposed(weights + (<usize>(n * K) << 2), <usize>K << 2, min(8, N - n), K, to)
    }
    for (let m0 = 0; m0 < M; m0 += ROW_BLOCK) {
      const rows = min(ROW_BLOCK, M - m0)
      const tiles = tileCount(rows, TILE_ROWS)
      for (let panel = group; panel < groupEnd; panel++) {
        const b = panels + <usize>(panel - group) * panelBytes
        const n = panel << 3
        for (let k = 0; k < K; k += K_BLOCK) {
          const depth = min(K_BLOCK, K - k)
          for (let t = 0; t < tiles; t++) {
            const m = tileBegin(rows, tiles, t)
            const tileRows = tileBegin(rows, tiles, t + 1) - m
            const from = a + <usize>(m0 + m) * aStride + (<usize>k << 2)
            const tileSums = sums + (<usize>m << 5)
            tileF32(tileRows, from, aStride, b + (<usize>k << 5), depth, tileSums, k > 0)
            if (k + depth == K) {
              const at = <usize>(m0 + m) * yStride + (<usize>n << 2)
              const tileBias = bias != 0 ? bias + (<usize>n << 2) : 0
              finish(tileRows, tileSums, tileBias, epilogue, other + at, y + at, yStride, min(8, N - n))
            }
          }
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function transform(v: v128, epilogue: i32, other: usize): v128 {
  switch (epilogue) {
    case GELU: return gelu(v)
    case TANH: return tanh(v)
    case GELU_BACKWARD: return f32x4.mul(v, geluDerivative(v128.load(other)))
    case ADD: return f32x4.add(v, v128.load(other))
    case TANH_BACKWARD: {
      const t = v128.load(other)
      return f32x4.mul(v, f32x4.sub(f32x4.splat(1.0), f32x4.mul(t, t)))
    }
    default: return v
  }
}

/** Bias, epilogue and store of `rows` x 8 sums, `columns` of which are there. */
function finish(
  rows: i32, sums: usize, bias: usize, epilogue: i32, other: usize, y: usize, stride: usize, columns: i32,
): void {
  let bias0 = f32x4.splat(0.0)
  let bias1 = f32x4.splat(0.0)
  if (bias != 0) {
    bias0 = v128.load(bias)
    bias1 = v128.load(bias, 16)
  }
  for (let r = 0; r < rows; r++) {
    const v0 = f32x4.add(v128.load(sums), bias0), v1 = f32x4.add(v128.load(sums, 16), bias1)
    const y0 = transform(v0, epilogue, other), y1 = transform(v1, epilogue, other + 16)
    if (columns == 8) {
      if (epilogue == GELU) {
        v128.store(other, v0)
        v128.store(other, v1, 16)
      }
      v128.store(y, y0)
      v128.store(y, y1, 16)
    } else {
      v128.store(sums, v0)
      v128.store(sums, v1, 16)
      if (epilogue == GELU) memory.copy(other, sums, <usize>columns << 2)
      v128.store(sums, y0)
      v128.store(sums, y1, 16)
      memory.copy(y, sums, <usize>columns << 2)
    }
    sums += 32
    other += stride
    y += stride
  }
}

/**
 * dW[N,K] = dY[M,N]^T . X[M,K], db[N] = column sums of dY. Where `continues`, dW is added to what stands there: the uses
 * of a shared factor, in the order of their records.
 * Record: M, N, K, dy, dyStride (elements), x, dw, db (0: not wanted), continues
 */
export function weightGradient(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), N = word(record, 1), K = word(record, 2)
  const dy = pointer(record, 3), x = pointer(record, 5), dw = pointer(record, 6), db = pointer(record, 7)
  const continues = word(record, 8) != 0
  const groups = (N + SIX - 1) / SIX
  const last = sliceBegin(groups, thread + 1, threads)
  const dyStride = <usize>word(record, 4) << 2, xStride = <usize>K << 2
  const tileSums = scratch
  const columnSums = tileSums + 192
  const panel = columnSums + (<usize>GROUP_BLOCK << 5)
  const packed = panel + (<usize>TOKEN_BLOCK << 5)
  for (let group = sliceBegin(groups, thread, threads); group < last; group += GROUP_BLOCK) {
    const groupEnd = min(last, group + GROUP_BLOCK)
    memory.fill(columnSums, 0, <usize>GROUP_BLOCK << 5)
    for (let m = 0; m < M; m += TOKEN_BLOCK) {
      const depth = min(TOKEN_BLOCK, M - m)
      const groupBytes = <usize>depth * 24
      for (let g = group; g < groupEnd; g++) {
        const n = g * SIX
        packSixes(
          dy + <usize>m * dyStride + (<usize>n << 2), dyStride, min(SIX, N - n), depth,
          packed + <usize>(g - group) * groupBytes, columnSums + (<usize>(g - group) << 5),
        )
      }
      for (let k = 0; k < K; k += 8) {
        packStraight(x + <usize>m * xStride + (<usize>k << 2), xStride, min(8, K - k), depth, panel)
        for (let g = group; g < groupEnd; g++) {
          const n = g * SIX
          tile_f32_transposed_6x8(packed + <usize>(g - group) * groupBytes, 24, panel, depth, tileSums)
          const to = dw + <usize>n * xStride + (<usize>k << 2)
          accumulate(min(SIX, N - n), tileSums, to, xStride, min(8, K - k), continues || m > 0)
        }
      }
    }
    for (let g = group; g < groupEnd && db != 0; g++) {
      const n = g * SIX
      memory.copy(db + (<usize>n << 2), columnSums + (<usize>(g - group) << 5), <usize>min(SIX, N - n) << 2)
    }
  }
}

/** Stores `rows` x `columns` of the sums, or adds them to what stands there. */
export function accumulate(rows: i32, sums: usize, to: usize, stride: usize, columns: i32, continues: bool): void {
  for (let r = 0; r < rows; r++) {
    if (columns == 8) {
      let v0 = v128.load(sums), v1 = v128.load(sums, 16)
      if (continues) {
        v0 = f32x4.add(v0, v128.load(to))
        v1 = f32x4.add(v1, v128.load(to, 16))
      }
      v128.store(to, v0)
      v128.store(to, v1, 16)
    } else {
      for (let c = 0; c < columns; c++) {
        const at = <usize>c << 2
        store<f32>(to + at, continues ? load<f32>(to + at) + load<f32>(sums + at) : load<f32>(sums + at))
      }
    }
    sums += 32
    to += stride
  }
}
