// Fake quantization: f32 operands rounded to what int8 can hold, so that training computes with the numbers that q8 and
// e8 will leave.
// Rule       weights: ts/compress/quantize.ts quantizeWeight, symmetric per output; word rows: quantizeEmbedding, affine
//            per row; activations: kernels/program/quantization.ts, symmetric per token. The integers are the same
// Layout     everything row-major f32
// Plan       a thread owns whole rows. Weights and tables divide in f64, two lanes, as quantizeWeight does: in f32 a
//            quotient beside a tie may round to the other side
// Source     own derivation

import { FakeRowsRecord, FakeTableRecord, FakeWeightsRecord } from '../abi'
import { madd } from '../lib/simd'
import { inverseOf, largest, OwnScale, quantizeFour, quantizeOne } from '../quantize'
import { sliceBegin } from '../tape'

/** Smallest normal f32: no scale but 0 lies below it. */
const SMALLEST_SCALE: f32 = 1.1754943508222875e-38

/** y = scale q(x), one scale per row. */
export function fakeQuantizeRows(record: usize, thread: i32, threads: i32): void {
  const args = changetype<FakeRowsRecord>(record)
  const rows = args.rows, K = args.K
  const rowBytes = <usize>K << 2
  const last = sliceBegin(rows, thread + 1, threads)
  for (let m = sliceBegin(rows, thread, threads); m < last; m++) {
    const x = args.x + <usize>m * rowBytes, y = args.y + <usize>m * rowBytes
    const most = largest(x, K)
    const scale = most / 127.0, inverse = inverseOf(most)
    const scales = f32x4.splat(scale), inverses = f32x4.splat(inverse)
    // a row of denormals has an infinite inverse, which only the scalar code turns into numbers
    const vectorBytes = inverse < Infinity ? <usize>(K & ~3) << 2 : 0
    let i: usize = 0
    for (; i < vectorBytes; i += 16)
      v128.store(y + i, f32x4.mul(f32x4.convert_i32x4_s(quantizeFour<OwnScale>(x + i, inverses)), scales))
    for (; i < rowBytes; i += 4) store<f32>(y + i, scale * <f32>quantizeOne(x + i, inverse))
  }
}

/** round((x - low) / scale), halves up, of two lanes as whole numbers in f64. */
// @ts-ignore: decorator
@inline
function steps(x: v128, low: v128, scale: v128): v128 {
  const quotient = f64x2.div(f64x2.sub(f64x2.promote_low_f32x4(x), low), scale)
  return f64x2.floor(f64x2.add(quotient, f64x2.splat(0.5)))
}

/** The same of four f32 lanes, as f32. */
// @ts-ignore: decorator
@inline
function stepsOfFour(v: v128, low: v128, scale: v128): v128 {
  const a = steps(v, low, scale), b = steps(v128.shuffle<i32>(v, v, 2, 3, 0, 1), low, scale)
  return v128.shuffle<i32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5)
}

/** y = scale q(w), one scale per output; |q| <= 127 since no |w| is above 127 scales and a half. */
export function fakeQuantizeWeights(record: usize, thread: i32, threads: i32): void {
  const args = changetype<FakeWeightsRecord>(record)
  const N = args.rows, K = args.K
  const rowBytes = <usize>K << 2, vectorBytes = <usize>(K & ~3) << 2
  const last = sliceBegin(N, thread + 1, threads)
  for (let n = sliceBegin(N, thread, threads); n < last; n++) {
    const w = args.x + <usize>n * rowBytes, y = args.y + <usize>n * rowBytes
    const most = largest(w, K)
    if (most == 0.0) {
      memory.fill(y, 0, rowBytes)
      continue
    }
    const scale = max<f32>(SMALLEST_SCALE, <f32>(<f64>most / 127.0))
    const scales = f32x4.splat(scale), wide = f64x2.splat(<f64>scale), zero = f64x2.splat(0.0)
    let i: usize = 0
    for (; i < vectorBytes; i += 16) v128.store(y + i, f32x4.mul(stepsOfFour(v128.load(w + i), zero, wide), scales))
    for (; i < rowBytes; i += 4)
      store<f32>(y + i, scale * <f32>floor<f64>(<f64>load<f32>(w + i) / <f64>scale + 0.5))
  }
}

/** y[r] = low + scale q(table[ids[r]]), low and scale of that row; q <= 255. C % 4 == 0 */
export function fakeQuantizeTable(record: usize, thread: i32, threads: i32): void {
  const args = changetype<FakeTableRecord>(record)
  const rowBytes = <usize>args.C << 2
  const last = sliceBegin(args.rows, thread + 1, threads)
  for (let r = sliceBegin(args.rows, thread, threads); r < last; r++) {
    const x = args.table + <usize>load<i32>(args.ids + (<usize>r << 2)) * rowBytes
    const y = args.y + <usize>r * rowBytes
    let lows = v128.load(x), highs = lows
    for (let i: usize = 16; i < rowBytes; i += 16) {
      lows = f32x4.pmin(lows, v128.load(x + i))
      highs = f32x4.pmax(highs, v128.load(x + i))
    }
    lows = f32x4.pmin(lows, v128.shuffle<f32>(lows, lows, 2, 3, 0, 1))
    highs = f32x4.pmax(highs, v128.shuffle<f32>(highs, highs, 2, 3, 0, 1))
    const low = min(f32x4.extract_lane(lows, 0), f32x4.extract_lane(lows, 1))
    const high = max(f32x4.extract_lane(highs, 0), f32x4.extract_lane(highs, 1))
    if (high == low) {
      memory.copy(y, x, rowBytes)
      continue
    }
    const scale = max<f32>(SMALLEST_SCALE, <f32>((<f64>high - <f64>low) / 255.0))
    const scales = f32x4.splat(scale), base = f32x4.splat(low)
    const wide = f64x2.splat(<f64>scale), wideLow = f64x2.splat(<f64>low)
    for (let i: usize = 0; i < rowBytes; i += 16)
      v128.store(y + i, madd(stepsOfFour(v128.load(x + i), wideLow, wide), scales, base))
  }
}
