// Attention in training: per sequence and head, P = softmax(Q K^T / sqrt(D)), O = P V, and its gradients.
//            P may have a bias by distance in its softmax: bias f32 [H] rows, element key - query + longest - 1
// Layout     q, k, v are side by side in rows of `qkv` f32 [M, 3, H * D]; o f32 [M, H * D]. Scratch per thread:
//            two square matrices [T][T padded to 8, and 8 more], one set of panels, sums. Rows of a bias have room for the
//            distances of padding: kernels/train/tape-distances.ts
// Plan       a thread owns (sequence, head) units of about equal T^2; the backward pass computes P again: it costs one
//            product of five, and nothing of size T^2 is kept between the passes
// Needs      scratch: kernels/train/scratch.ts has the same sum of bytes
// Source     own derivation; dS = P * (dP - rowsum(P * dP)) / sqrt(D)

import { AttentionBackwardRecord, AttentionForwardRecord, PANEL, PANEL_BYTES, TILE_BYTES, TILE_ROWS } from '../abi'
import { exp } from '../lib/math'
import { padToPanel } from '../lib/panels'
import { madd, sumLanes } from '../lib/simd'
import { tileBegin, tileCount, tileF32 } from '../lib/tile-f32'
import { accumulate } from './linear'
import { packStraight, packTransposed } from './pack'
import { tile_f32_transposed_6x8 } from './tile-transposed'

/** Scores of columns that are not there. */
const NEVER: f32 = -3e38

export function attentionForward(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<AttentionForwardRecord>(record)
  walk(record, args.B, args.H, args.offsets, thread, threads, scratch, false)
}

export function attentionBackward(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<AttentionBackwardRecord>(record)
  walk(record, args.B, args.H, args.offsets, thread, threads, scratch, true)
}

function walk(
  record: usize, B: i32, H: i32, offsets: usize, thread: i32, threads: i32, scratch: usize, isBackward: bool,
): void {
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
      if (at >= begin && at < end) {
        if (isBackward) unitBackward(record, first, T, b, h, scratch)
        else unitForward(record, first, T, h, scratch)
      }
      at += <i64>T * T
    }
  }
}

/** Bytes of a row of a square matrix: padded, and off the powers of two that crowd into few cache sets. */
// @ts-ignore: decorator
@inline
function squareStride(T: i32): usize {
  return <usize>(padToPanel(T) + PANEL) << 2
}

function panelsTransposed(from: usize, stride: usize, T: i32, D: i32, panels: usize): void {
  for (let t = 0; t < T; t += PANEL)
    packTransposed(from + <usize>t * stride, stride, min(PANEL, T - t), D, panels + (<usize>(t * D) << 2))
}

function panelsStraight(from: usize, stride: usize, T: i32, D: i32, panels: usize): void {
  for (let d = 0; d < D; d += PANEL)
    packStraight(from + (<usize>d << 2), stride, min(PANEL, D - d), T, panels + (<usize>(d * T) << 2))
}

/** square[T][T] = scale * rows[T,D] . panels (of [T,D], transposed) */
function productOfRows(
  rows: usize, stride: usize, panels: usize, T: i32, D: i32, scale: f32, square: usize, sums: usize,
): void {
  const squareBytes = squareStride(T)
  const tiles = tileCount(T, TILE_ROWS)
  const scales = f32x4.splat(scale)
  for (let j = 0; j < T; j += PANEL) {
    for (let tile = 0; tile < tiles; tile++) {
      const t = tileBegin(T, tiles, tile)
      const count = tileBegin(T, tiles, tile + 1) - t
      tileF32(count, rows + <usize>t * stride, stride, panels + (<usize>(j * D) << 2), D, sums, false)
      let to = square + <usize>t * squareBytes + (<usize>j << 2)
      for (let r = 0; r < count; r++) {
        v128.store(to, f32x4.mul(v128.load(sums + <usize>r * PANEL_BYTES), scales))
        v128.store(to, f32x4.mul(v128.load(sums + <usize>r * PANEL_BYTES, 16), scales), 16)
        to += squareBytes
      }
    }
  }
}

