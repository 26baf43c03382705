// Vectors of texts in training: means over the tokens, and how far their direction is from a teacher's.
// Layout     everything row-major f32, C % 4 == 0; losses f64
// Plan       a sequence is one thread's alone, its sums are in one order, so nothing depends on the number of threads
// Source     own derivation

import { MeanRowsRecord, MeanRowsSlopeRecord, VectorSlopeRecord } from '../abi'
import { madd } from '../lib/simd'
import { sliceBegin } from '../tape'

/** Below this length a vector has no direction; divided by it instead of 0. As meanPool of ../row-ops. */
const LEAST_LENGTH: f64 = 1e-12

/** y[b] = mean of x[m] over the tokens m of sequence b. */
export function meanRows(record: usize, thread: i32, threads: i32): void {
  const args = changetype<MeanRowsRecord>(record)
  const rowBytes = <usize>args.C << 2
  const x = args.x, offsets = args.offsets
  const last = sliceBegin(args.B, thread + 1, threads)
  for (let b = sliceBegin(args.B, thread, threads); b < last; b++) {
    const begin = load<i32>(offsets + (<usize>b << 2)), end = load<i32>(offsets + (<usize>b << 2), 4)
    const y = args.y + <usize>b * rowBytes
    const share = f32x4.splat(<f32>1.0 / <f32>(end - begin))
    for (let i: usize = 0; i < rowBytes; i += 16) {
      let sum = f32x4.splat(0.0)
      for (let m = begin; m < end; m++) sum = f32x4.add(sum, v128.load(x + <usize>m * rowBytes + i))
      v128.store(y + i, f32x4.mul(sum, share))
    }
  }
}

/** dx[m] = dy[b] / tokens of b, of every token m of sequence b. */
export function meanRowsSlope(record: usize, thread: i32, threads: i32): void {
  const args = changetype<MeanRowsSlopeRecord>(record)
  const rowBytes = <usize>args.C << 2
  const dx = args.dx, offsets = args.offsets
  const last = sliceBegin(args.B, thread + 1, threads)
  for (let b = sliceBegin(args.B, thread, threads); b < last; b++) {
    const begin = load<i32>(offsets + (<usize>b << 2)), end = load<i32>(offsets + (<usize>b << 2), 4)
    const dy = args.dy + <usize>b * rowBytes
    const share = f32x4.splat(<f32>1.0 / <f32>(end - begin))
    for (let i: usize = 0; i < rowBytes; i += 16) {
      const d = f32x4.mul(v128.load(dy + i), share)
      for (let m = begin; m < end; m++) v128.store(dx + <usize>m * rowBytes + i, d)
    }
  }
}

/**
 * With u = p / |p|, cos = u . t: losses = 1 - cos, d = factor (cos u - t) / |p|.
 */
export function vectorSlope(record: usize, thread: i32, threads: i32): void {
  const args = changetype<VectorSlopeRecord>(record)
  const rowBytes = <usize>args.C << 2
  const factor = <f64>args.factor
  const last = sliceBegin(args.B, thread + 1, threads)
  for (let b = sliceBegin(args.B, thread, threads); b < last; b++) {
    const at = <usize>b * rowBytes
    const p = args.p + at, t = args.t + at, d = args.d + at
    const inverse = 1.0 / max(sqrt<f64>(dot(p, p, rowBytes)), LEAST_LENGTH)
    const cosine = dot(p, t, rowBytes) * inverse
    store<f64>(args.losses + (<usize>b << 3), 1.0 - cosine)
    const ofP = f32x4.splat(<f32>(factor * cosine * inverse * inverse)), ofT = f32x4.splat(<f32>(-factor * inverse))
    for (let i: usize = 0; i < rowBytes; i += 16)
      v128.store(d + i, madd(v128.load(p + i), ofP, f32x4.mul(v128.load(t + i), ofT)))
  }
}

/** a . b over `bytes` of f32, added up in f64 in two lanes of pairs. */
function dot(a: usize, b: usize, bytes: usize): f64 {
  let low = f64x2.splat(0.0), high = f64x2.splat(0.0)
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i), y = v128.load(b + i)
    low = f64x2.add(low, f64x2.mul(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y)))
    const upper = f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 0, 1))
    high = f64x2.add(high, f64x2.mul(upper, f64x2.promote_low_f32x4(v128.shuffle<f32>(y, y, 2, 3, 0, 1))))
  }
  low = f64x2.add(low, high)
  return f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)
}
