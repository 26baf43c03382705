// attention, variants panels and i16: per sequence and head, softmax(Q K^T / sqrt(D) + bias) V over ragged sequences;
// q, k, v, y f32 [M, H * D].
// Contract   kernels/attention/contract.ts      GPU  shaders/attention.*.wgsl
// Layout     scratch per thread: K panels [ceil(T / 8)][D][8], V panels [ceil(D / 8)][T][8], scores [ceil(T / 8)][6][8],
//            weights [6][T padded to 8], sums [6][8]; kernels/attention/pack.ts has the same sum of bytes, and i16's areas
// Plan       a thread owns a range of (sequence, head) units of about equal T^2; K and V of a unit are packed once, then six
//            queries at a time: scores by the dense tile, which stores them where the softmax reads them, context by the dense
//            tile. The scale goes into the softmax's only product, which is in powers of 2. i16: Q, K, V and the weights as
//            integers, five queries at a time by the tile of i16
// Needs      T and D as they come (i16: T >= 16, D % 8 == 0); keys past T repeat the last one: the largest score is right, and
//            their weights are taken off the sum. i16 has no bias
// Source     own derivation; the softmax is unnormalised until the context is there: one division per row

import { AttentionRecord, I16_TILE_ROWS, PANEL, PANEL_BYTES, PANEL_SHIFT, TILE_BYTES, TILE_ROWS } from './abi'
import { storeTransposed } from './lib/blocks'
import { F, LEAST_EXPONENT, ONE, ROUNDER, constant, exp2, exp2Of, splatConstant } from './lib/math'
import { WIDE, largestMagnitude, madd, sumLanes } from './lib/simd'
import { padToPanel, panelCount } from './lib/panels'
import { tileBegin, tileCount, tileF32 } from './lib/tile-f32'
import { tileWideI16 } from './lib/tile-int8-i16'

/** log2(e): weights are powers of 2. */
const LOG2E: f64 = 1.4426950408889634
/** Bytes of the scores of a tile of queries with a panel of keys: f32, and in integers. */
const SCORE_PANEL: usize = TILE_BYTES
const SCORE_PANEL_I16: usize = <usize>I16_TILE_ROWS * PANEL_BYTES
/** Largest value of V as an integer, four times finer than int8: what is left of i32 is the weights'. */
const VALUE_MOST: f64 = 511.0

export function attention(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<AttentionRecord>(record)
  const B = args.B, H = args.H, D = args.D, longest = args.longest
  const offsets = args.offsets
  const isFirstOnly = args.isFirstOnly != 0
  const leastI16 = isFirstOnly ? 0 : args.leastI16
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
      if (at >= begin && at < end) {
        if (leastI16 != 0 && T >= leastI16) attendUnitI16(record, first, T, h, H, D, longest, scratch)
        else attendUnit(record, first, T, isFirstOnly ? 1 : T, h, H, D, longest, scratch)
      }
      at += <i64>T * (isFirstOnly ? 1 : T)
    }
  }
}

/** The first `queries` rows of one head of one sequence. */
function attendUnit(
  record: usize, first: i32, T: i32, queries: i32, h: i32, H: i32, D: i32, longest: i32, scratch: usize,
): void {
  const args = changetype<AttentionRecord>(record)
  const stride = <usize>(H * D) << 2
  const corner = <usize>first * stride + (<usize>(h * D) << 2)
  const q = args.q + corner, y = args.y + corner
  const longestPadded = <usize>padToPanel(longest)
  const keyPanels = scratch
  const valuePanels = keyPanels + (longestPadded * <usize>D << 2)
  const scores = valuePanels + (<usize>padToPanel(D) * longestPadded << 2)
  const weights = scores + (longestPadded * <usize>TILE_ROWS << 2)
  const sums = weights + (longestPadded * <usize>TILE_ROWS << 2)
  packKeys(args.k + corner, stride, T, D, keyPanels)
  packValues(args.v + corner, stride, T, D, valuePanels)
  const weightStride = <usize>padToPanel(T) << 2
  const scale = <f32>(LOG2E / sqrt<f64>(<f64>D))
  // the bias of the first key for the first query
  const bias = args.bias != 0 ? args.bias + (<usize>(h * (2 * args.P - 1) + args.P - 1) << 2) : 0
  const tiles = tileCount(queries, TILE_ROWS)
  for (let tile = 0; tile < tiles; tile++) {
    const t = tileBegin(queries, tiles, tile)
    const rows = tileBegin(queries, tiles, tile + 1) - t
    for (let j = 0; j < T; j += PANEL)
      tileF32(rows, q + <usize>t * stride, stride, keyPanels + (<usize>j * <usize>D << 2), D, scores + <usize>j * (TILE_ROWS << 2), false)
    for (let r = 0; r < rows; r++) {
      if (bias != 0) addBias(scores + <usize>r * PANEL_BYTES, bias - (<usize>(t + r) << 2), T)
      const sum = exponentiate(scores + <usize>r * PANEL_BYTES, T, scale, weights + <usize>r * weightStride)
      // what its context is to be multiplied by waits behind the tile's sums
      store<f32>(sums + TILE_BYTES + (<usize>r << 2), <f32>1.0 / sum)
    }
    for (let d = 0; d < D; d += PANEL) {
      tileF32(rows, weights, weightStride, valuePanels + (<usize>d * <usize>T << 2), T, sums, false)
      storeContext(rows, sums, y + <usize>t * stride + (<usize>d << 2), stride, min(PANEL, D - d))
    }
  }
}

