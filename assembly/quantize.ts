// Quantization of activations: rows of f32 (or of s8, given) into what the int8 kernels read.
// Contract   kernels/int8-matmul/contract.ts; the rule is kernels/program/quantization.ts, in f32 and bit for bit
// Layout     both targets begin with f32 scales [M padded to 16], then
//            rows     i16 or bytes [M][K padded to 8]
//            columns  token blocks (lib/blocks.ts): i16 [K/4][2][w][2] or bytes [K/4][w][4] per block of w tokens
//            paths: 0 = i16, 1 = u8 (q + 128), 2 = s8
// Plan       two passes over a row while it is in L1: largest magnitude, then product, clamp, round, narrow, store; with a
//            calibrated scale the first only looks for what is not finite
// Source     own derivation

import {
  BLOCK_PADDING, DOT_STRATEGY_I16X8, DOT_STRATEGY_S8, DOT_STRATEGY_U8, QuantizeColumnsRecord, QuantizeRowsRecord,
  RequantizeRowsRecord, SCALE_STEP,
} from './abi'
import { blockWidth, paddedTokens } from './lib/blocks'
import { constant, INT8_LEAST, INT8_MOST, ROUNDER, splatConstant } from './lib/math'
import { padToStep } from './lib/panels'
import { largestMagnitude, WIDE } from './lib/simd'
import { sliceBegin } from './tape'

/** Bytes of the scales before the rows. */
// @ts-ignore: decorator
@inline
export function scalesBytes(M: i32): usize {
  return <usize>((M + SCALE_STEP - 1) & -SCALE_STEP) << 2
}

/** Largest magnitude of x f32 [K]; NaN where the row is not finite. */
export function largest(x: usize, K: i32): f32 {
  let positive = i32x4.splat(0), otherPositive = positive, negative = positive, otherNegative = positive
  const end = x + (<usize>K << 2)
  const eightsEnd = x + (<usize>(K & ~7) << 2)
  for (; x != eightsEnd; x += 32) {
    const v = v128.load(x), w = v128.load(x, 16)
    positive = i32x4.max_s(positive, v)
    otherPositive = i32x4.max_s(otherPositive, w)
    negative = i32x4.max_u(negative, v)
    otherNegative = i32x4.max_u(otherNegative, w)
  }
  for (; x != end; x += 4) {
    const v = v128.load32_zero(x)
    positive = i32x4.max_s(positive, v)
    negative = i32x4.max_u(negative, v)
  }
  return largestMagnitude(i32x4.max_s(positive, otherPositive), i32x4.max_u(negative, otherNegative))
}

/**
 * Type arguments that choose at compile time whether there is anything to clamp: a branch in the loops, or the clamp for
 * all, costs a third of their time.
 */
export type OwnScale = i32
type CalibratedScale = f32

/** Four f32 at x as i32 in [-127, 127]; `inverse` is finite. */
// @ts-ignore: decorator
@inline
export function quantizeFour<S>(x: usize, inverse: v128): v128 {
  let scaled = f32x4.mul(v128.load(x), inverse)
  if (isFloat<S>()) scaled = f32x4.pmin(constant(INT8_MOST), f32x4.pmax(constant(INT8_LEAST), scaled))
  return i32x4.sub(f32x4.add(scaled, constant(ROUNDER)), constant(ROUNDER))
}

// @ts-ignore: decorator
@inline
export function quantizeOne(x: usize, inverse: f32): i32 {
  return <i32>min<f32>(max<f32>(nearest<f32>(load<f32>(x) * inverse), -127.0), 127.0)
}

// @ts-ignore: decorator
@inline
export function inverseOf(most: f32): f32 {
  return most > 0.0 ? <f32>127.0 / most : 0.0
}

