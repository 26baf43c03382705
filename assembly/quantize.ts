// Quantization of activations: rows of f32 (or of s8, given) into what the int8 kernels read.
// Contract   kernels/int8-matmul/contract.ts; the law is kernels/runtime/quantize-law.ts, in f32 and bit for bit
// Layout     both targets begin with f32 scales [M padded to 16], then
//            rows     i16 or bytes [M][K padded to 8]
//            columns  token blocks (lib/blocks.ts): i16 [K/4][2][w][2] or bytes [K/4][w][4] per block of w tokens
//            paths: 0 = i16, 1 = u8 (q + 128), 2 = s8
// Plan       two passes over a row while it is in L1: largest magnitude, then product, round, narrow, store
// Source     own derivation

import { blockWidth, paddedTokens } from './lib/blocks'
import { pointer, sliceBegin, word } from './tape'

const PATH_I16: i32 = 0
const PATH_U8: i32 = 1
const SOURCE_S8: i32 = 1

/** Bytes of the scales before the rows. */
// @ts-ignore: decorator
@inline
function scalesBytes(M: i32): usize {
  return <usize>((M + 15) & ~15) << 2
}

/** Largest magnitude of x f32 [K]. */
function largest(x: usize, K: i32): f32 {
  let v = f32x4.splat(0.0)
  const end = x + (<usize>K << 2)
  const vectorEnd = x + (<usize>(K & ~3) << 2)
  for (; x != vectorEnd; x += 16) v = f32x4.max(v, f32x4.abs(v128.load(x)))
  v = f32x4.max(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  let most = max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1))
  for (; x != end; x += 4) most = max(most, abs(load<f32>(x)))
  return most
}

/** Four f32 at x as i32 in [-127, 127]. */
// @ts-ignore: decorator
@inline
function quantizeFour(x: usize, inverse: v128): v128 {
  const scaled = f32x4.nearest(f32x4.mul(v128.load(x), inverse))
  return i32x4.trunc_sat_f32x4_s(f32x4.min(f32x4.max(scaled, f32x4.splat(-127.0)), f32x4.splat(127.0)))
}

// @ts-ignore: decorator
@inline
function quantizeOne(x: usize, inverse: f32): i32 {
  return <i32>min<f32>(max<f32>(nearest<f32>(load<f32>(x) * inverse), -127.0), 127.0)
}

// @ts-ignore: decorator
@inline
function inverseOf(most: f32): f32 {
  return most > 0.0 ? <f32>127.0 / most : 0.0
}

/** Record: M, K, source kind (0: f32, 1: s8), source, source scales (s8 only), target, path */
export function quantizeRows(record: usize, thread: i32, threads: i32): void {
  const M = word(record, 0), K = word(record, 1)
  const isS8 = word(record, 2) == SOURCE_S8
  const source = pointer(record, 3), sourceScales = pointer(record, 4), target = pointer(record, 5)
  const path = word(record, 6)
  const padded = (K + 7) & ~7
  const elementShift: usize = path == PATH_I16 ? 1 : 0
  const first = sliceBegin(M, thread, threads), last = sliceBegin(M, thread + 1, threads)
  for (let m = first; m < last; m++) {
    const q = target + scalesBytes(M) + (<usize>m * <usize>padded << elementShift)
    const scale = target + (<usize>m << 2)
    if (isS8) {
      store<f32>(scale, load<f32>(sourceScales + (<usize>m << 2)))
      copyRow(source + <usize>m * <usize>K, K, padded, q, path)
    } else {
      const x = source + (<usize>m * <usize>K << 2)
      const most = largest(x, K)
      store<f32>(scale, most / 127.0)
      quantizeRow(x, K, padded, inverseOf(most), q, path)
    }
  }
}

function copyRow(x: usize, K: i32, padded: i32, q: usize, path: i32): void {
  const flip = path == PATH_U8 ? 128 : 0
  for (let k = 0; k < padded; k++) {
    const value = k < K ? <i32>load<i8>(x + k) : 0
    if (path == PATH_I16) store<i16>(q + (<usize>k << 1), value)
    else store<u8>(q + k, value ^ flip)
  }
}

