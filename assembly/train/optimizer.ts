// The loss's slope, the gradient's norm, and AdamW.
// Plan       sums go by fixed chunks and are added in the order of the chunks: no result depends on the number of threads
// Source     Loshchilov & Hutter, "Decoupled Weight Decay Regularization"

import {
  AdamwRecord, AdamwRowsRecord, ClipFactorRecord, LINK_SIGMOID, LINK_SOFTMAX, LossSlopeRecord, MaskGradientRecord,
  StateSlopeRecord, SUM_CHUNK, SumSquaresRecord,
} from '../abi'
import { exp } from '../lib/math'
import { madd } from '../lib/simd'
import { sliceBegin } from '../tape'

/** softmax(z[0 .. labels) * factor) into y. */
function softmax(z: usize, labels: i32, factor: f32, y: usize): void {
  let most: f32 = load<f32>(z) * factor
  for (let c = 1; c < labels; c++) most = max(most, load<f32>(z + (<usize>c << 2)) * factor)
  let sum: f32 = 0.0
  for (let c = 0; c < labels; c++) {
    const at = <usize>c << 2
    const e = f32x4.extract_lane(exp(f32x4.splat(load<f32>(z + at) * factor - most)), 0)
    store<f32>(y + at, e)
    sum += e
  }
  for (let c = 0; c < labels; c++) {
    const at = <usize>c << 2
    store<f32>(y + at, load<f32>(y + at) / sum)
  }
}

/** What the link makes of z[0 .. labels) * factor, into y. */
function link(z: usize, labels: i32, code: i32, factor: f32, y: usize): void {
  if (code == LINK_SOFTMAX) return softmax(z, labels, factor, y)
  for (let c = 0; c < labels; c++) {
    const at = <usize>c << 2
    let x: f32 = load<f32>(z + at) * factor
    if (code == LINK_SIGMOID) {
      const e = f32x4.extract_lane(exp(f32x4.splat(-abs(x))), 0)
      x = (x < 0.0 ? e : <f32>1.0) / (<f32>1.0 + e)
    }
    store<f32>(y + at, x)
  }
}

/** True where a target row [labels] is all zeros: an example without a label. */
function isUnlabelled(target: usize, labels: i32): bool {
  for (let c = 0; c < labels; c++) if (load<f32>(target + (<usize>c << 2)) != 0.0) return false
  return true
}

/**
 * d[b] = hardShare (f(z) - target) + softShare (f(z / T) - teacher) + squareShare (z - teacherLogits) with the link f, by
 * thread 0: it is B x labels numbers. Of softmax a target row of zeros has no first term, of the others a target that is NaN.
 * Scratch: `labels` numbers.
 */
export function lossSlope(record: usize, thread: i32, scratch: usize): void {
  const args = changetype<LossSlopeRecord>(record)
  if (thread != 0) return
  const labels = args.labels, code = args.link
  const teacher = args.teacher
  const hard = args.hardShare, soft = args.softShare, inverseT = args.inverseT
  const teacherLogits = args.teacherLogits, square = args.squareShare
  for (let b = 0; b < args.B; b++) {
    const row = <usize>(b * labels) << 2
    const z = args.logits + row, target = args.target + row, d = args.d + row
    // without a label softmax counts for nothing
    const share: f32 = code == LINK_SOFTMAX && isUnlabelled(target, labels) ? 0.0 : hard
    link(z, labels, code, 1.0, scratch)
    for (let c = 0; c < labels; c++) {
      const at = <usize>c << 2
      const t = load<f32>(target + at)
      store<f32>(d + at, code != LINK_SOFTMAX && t != t ? 0.0 : share * (load<f32>(scratch + at) - t))
    }
    for (let c = 0; c < labels && teacherLogits != 0; c++) {
      const at = <usize>c << 2
      store<f32>(d + at, load<f32>(d + at) + square * (load<f32>(z + at) - load<f32>(teacherLogits + row + at)))
    }
    if (teacher == 0) continue
    link(z, labels, code, inverseT, scratch)
    for (let c = 0; c < labels; c++) {
      const at = <usize>c << 2
      store<f32>(d + at, load<f32>(d + at) + soft * (load<f32>(scratch + at) - load<f32>(teacher + row + at)))
    }
  }
}

/**
 * Of hidden states p and a teacher's t: d = factor (p - t), or added to what is stored there; partials[c] f64 = sum of
 * (p - t)^2 of chunk c. count % 4 == 0.
 */
export function stateSlope(record: usize, thread: i32, threads: i32): void {
  const args = changetype<StateSlopeRecord>(record)
  const count = args.count
  const factor = f32x4.splat(args.factor)
  const isAdded = args.isAdded != 0
  const chunks = (count + SUM_CHUNK - 1) / SUM_CHUNK
  const last = sliceBegin(chunks, thread + 1, threads)
  for (let chunk = sliceBegin(chunks, thread, threads); chunk < last; chunk++) {
    const begin = <usize>(chunk * SUM_CHUNK) << 2
    const end = begin + (<usize>min(SUM_CHUNK, count - chunk * SUM_CHUNK) << 2)
    const p = args.p, t = args.t, d = args.d
    let low = f64x2.splat(0.0), high = f64x2.splat(0.0)
    for (let at = begin; at < end; at += 16) {
      const v = f32x4.sub(v128.load(p + at), v128.load(t + at))
      const slope = f32x4.mul(v, factor)
      v128.store(d + at, isAdded ? f32x4.add(v128.load(d + at), slope) : slope)
      const a = f64x2.promote_low_f32x4(v), b = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1))
      low = f64x2.add(low, f64x2.mul(a, a))
      high = f64x2.add(high, f64x2.mul(b, b))
    }
    low = f64x2.add(low, high)
    store<f64>(args.partials + (<usize>chunk << 3), f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1))
  }
}