/** Rows of f32, or of s8 where there are `sourceScales`, into rows; a scale of f32 rows that is not 0 is calibrated. */
export function quantizeRows(record: usize, thread: i32, threads: i32): void {
  const args = changetype<QuantizeRowsRecord>(record)
  const M = args.M, K = args.K
  const source = args.source, sourceScales = args.sourceScales, target = args.target
  const strategy = args.strategy
  const fixed = args.scale, fixedInverse = args.inverse
  const padded = padToStep(K)
  const elementShift: usize = strategy == DOT_STRATEGY_I16X8 ? 1 : 0
  const first = sliceBegin(M, thread, threads), last = sliceBegin(M, thread + 1, threads)
  for (let m = first; m < last; m++) {
    const q = target + scalesBytes(M) + (<usize>m * <usize>padded << elementShift)
    const scale = target + (<usize>m << 2)
    if (sourceScales != 0) {
      store<f32>(scale, load<f32>(sourceScales + (<usize>m << 2)))
      copyRow(source + <usize>m * <usize>K, K, padded, q, strategy)
    } else {
      const x = source + (<usize>m * <usize>K << 2)
      if (fixed > 0.0) {
        calibrateRow(x, K, fixed, scale)
        quantizeRow<CalibratedScale>(x, K, padded, fixedInverse, q, strategy)
      } else quantizeRow<OwnScale>(x, K, padded, scaleRow(x, K, scale), q, strategy)
    }
  }
}

/** Rows of f32 into s8 rows without padding and scales of their own: what a layer hands to a caller, or to another layer. */
export function requantizeRows(record: usize, thread: i32, threads: i32): void {
  const args = changetype<RequantizeRowsRecord>(record)
  const K = args.K, fixed = args.scale
  const first = sliceBegin(args.M, thread, threads), last = sliceBegin(args.M, thread + 1, threads)
  for (let m = first; m < last; m++) {
    const x = args.source + (<usize>m * <usize>K << 2), q = args.target + <usize>m * <usize>K
    const scale = args.targetScales + (<usize>m << 2)
    let inverse = args.inverse
    if (fixed > 0.0) calibrateRow(x, K, fixed, scale)
    else inverse = scaleRow(x, K, scale)
    // one loop for both: the clamp changes nothing of a row within its own scale
    quantizeRow<CalibratedScale>(x, K, K, inverse, q, DOT_STRATEGY_S8)
  }
}

function copyRow(x: usize, K: i32, padded: i32, q: usize, strategy: i32): void {
  const flip = strategy == DOT_STRATEGY_U8 ? 128 : 0
  for (let k = 0; k < padded; k++) {
    const value = k < K ? <i32>load<i8>(x + k) : 0
    if (strategy == DOT_STRATEGY_I16X8) store<i16>(q + (<usize>k << 1), value)
    else store<u8>(q + k, value ^ flip)
  }
}

function quantizeRow<S>(x: usize, K: i32, padded: i32, inverse: f32, q: usize, strategy: i32): void {
  const inverses = f32x4.splat(inverse)
  const flip = strategy == DOT_STRATEGY_U8 ? 128 : 0
  const flips = i8x16.splat(<i8>flip)
  // a row of denormals has an infinite inverse: zeros times that are NaN, which only the scalar code turns into 0
  const whole = inverse < Infinity ? K & ~7 : 0
  let k = 0
  if (WIDE) {
    // one constant for both halves
    const rounder = splatConstant(ROUNDER), least = splatConstant(INT8_LEAST), most = splatConstant(INT8_MOST)
    for (; k < whole; k += 8, x += 32) {
      let v0 = f32x4.mul(v128.load(x), inverses), v1 = f32x4.mul(v128.load(x, 16), inverses)
      if (isFloat<S>()) {
        v0 = f32x4.pmin(most, f32x4.pmax(least, v0))
        v1 = f32x4.pmin(most, f32x4.pmax(least, v1))
      }
      v0 = i32x4.sub(f32x4.add(v0, rounder), rounder)
      v1 = i32x4.sub(f32x4.add(v1, rounder), rounder)
      const words = i16x8.narrow_i32x4_s(v0, v1)
      if (strategy == DOT_STRATEGY_I16X8) v128.store(q + (<usize>k << 1), words)
      else v128.store64_lane(q + k, v128.xor(i8x16.narrow_i16x8_s(words, words), flips), 0)
    }
  }
  for (; k < whole; k += 8, x += 32) {
    const words = i16x8.narrow_i32x4_s(quantizeFour<S>(x, inverses), quantizeFour<S>(x + 16, inverses))
    if (strategy == DOT_STRATEGY_I16X8) v128.store(q + (<usize>k << 1), words)
    else v128.store64_lane(q + k, v128.xor(i8x16.narrow_i16x8_s(words, words), flips), 0)
  }
  for (; k < padded; k++, x += 4) {
    const value = k < K ? quantizeOne(x, inverse) : 0
    if (strategy == DOT_STRATEGY_I16X8) store<i16>(q + (<usize>k << 1), value)
    else store<u8>(q + k, value ^ flip)
  }
}