/** y[T,D] = square[T,T] . panels (of [T,D], straight) */
function productOfSquare(square: usize, panels: usize, T: i32, D: i32, y: usize, stride: usize, sums: usize): void {
  const squareBytes = squareStride(T)
  const tiles = tileCount(T, TILE_ROWS)
  for (let d = 0; d < D; d += PANEL) {
    for (let tile = 0; tile < tiles; tile++) {
      const t = tileBegin(T, tiles, tile)
      const count = tileBegin(T, tiles, tile + 1) - t
      tileF32(count, square + <usize>t * squareBytes, squareBytes, panels + (<usize>(d * T) << 2), T, sums, false)
      accumulate(count, sums, y + <usize>t * stride + (<usize>d << 2), stride, min(PANEL, D - d), false)
    }
  }
}

/** y[T,D] = square[T,T]^T . panels (of [T,D], straight) */
function productOfTransposed(square: usize, panels: usize, T: i32, D: i32, y: usize, stride: usize, sums: usize): void {
  for (let d = 0; d < D; d += PANEL) {
    for (let t = 0; t < T; t += TILE_ROWS) {
      tile_f32_transposed_6x8(square + (<usize>t << 2), squareStride(T), panels + (<usize>(d * T) << 2), T, sums)
      accumulate(min(TILE_ROWS, T - t), sums, y + <usize>t * stride + (<usize>d << 2), stride, min(PANEL, D - d), false)
    }
  }
}

/** Softmax of each row in place; padding becomes 0. */
function softmaxRows(square: usize, T: i32): void {
  const padded = <usize>padToPanel(T) << 2
  for (let t = 0; t < T; t++) {
    const row = square + <usize>t * squareStride(T)
    for (let at = <usize>T << 2; at < padded; at += 4) store<f32>(row + at, NEVER)
    let most = v128.load(row)
    for (let at: usize = 0; at < padded; at += 16) most = f32x4.max(most, v128.load(row + at))
    most = f32x4.max(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1))
    most = f32x4.max(most, v128.shuffle<f32>(most, most, 1, 0, 3, 2))
    let sums = f32x4.splat(0.0)
    for (let at: usize = 0; at < padded; at += 16) {
      const e = exp(f32x4.sub(v128.load(row + at), most))
      v128.store(row + at, e)
      sums = f32x4.add(sums, e)
    }
    const inverse = f32x4.splat(<f32>1.0 / sumLanes(sums))
    for (let at: usize = 0; at < padded; at += 16) v128.store(row + at, f32x4.mul(v128.load(row + at), inverse))
  }
}

/** The bias of query 0 and key 0 in a head's row. */
// @ts-ignore: decorator
@inline
function biasOfSame(bias: usize, h: i32, stride: i32, longest: i32): usize {
  return bias + (<usize>(h * stride + longest - 1) << 2)
}

/** square[i][j] += bias[j - i], `bias` being the address of bias[0]. */
function addBias(square: usize, T: i32, bias: usize): void {
  const padded = <usize>padToPanel(T) << 2
  for (let i = 0; i < T; i++) {
    const row = square + <usize>i * squareStride(T)
    const b = bias - (<usize>i << 2)
    for (let at: usize = 0; at < padded; at += 16)
      v128.store(row + at, f32x4.add(v128.load(row + at), v128.load(b + at)))
  }
}

/** dbias[j - i] += factor slopes[i][j]; slopes are 0 in the padding. */
function addSlopes(slopes: usize, T: i32, factor: f32, dbias: usize): void {
  const padded = <usize>padToPanel(T) << 2
  const factors = f32x4.splat(factor)
  for (let i = 0; i < T; i++) {
    const row = slopes + <usize>i * squareStride(T)
    const b = dbias - (<usize>i << 2)
    for (let at: usize = 0; at < padded; at += 16)
      v128.store(b + at, madd(v128.load(row + at), factors, v128.load(b + at)))
  }
}