/** gradient[i] = 0 where mask[i] = 0. */
export function maskGradient(record: usize, thread: i32, threads: i32): void {
  const args = changetype<MaskGradientRecord>(record)
  const mask = args.mask, gradient = args.gradient
  const last = sliceBegin(args.count, thread + 1, threads)
  for (let i = sliceBegin(args.count, thread, threads); i < last; i++)
    if (load<u8>(mask + <usize>i) == 0) store<f32>(gradient + (<usize>i << 2), 0.0)
}

/** partials[c] f64 = sum of squares of chunk c. */
export function sumSquares(record: usize, thread: i32, threads: i32): void {
  const args = changetype<SumSquaresRecord>(record)
  const count = args.count
  const chunks = (count + SUM_CHUNK - 1) / SUM_CHUNK
  const last = sliceBegin(chunks, thread + 1, threads)
  for (let chunk = sliceBegin(chunks, thread, threads); chunk < last; chunk++) {
    const begin = args.x + (<usize>(chunk * SUM_CHUNK) << 2)
    const length = min(SUM_CHUNK, count - chunk * SUM_CHUNK)
    const vectorEnd = begin + (<usize>(length & ~3) << 2), end = begin + (<usize>length << 2)
    let low = f64x2.splat(0.0), high = f64x2.splat(0.0)
    let at = begin
    for (; at < vectorEnd; at += 16) {
      const v = v128.load(at)
      const a = f64x2.promote_low_f32x4(v), b = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1))
      low = f64x2.add(low, f64x2.mul(a, a))
      high = f64x2.add(high, f64x2.mul(b, b))
    }
    low = f64x2.add(low, high)
    let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)
    for (; at < end; at += 4) sum += <f64>load<f32>(at) * <f64>load<f32>(at)
    store<f64>(args.partials + (<usize>chunk << 3), sum)
  }
}

/** out[0] = the factor that brings the norm down to `most` (1 where it is below), out[1] = norm. */
export function clipFactor(record: usize, thread: i32): void {
  const args = changetype<ClipFactorRecord>(record)
  if (thread != 0) return
  let sum: f64 = 0.0
  for (let i = 0; i < args.count; i++) sum += load<f64>(args.partials + (<usize>i << 3))
  const norm = sqrt<f64>(sum)
  const most = <f64>args.most
  store<f32>(args.out, <f32>(norm > most ? most / norm : 1.0))
  store<f32>(args.out, <f32>norm, 4)
}

/** One step of AdamW on 4 numbers. */
// @ts-ignore: decorator
@inline
function adam(p: usize, g: v128, m: usize, v: usize, settings: usize, decay: v128): void {
  const keep1 = load<f32>(settings), keep2 = load<f32>(settings, 4)
  const m1 = madd(f32x4.splat(<f32>1.0 - keep1), g, f32x4.mul(v128.load(m), f32x4.splat(keep1)))
  const v1 = madd(f32x4.splat(<f32>1.0 - keep2), f32x4.mul(g, g), f32x4.mul(v128.load(v), f32x4.splat(keep2)))
  v128.store(m, m1)
  v128.store(v, v1)
  const root = madd(f32x4.sqrt(v1), f32x4.splat(load<f32>(settings, 8)), f32x4.splat(load<f32>(settings, 12)))
  const step = f32x4.div(f32x4.mul(m1, f32x4.splat(load<f32>(settings, 16))), root)
  v128.store(p, f32x4.sub(f32x4.mul(v128.load(p), decay), step))
}

/**
 * AdamW: settings f32 = beta1, beta2, 1 / sqrt(1 - beta2^t), epsilon, rate / (1 - beta1^t).
 * count % 4 == 0.
 */
export function adamw(record: usize, thread: i32, threads: i32): void {
  const args = changetype<AdamwRecord>(record)
  const quads = args.count >> 2
  const decay = f32x4.splat(args.decay)
  const factor = f32x4.splat(load<f32>(args.factor))
  const last = sliceBegin(quads, thread + 1, threads)
  for (let q = sliceBegin(quads, thread, threads); q < last; q++) {
    const at = <usize>q << 4
    const g = f32x4.mul(v128.load(args.g + at), factor)
    adam(args.p + at, g, args.m + at, args.v + at, args.settings, decay)
  }
}

/**
 * AdamW on some rows of a table; rows that the batch does not touch keep weight and moments.
 * ids i32 [rows] are rising, no two equal; g [rows, C].
 */
export function adamwRows(record: usize, thread: i32, threads: i32): void {
  const args = changetype<AdamwRowsRecord>(record)
  const rowBytes = <usize>args.C << 2
  const decay = f32x4.splat(args.decay)
  const factor = f32x4.splat(load<f32>(args.factor))
  const last = sliceBegin(args.rows, thread + 1, threads)
  for (let r = sliceBegin(args.rows, thread, threads); r < last; r++) {
    const row = <usize>load<i32>(args.ids + (<usize>r << 2)) * rowBytes
    const g = args.g + <usize>r * rowBytes
    for (let i: usize = 0; i < rowBytes; i += 16) {
      const at = row + i
      const slope = f32x4.mul(v128.load(g + i), factor)
      adam(args.p + at, slope, args.m + at, args.v + at, args.settings, decay)
    }
  }
}