/** The same into token blocks; K % 4 == 0. A thread takes whole groups of 4 tokens. */
export function quantizeColumns(record: usize, thread: i32, threads: i32): void {
  const args = changetype<QuantizeColumnsRecord>(record)
  const M = args.M, K = args.K
  const source = args.source, sourceScales = args.sourceScales, target = args.target
  const strategy = args.strategy
  const fixed = args.scale, fixedInverse = args.inverse
  const fours = paddedTokens(M) >> 2
  const first = sliceBegin(fours, thread, threads) << 2, last = sliceBegin(fours, thread + 1, threads) << 2
  const data = target + scalesBytes(M + BLOCK_PADDING)
  const columnShift: usize = strategy == DOT_STRATEGY_I16X8 ? 3 : 2
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    for (let t = max(t0, first); t < min(t0 + w, last); t += 4) {
      // tokens past M repeat the last one: their sums are never stored
      const scales = target + (<usize>t << 2)
      const block = data + (<usize>t0 * <usize>K << (strategy == DOT_STRATEGY_I16X8 ? 1 : 0)) + (<usize>(t - t0) << 2)
      if (sourceScales != 0) gatherFour(source, sourceScales, t, M, K, scales, block, <usize>w, strategy)
      else if (fixed > 0.0) {
        for (let r = 0; r < 4; r++)
          calibrateRow(source + (<usize>min(t + r, M - 1) * <usize>K << 2), K, fixed, scales + (<usize>r << 2))
        const inverses = f32x4.splat(fixedInverse)
        storeFourTokens<CalibratedScale>(source, t, M, K, inverses, block, <usize>w << columnShift, <usize>w << 2, strategy)
      } else {
        const inverses = scaleFour(source, t, M, K, scales)
        if (v128.any_true(f32x4.eq(inverses, f32x4.splat(Infinity)))) gatherFour(source, 0, t, M, K, scales, block, <usize>w, strategy)
        else storeFourTokens<OwnScale>(source, t, M, K, inverses, block, <usize>w << columnShift, <usize>w << 2, strategy)
      }
    }
    t0 += w
  }
}

/** Stores the scale of the row x [K], NaN where the row is not finite; returns its inverse, 0 for such a row. */
function scaleRow(x: usize, K: i32, scale: usize): f32 {
  const most = largest(x, K)
  store<f32>(scale, most / 127.0)
  return inverseOf(most)
}

/** Stores a calibrated scale for the row x [K], or NaN where the row is not finite. */
function calibrateRow(x: usize, K: i32, fixed: f32, scale: usize): void {
  store<f32>(scale, isNaN<f32>(largest(x, K)) ? NaN : fixed)
}