function unitForward(record: usize, first: i32, T: i32, h: i32, scratch: usize): void {
  const args = changetype<AttentionForwardRecord>(record)
  const H = args.H, D = args.D
  const outputStride = <usize>(H * D) << 2
  const stride = outputStride * 3
  const q = args.qkv + <usize>first * stride + (<usize>(h * D) << 2)
  const sums = scratch, square = scratch + TILE_BYTES
  const panels = square + <usize>T * squareStride(T)
  panelsTransposed(q + outputStride, stride, T, D, panels)
  productOfRows(q, stride, panels, T, D, <f32>(1.0 / sqrt<f64>(<f64>D)), square, sums)
  if (args.bias != 0) addBias(square, T, biasOfSame(args.bias, h, args.biasStride, args.longest))
  softmaxRows(square, T)
  panelsStraight(q + 2 * outputStride, stride, T, D, panels)
  const y = args.o + <usize>first * outputStride + (<usize>(h * D) << 2)
  productOfSquare(square, panels, T, D, y, outputStride, sums)
}

function unitBackward(record: usize, first: i32, T: i32, b: i32, h: i32, scratch: usize): void {
  const args = changetype<AttentionBackwardRecord>(record)
  const H = args.H, D = args.D
  const outputStride = <usize>(H * D) << 2
  const stride = outputStride * 3
  const corner = <usize>first * stride + (<usize>(h * D) << 2)
  const q = args.qkv + corner, k = q + outputStride, v = k + outputStride
  const dq = args.dqkv + corner, dk = dq + outputStride, dv = dk + outputStride
  const dO = args.dO + <usize>first * outputStride + (<usize>(h * D) << 2)
  const scale = <f32>(1.0 / sqrt<f64>(<f64>D))
  const sums = scratch, probabilities = scratch + TILE_BYTES
  const slopes = probabilities + <usize>T * squareStride(T)
  const panels = slopes + <usize>T * squareStride(T)
  panelsTransposed(k, stride, T, D, panels)
  productOfRows(q, stride, panels, T, D, scale, probabilities, sums)
  if (args.bias != 0) addBias(probabilities, T, biasOfSame(args.bias, h, args.biasStride, args.longest))
  softmaxRows(probabilities, T)
  panelsTransposed(v, stride, T, D, panels)
  productOfRows(dO, outputStride, panels, T, D, 1.0, slopes, sums)
  panelsStraight(dO, outputStride, T, D, panels)
  productOfTransposed(probabilities, panels, T, D, dv, stride, sums)
  softmaxBackward(probabilities, slopes, T, scale)
  if (args.dbias != 0) {
    const unit = b * H + h
    if (args.continues == 0) memory.fill(args.dbias + (<usize>(unit * args.biasStride) << 2), 0, <usize>args.biasStride << 2)
    // the bias is added after the scores are scaled
    const factor = <f32>sqrt<f64>(<f64>D)
    addSlopes(slopes, T, factor, biasOfSame(args.dbias, unit, args.biasStride, args.longest))
  }
  panelsStraight(k, stride, T, D, panels)
  productOfSquare(slopes, panels, T, D, dq, stride, sums)
  panelsStraight(q, stride, T, D, panels)
  productOfTransposed(slopes, panels, T, D, dk, stride, sums)
}

/** slopes = probabilities * (slopes - rowsum(probabilities * slopes)) * scale; padding stays finite. */
function softmaxBackward(probabilities: usize, slopes: usize, T: i32, scale: f32): void {
  const padded = <usize>padToPanel(T) << 2
  const scales = f32x4.splat(scale)
  for (let t = 0; t < T; t++) {
    const at = <usize>t * squareStride(T)
    const p = probabilities + at, s = slopes + at
    let sums = f32x4.splat(0.0)
    for (let i: usize = 0; i < padded; i += 16) sums = madd(v128.load(p + i), v128.load(s + i), sums)
    const mean = f32x4.splat(sumLanes(sums))
    for (let i: usize = 0; i < padded; i += 16) {
      const d = f32x4.mul(f32x4.sub(v128.load(s + i), mean), scales)
      v128.store(s + i, f32x4.mul(v128.load(p + i), d))
    }
  }
}