/** Adds `bias` [T] to a row of T scores, eight of them every SCORE_PANEL; scores past T repeat the last one again. */
function addBias(scores: usize, bias: usize, T: i32): void {
  const whole = T & ~(PANEL - 1)
  for (let j = 0; j < whole; j += PANEL) {
    v128.store(scores, f32x4.add(v128.load(scores), v128.load(bias)))
    v128.store(scores, f32x4.add(v128.load(scores, 16), v128.load(bias, 16)), 16)
    scores += SCORE_PANEL
    bias += PANEL_BYTES
  }
  if (whole == T) return
  let last: f32 = 0.0
  for (let c = 0; c < PANEL; c++) {
    const at = scores + (<usize>c << 2)
    if (whole + c < T) last = load<f32>(at) + load<f32>(bias + (<usize>c << 2))
    store<f32>(at, last)
  }
}

/** K [T, D] into panels [ceil(T / 8)][D][8]; tokens past T repeat the last one. */
function packKeys(k: usize, stride: usize, T: i32, D: i32, panels: usize): void {
  for (let j = 0; j < T; j += PANEL) {
    const panel = panels + (<usize>j * <usize>D << 2)
    for (let half = 0; half < PANEL; half += 4) {
      const k0 = k + <usize>min(j + half, T - 1) * stride, k1 = k + <usize>min(j + half + 1, T - 1) * stride
      const k2 = k + <usize>min(j + half + 2, T - 1) * stride, k3 = k + <usize>min(j + half + 3, T - 1) * stride
      let to = panel + (<usize>half << 2)
      let i: usize = 0
      const vectorEnd = <usize>(D & ~3) << 2, end = <usize>D << 2
      for (; i < vectorEnd; i += 16, to += 4 * PANEL_BYTES)
        storeTransposed(v128.load(k0 + i), v128.load(k1 + i), v128.load(k2 + i), v128.load(k3 + i), to, PANEL_BYTES)
      for (; i < end; i += 4, to += PANEL_BYTES) {
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
  for (let d = 0; d < D; d += PANEL) {
    let to = panels + (<usize>d * <usize>T << 2)
    let from = v + (<usize>d << 2)
    const columns = min(PANEL, D - d)
    for (let t = 0; t < T; t++) {
      if (columns == PANEL) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      } else {
        for (let c = 0; c < PANEL; c++)
          store<f32>(to + (<usize>c << 2), c < columns ? load<f32>(from + (<usize>c << 2)) : 0.0)
      }
      to += PANEL_BYTES
      from += stride
    }
  }
}

/**
 * 2^(shift + scale (s - max)) of a row of T scores, eight of them every `panelBytes`, into a row of `weights`, padded to 8;
 * returns the sum of the T. Scores and weights are f32, or, where `isI16`, i32 and i16.
 */
// @ts-ignore: decorator
@inline
function softmaxRow(isI16: bool, scores: usize, panelBytes: usize, T: i32, scale: f32, shift: f32, weights: usize): f32 {
  if (WIDE) return softmaxRowWide(isI16, scores, panelBytes, T, scale, shift, weights)
  const end = scores + <usize>panelCount(T) * panelBytes
  let most = v128.load(scores), most1 = v128.load(scores, 16)
  for (let at = scores + panelBytes; at < end; at += panelBytes) {
    most = larger(isI16, most, v128.load(at))
    most1 = larger(isI16, most1, v128.load(at, 16))
  }
  most = larger(isI16, most, most1)
  most = larger(isI16, most, v128.shuffle<f32>(most, most, 2, 3, 0, 1))
  most = larger(isI16, most, v128.shuffle<f32>(most, most, 1, 0, 3, 2))
  if (isI16) most = f32x4.convert_i32x4_s(most)
  const scales = f32x4.splat(scale)
  const offset = f32x4.sub(f32x4.splat(shift), f32x4.mul(most, scales))
  let sums = f32x4.splat(0.0), e0 = sums, e1 = sums
  for (let at = scores; at < end; at += panelBytes) {
    let s0 = v128.load(at), s1 = v128.load(at, 16)
    if (isI16) {
      s0 = f32x4.convert_i32x4_s(s0)
      s1 = f32x4.convert_i32x4_s(s1)
    }
    e0 = exp2(madd(s0, scales, offset))
    e1 = exp2(madd(s1, scales, offset))
    if (isI16) {
      v128.store(weights, roundEight(e0, e1))
      weights += 16
    } else {
      v128.store(weights, e0)
      v128.store(weights, e1, 16)
      weights += 32
    }
    sums = f32x4.add(sums, f32x4.add(e0, e1))
  }
  if (T & (PANEL - 1)) {
    const left = i32x4.splat(T & (PANEL - 1))
    const past0 = i32x4.ge_s(i32x4(0, 1, 2, 3), left), past1 = i32x4.ge_s(i32x4(4, 5, 6, 7), left)
    sums = f32x4.sub(sums, f32x4.add(v128.and(e0, past0), v128.and(e1, past1)))
  }
  return sumLanes(sums)
}

/**
 * The same where an engine runs pairs of vectors as one of 256 bits: both halves share constants, and are stored as neighbours
 * where they are handed on. The first panel of the scores, which were read by then, holds the sums at the end.
 */
// @ts-ignore: decorator
@inline
function softmaxRowWide(isI16: bool, scores: usize, panelBytes: usize, T: i32, scale: f32, shift: f32, weights: usize): f32 {
  const end = scores + <usize>panelCount(T) * panelBytes
  let most = v128.load(scores), most1 = v128.load(scores, 16)
  for (let at = scores + panelBytes; at < end; at += panelBytes) {
    most = larger(isI16, most, v128.load(at))
    most1 = larger(isI16, most1, v128.load(at, 16))
  }
  v128.store(weights, most1, 16)
  v128.store(weights, most)
  most = larger(isI16, v128.load(weights), v128.load(weights, 16))
  most = larger(isI16, most, v128.shuffle<f32>(most, most, 2, 3, 0, 1))
  most = larger(isI16, most, v128.shuffle<f32>(most, most, 1, 0, 3, 2))
  if (isI16) most = f32x4.convert_i32x4_s(most)
  const scales = f32x4.splat(scale)
  const offset = f32x4.sub(f32x4.splat(shift), f32x4.mul(most, scales))
  const least = splatConstant(LEAST_EXPONENT), rounder = splatConstant(ROUNDER), one = splatConstant(ONE)
  const f0 = splatConstant(F), f1 = splatConstant(F + 1), f2 = splatConstant(F + 2), f3 = splatConstant(F + 3), f4 = splatConstant(F + 4)
  let sums = f32x4.splat(0.0), sums1 = sums
  let to = weights
  for (let at = scores; at < end; at += panelBytes) {
    let s0 = v128.load(at), s1 = v128.load(at, 16)
    if (isI16) {
      s0 = f32x4.convert_i32x4_s(s0)
      s1 = f32x4.convert_i32x4_s(s1)
    }
    const e0 = exp2Of(madd(s0, scales, offset), least, rounder, f4, f3, f2, f1, f0, one)
    const e1 = exp2Of(madd(s1, scales, offset), least, rounder, f4, f3, f2, f1, f0, one)
    sums = f32x4.add(sums, e0)
    sums1 = f32x4.add(sums1, e1)
    if (isI16) {
      v128.store(at, e1, 16)
      v128.store(at, e0)
      const q0 = i32x4.sub(f32x4.add(e0, rounder), rounder), q1 = i32x4.sub(f32x4.add(e1, rounder), rounder)
      v128.store(to, i16x8.narrow_i32x4_s(q0, q1))
      to += 16
    } else {
      v128.store(to, e1, 16)
      v128.store(to, e0)
      to += 32
    }
  }
  // of the last panel: there are T & 7 of its eight, where T is not a multiple of 8
  const last = isI16 ? end - panelBytes : to - 32
  let past0 = i32x4.splat(0), past1 = past0
  if (T & (PANEL - 1)) {
    const left = i32x4.splat(T & (PANEL - 1))
    past0 = v128.and(v128.load(last), i32x4.ge_s(i32x4(0, 1, 2, 3), left))
    past1 = v128.and(v128.load(last, 16), i32x4.ge_s(i32x4(4, 5, 6, 7), left))
  }
  v128.store(scores, sums1, 16)
  v128.store(scores, sums)
  return sumLanes(f32x4.sub(f32x4.add(v128.load(scores), v128.load(scores, 16)), f32x4.add(past0, past1)))
}

// @ts-ignore: decorator
@inline
function larger(isI16: bool, a: v128, b: v128): v128 {
  return isI16 ? i32x4.max_s(a, b) : f32x4.pmax(a, b)
}

function exponentiate(scores: usize, T: i32, scale: f32, weights: usize): f32 {
  return softmaxRow(false, scores, SCORE_PANEL, T, scale, 0.0, weights)
}

function exponentiateI16(scores: usize, T: i32, scale: f32, shift: f32, weights: usize): f32 {
  return softmaxRow(true, scores, SCORE_PANEL_I16, T, scale, shift, weights)
}

/** Multiplies context rows by their inverse softmax sums (behind the tile's sums) and stores `columns` of them. */
function storeContext(rows: i32, sums: usize, y: usize, stride: usize, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const inverse = v128.load32_splat(sums + TILE_BYTES + (<usize>r << 2))
    const from = sums + <usize>r * PANEL_BYTES
    const v0 = f32x4.mul(v128.load(from), inverse), v1 = f32x4.mul(v128.load(from, 16), inverse)
    if (columns == PANEL) {
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

/** One head of one sequence in integers, see kernels/attention/contract.ts. */
function attendUnitI16(record: usize, first: i32, T: i32, h: i32, H: i32, D: i32, longest: i32, scratch: usize): void {
  const args = changetype<AttentionRecord>(record)
  const stride = <usize>(H * D) << 2
  const corner = <usize>first * stride + (<usize>(h * D) << 2)
  const q = args.q + corner, k = args.k + corner, v = args.v + corner
  const y = args.y + corner
  const longestPadded = <usize>padToPanel(longest)
  const areaBytes = longestPadded * <usize>D << 1
  const queryRows = scratch, keyRows = scratch + areaBytes
  const keyPanels = keyRows + areaBytes, valuePanels = keyPanels + areaBytes
  const scores = valuePanels + areaBytes
  const weights = scores + (longestPadded * <usize>TILE_ROWS << 2)
  const sums = weights + (longestPadded * <usize>TILE_ROWS << 2)
  // behind the rows' factors: what the tile's sums start from
  const zeros = sums + TILE_BYTES + PANEL_BYTES
  v128.store(zeros, i32x4.splat(0))
  v128.store(zeros, i32x4.splat(0), 16)

  const limit = min<f64>(floor(sqrt<f64>(<f64>i32.MAX_VALUE / <f64>D)), <f64>i16.MAX_VALUE)
  const queryMost = largest(q, stride, T, D), keyMost = largest(k, stride, T, D), valueMost = largest(v, stride, T, D)
  if (isNaN<f64>(queryMost + keyMost + valueMost)) {
    attendUnit(record, first, T, T, h, H, D, longest, scratch)
    return
  }
  roundRows(q, stride, T, D, <f32>(limit / queryMost), queryRows)
  roundRows(k, stride, T, D, <f32>(limit / keyMost), keyRows)
  const rowBytes = <usize>D << 1
  // pairs of i16 turn as one f32 does
  packKeys(keyRows, rowBytes, T, D >> 1, keyPanels)
  packValuePairs(v, stride, T, D, <f32>(VALUE_MOST / valueMost), valuePanels)
  // the largest weight is the highest power of 2 in range
  const bits: i32 = 31 - clz<i32>(min<i32>(i32.MAX_VALUE / (<i32>VALUE_MOST * T), i16.MAX_VALUE))
  const scale = <f32>(((LOG2E / sqrt<f64>(<f64>D)) * (queryMost / limit)) * (keyMost / limit))
  const valueUnits = <f32>(VALUE_MOST / valueMost)

  const padded = padToPanel(T)
  const weightStride = <usize>padded << 1
  const keyBytes = <usize>D << 4, valueBytes = <usize>padded << 4
  const tiles = tileCount(T, I16_TILE_ROWS)
  for (let tile = 0; tile < tiles; tile++) {
    const t = tileBegin(T, tiles, tile)
    const rows = tileBegin(T, tiles, tile + 1) - t
    for (let j = 0; j < T; j += PANEL) {
      const panel = keyPanels + (<usize>j * rowBytes)
      tileWideI16(rows, queryRows + <usize>t * rowBytes, rowBytes, panel, panel + keyBytes, zeros, scores + <usize>j * (I16_TILE_ROWS << 2))
    }
    for (let r = 0; r < rows; r++) {
      const sum = exponentiateI16(scores + <usize>r * PANEL_BYTES, T, scale, <f32>bits, weights + <usize>r * weightStride)
      store<f32>(sums + TILE_BYTES + (<usize>r << 2), <f32>1.0 / (sum * valueUnits))
    }
    for (let d = 0; d < D; d += PANEL) {
      const panel = valuePanels + <usize>(d >> PANEL_SHIFT) * valueBytes
      tileWideI16(rows, weights, weightStride, panel, panel + valueBytes, zeros, sums)
      for (let at = sums, end = sums + <usize>rows * PANEL_BYTES; at < end; at += 16)
        v128.store(at, f32x4.convert_i32x4_s(v128.load(at)))
      storeContext(rows, sums, y + <usize>t * stride + (<usize>d << 2), stride, PANEL)
    }
  }
}

/** Largest magnitude of [T, D], D % 8 == 0; of zeros the least that has an inverse; NaN where one is not finite. */
function largest(x: usize, stride: usize, T: i32, D: i32): f64 {
  let positive = f32x4.splat(1e-30), positive1 = positive, negative = positive, negative1 = positive
  for (let t = 0; t < T; t++) {
    for (let at = x, end = x + (<usize>D << 2); at < end; at += 32) {
      const x0 = v128.load(at), x1 = v128.load(at, 16)
      positive = i32x4.max_s(positive, x0)
      positive1 = i32x4.max_s(positive1, x1)
      negative = i32x4.max_u(negative, x0)
      negative1 = i32x4.max_u(negative1, x1)
    }
    x += stride
  }
  return <f64>largestMagnitude(i32x4.max_s(positive, positive1), i32x4.max_u(negative, negative1))
}

/** Eight f32 of magnitude below 2^15, rounded to even, as i16. */
// @ts-ignore: decorator
@inline
function roundEight(x0: v128, x1: v128): v128 {
  const rounder = constant(ROUNDER)
  return i16x8.narrow_i32x4_s(i32x4.sub(f32x4.add(x0, rounder), rounder), i32x4.sub(f32x4.add(x1, rounder), rounder))
}

/** [T, D] times `inverse`, rounded, as i16 rows. */
function roundRows(x: usize, stride: usize, T: i32, D: i32, inverse: f32, to: usize): void {
  const inverses = f32x4.splat(inverse)
  for (let t = 0; t < T; t++) {
    for (let at = x, end = x + (<usize>D << 2); at < end; at += 32) {
      v128.store(to, roundEight(f32x4.mul(v128.load(at), inverses), f32x4.mul(v128.load(at, 16), inverses)))
      to += 16
    }
    x += stride
  }
}

/** V [T, D] times `inverse`, rounded, into panels [D / 8][T padded to 8, in pairs][8][2] of i16, tokens past T zero. */
function packValuePairs(v: usize, stride: usize, T: i32, D: i32, inverse: f32, panels: usize): void {
  const inverses = f32x4.splat(inverse)
  const panelBytes = <usize>padToPanel(T) << 4
  for (let d = 0; d < D; d += PANEL) {
    const end = panels + panelBytes
    let from = v + (<usize>d << 2)
    for (let t = 0; t < T; t += 2) {
      const x0 = roundEight(f32x4.mul(v128.load(from), inverses), f32x4.mul(v128.load(from, 16), inverses))
      let x1 = i32x4.splat(0)
      if (t + 1 < T) {
        const next = from + stride
        x1 = roundEight(f32x4.mul(v128.load(next), inverses), f32x4.mul(v128.load(next, 16), inverses))
      }
      v128.store(panels, v128.shuffle<i16>(x0, x1, 0, 8, 1, 9, 2, 10, 3, 11))
      v128.store(panels, v128.shuffle<i16>(x0, x1, 4, 12, 5, 13, 6, 14, 7, 15), 16)
      panels += 32
      from += stride << 1
    }
    for (; panels < end; panels += 16) v128.store(panels, i32x4.splat(0))
  }
}