/** The same for four tokens, the last one repeated past M. */
function scaleFour(source: usize, t: i32, M: i32, K: i32, scales: usize): v128 {
  const rowBytes = <usize>K << 2
  let inverses = f32x4.splat(scaleRow(source + <usize>min(t, M - 1) * rowBytes, K, scales))
  inverses = f32x4.replace_lane(inverses, 1, scaleRow(source + <usize>min(t + 1, M - 1) * rowBytes, K, scales + 4))
  inverses = f32x4.replace_lane(inverses, 2, scaleRow(source + <usize>min(t + 2, M - 1) * rowBytes, K, scales + 8))
  return f32x4.replace_lane(inverses, 3, scaleRow(source + <usize>min(t + 3, M - 1) * rowBytes, K, scales + 12))
}

/** Quantizes four tokens of a block; `inverses` of their scales are finite. */
function storeFourTokens<S>(
  source: usize, t: i32, M: i32, K: i32, inverses: v128, q: usize, columnBytes: usize, pairBytes: usize, strategy: i32,
): void {
  const rowBytes = <usize>K << 2
  let x0 = source + <usize>min(t, M - 1) * rowBytes
  let x1 = source + <usize>min(t + 1, M - 1) * rowBytes
  let x2 = source + <usize>min(t + 2, M - 1) * rowBytes
  let x3 = source + <usize>min(t + 3, M - 1) * rowBytes
  const inverse0 = v128.shuffle<f32>(inverses, inverses, 0, 0, 0, 0)
  const inverse1 = v128.shuffle<f32>(inverses, inverses, 1, 1, 1, 1)
  const inverse2 = v128.shuffle<f32>(inverses, inverses, 2, 2, 2, 2)
  const inverse3 = v128.shuffle<f32>(inverses, inverses, 3, 3, 3, 3)
  const flips = i8x16.splat(strategy == DOT_STRATEGY_U8 ? -128 : 0)
  for (let k = 0; k < K; k += 4) {
    // lanes of 01: token 0 pair 0, token 0 pair 1, token 1 pair 0, token 1 pair 1
    const tokens01 = i16x8.narrow_i32x4_s(quantizeFour<S>(x0, inverse0), quantizeFour<S>(x1, inverse1))
    const tokens23 = i16x8.narrow_i32x4_s(quantizeFour<S>(x2, inverse2), quantizeFour<S>(x3, inverse3))
    if (strategy == DOT_STRATEGY_I16X8) {
      v128.store(q, v128.shuffle<i32>(tokens01, tokens23, 0, 2, 4, 6))
      v128.store(q + pairBytes, v128.shuffle<i32>(tokens01, tokens23, 1, 3, 5, 7))
    } else {
      v128.store(q, v128.xor(i8x16.narrow_i16x8_s(tokens01, tokens23), flips))
    }
    q += columnBytes
    x0 += 16
    x1 += 16
    x2 += 16
    x3 += 16
  }
}

/**
 * The same byte by byte, w the block's width: for rows that came as s8 [M, K], and for f32 rows of denormals, whose
 * inverse is infinite (see quantizeRow).
 */
function gatherFour(
  source: usize, sourceScales: usize, t: i32, M: i32, K: i32, scales: usize, q: usize, w: usize, strategy: i32,
): void {
  const flip = strategy == DOT_STRATEGY_U8 ? 128 : 0
  for (let r = 0; r < 4; r++) {
    const m = <usize>min(t + r, M - 1)
    let inverse: f32 = 0.0
    if (sourceScales != 0) store<f32>(scales + (<usize>r << 2), load<f32>(sourceScales + (m << 2)))
    else inverse = scaleRow(source + (m * <usize>K << 2), K, scales + (<usize>r << 2))
    for (let k = 0; k < K; k++) {
      const at = m * <usize>K + k
      const value = sourceScales != 0 ? <i32>load<i8>(source + at) : quantizeOne(source + (at << 2), inverse)
      const column = <usize>(k >> 2)
      if (strategy == DOT_STRATEGY_I16X8) {
        const pair = column * 2 + <usize>((k >> 1) & 1)
        store<i16>(q + ((pair * w + r) << 2) + (<usize>(k & 1) << 1), value)
      } else {
        store<u8>(q + ((column * w + r) << 2) + (k & 3), value ^ flip)
      }
    }
  }
}