function quantizeRow(x: usize, K: i32, padded: i32, inverse: f32, q: usize, path: i32): void {
  const inverses = f32x4.splat(inverse)
  const flip = path == PATH_U8 ? 128 : 0
  const flips = i8x16.splat(<i8>flip)
  const whole = K & ~7
  let k = 0
  for (; k < whole; k += 8, x += 32) {
    const words = i16x8.narrow_i32x4_s(quantizeFour(x, inverses), quantizeFour(x + 16, inverses))
    if (path == PATH_I16) v128.store(q + (<usize>k << 1), words)
    else v128.store64_lane(q + k, v128.xor(i8x16.narrow_i16x8_s(words, words), flips), 0)
  }
  for (; k < padded; k++, x += 4) {
    const value = k < K ? quantizeOne(x, inverse) : 0
    if (path == PATH_I16) store<i16>(q + (<usize>k << 1), value)
    else store<u8>(q + k, value ^ flip)
  }
}

/** Record: M, K (a multiple of 4), source kind, source, source scales, target, path. A thread takes whole blocks of 4 tokens. */
export function quantizeColumns(record: usize, thread: i32, threads: i32): void {
  const M = word(record, 0), K = word(record, 1)
  const isS8 = word(record, 2) == SOURCE_S8
  const source = pointer(record, 3), sourceScales = pointer(record, 4), target = pointer(record, 5)
  const path = word(record, 6)
  const fours = paddedTokens(M) >> 2
  const first = sliceBegin(fours, thread, threads) << 2, last = sliceBegin(fours, thread + 1, threads) << 2
  const data = target + scalesBytes(M + 8)
  const columnShift: usize = path == PATH_I16 ? 3 : 2
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    for (let t = max(t0, first); t < min(t0 + w, last); t += 4) {
      // tokens past M repeat the last one: their sums are never stored
      for (let r = 0; r < 4; r++) {
        const m = <usize>min(t + r, M - 1)
        const scale = isS8
          ? load<f32>(sourceScales + (m << 2))
          : largest(source + (m * <usize>K << 2), K) / 127.0
        store<f32>(target + (<usize>(t + r) << 2), scale)
      }
      const block = data + (<usize>t0 * <usize>K << (path == PATH_I16 ? 1 : 0)) + (<usize>(t - t0) << 2)
      if (isS8) gatherFour(source, t, M, K, block, <usize>w, path)
      else quantizeFourTokens(source, t, M, K, block, <usize>w << columnShift, <usize>w << 2, path)
    }
    t0 += w
  }
}

function quantizeFourTokens(
  source: usize, t: i32, M: i32, K: i32, q: usize, columnBytes: usize, pairBytes: usize, path: i32,
): void {
  const rowBytes = <usize>K << 2
  let x0 = source + <usize>min(t, M - 1) * rowBytes
  let x1 = source + <usize>min(t + 1, M - 1) * rowBytes
  let x2 = source + <usize>min(t + 2, M - 1) * rowBytes
  let x3 = source + <usize>min(t + 3, M - 1) * rowBytes
  const inverse0 = f32x4.splat(inverseOf(largest(x0, K)))
  const inverse1 = f32x4.splat(inverseOf(largest(x1, K)))
  const inverse2 = f32x4.splat(inverseOf(largest(x2, K)))
  const inverse3 = f32x4.splat(inverseOf(largest(x3, K)))
  const flips = i8x16.splat(path == PATH_U8 ? -128 : 0)
  for (let k = 0; k < K; k += 4) {
    // lanes of 01: token 0 pair 0, token 0 pair 1, token 1 pair 0, token 1 pair 1
    const tokens01 = i16x8.narrow_i32x4_s(quantizeFour(x0, inverse0), quantizeFour(x1, inverse1))
    const tokens23 = i16x8.narrow_i32x4_s(quantizeFour(x2, inverse2), quantizeFour(x3, inverse3))
    if (path == PATH_I16) {
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

/** The same for rows that came as s8 [M, K]; w is the block's width. */
function gatherFour(source: usize, t: i32, M: i32, K: i32, q: usize, w: usize, path: i32): void {
  const flip = path == PATH_U8 ? 128 : 0
  for (let r = 0; r < 4; r++) {
    const x = source + <usize>min(t + r, M - 1) * <usize>K
    for (let k = 0; k < K; k++) {
      const value = <i32>load<i8>(x + k)
      const column = <usize>(k >> 2)
      if (path == PATH_I16) {
        const pair = column * 2 + <usize>((k >> 1) & 1)
        store<i16>(q + ((pair * w + r) << 2) + (<usize>(k & 1) << 1), value)
      } else {
        store<u8>(q + ((column * w + r) << 2) + (k & 3), value ^ flip)
      }
    }
  }
}
