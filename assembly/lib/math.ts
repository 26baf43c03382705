// Elementary functions on four f32 lanes. Errors are against exact values, checked on a fine grid by
// kernels/plan/wasm.test.ts; kernels/runtime/activation.ts states the bounds that callers rely on.

import { madd } from './simd'

// Constants stand in memory, four times each: V8 builds a v128.const from two 64-bit immediates at every use in a loop that
// has no register to spare, four instructions for one load (measured: 154 -> 144 ms for a whole BERT-base in 1x4 blocks, whose gelu shows). The only static data there
// is: every thread's instantiation writes the same bytes; scripts/build-wasm.ts gives each module its own address.
const TABLE: usize = memory.data<f32>([
  -87.0, -87.0, -87.0, -87.0,
  1.44269504088896341, 1.44269504088896341, 1.44269504088896341, 1.44269504088896341,
  12582912.0, 12582912.0, 12582912.0, 12582912.0,
  -0.693359375, -0.693359375, -0.693359375, -0.693359375,
  2.12194440e-4, 2.12194440e-4, 2.12194440e-4, 2.12194440e-4,
  1.984126984e-4, 1.984126984e-4, 1.984126984e-4, 1.984126984e-4,
  1.388888889e-3, 1.388888889e-3, 1.388888889e-3, 1.388888889e-3,
  8.333333333e-3, 8.333333333e-3, 8.333333333e-3, 8.333333333e-3,
  4.166666667e-2, 4.166666667e-2, 4.166666667e-2, 4.166666667e-2,
  0.1666666667, 0.1666666667, 0.1666666667, 0.1666666667,
  0.5, 0.5, 0.5, 0.5,
  1.0, 1.0, 1.0, 1.0,
  0.70710678118654752, 0.70710678118654752, 0.70710678118654752, 0.70710678118654752,
  0.3275911, 0.3275911, 0.3275911, 0.3275911,
  1.061405429, 1.061405429, 1.061405429, 1.061405429,
  -1.453152027, -1.453152027, -1.453152027, -1.453152027,
  1.421413741, 1.421413741, 1.421413741, 1.421413741,
  -0.284496736, -0.284496736, -0.284496736, -0.284496736,
  0.254829592, 0.254829592, 0.254829592, 0.254829592,
  2.0, 2.0, 2.0, 2.0,
  15.0, 15.0, 15.0, 15.0,
], 16)

const LOWEST: usize = 0
const LOG2E: usize = 1
const ROUNDER: usize = 2
const LN2_HIGH: usize = 3
const LN2_LOW: usize = 4
const T7: usize = 5
const T6: usize = 6
const T5: usize = 7
const T4: usize = 8
const T3: usize = 9
const HALF: usize = 10
const ONE: usize = 11
const SQRT_HALF: usize = 12
const P: usize = 13
const A5: usize = 14
const A4: usize = 15
const A3: usize = 16
const A2: usize = 17
const A1: usize = 18
const TWO: usize = 19
const TANH_MOST: usize = 20

// @ts-ignore: decorator
@inline
function constant(index: usize): v128 {
  return v128.load(TABLE + (index << 4))
}

/** exp(x), x <= 88; below -87 the result is 0 or tiny. Relative error < 3e-7. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts so that n ln 2 is exact to more than 24 bits. Adding 1.5 * 2^23
  // rounds to an integer, which then stands in the low bits; pmax is one instruction where max is eight
  const bounded = f32x4.pmax(constant(LOWEST), x)
  const rounded = madd(bounded, constant(LOG2E), constant(ROUNDER))
  const n = f32x4.sub(rounded, constant(ROUNDER))
  let r = madd(n, constant(LN2_HIGH), bounded)
  r = madd(n, constant(LN2_LOW), r)
  // Taylor series to degree 7: its remainder is 5e-9 at ln 2 / 2
  let p = madd(r, constant(T7), constant(T6))
  p = madd(p, r, constant(T5))
  p = madd(p, r, constant(T4))
  p = madd(p, r, constant(T3))
  p = madd(p, r, constant(HALF))
  p = madd(p, r, constant(ONE))
  p = madd(p, r, constant(ONE))
  // 2^n by adding n to the exponent bits; n >= -126 here, and the shift leaves only the low bits of `rounded`
  return i32x4.add(p, i32x4.shl(rounded, 23))
}

/**
 * 0.5 x (1 + erf(x / sqrt 2)) = max(x, 0) - 0.5 |x| erfc(|x| / sqrt 2), with erfc by formula 7.1.26 of Abramowitz and
 * Stegun (error 1.5e-7): absolute error < 5e-7 max(1, |x|).
 */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const size = f32x4.abs(x)
  const z = f32x4.mul(size, constant(SQRT_HALF))
  const t = f32x4.div(constant(ONE), madd(z, constant(P), constant(ONE)))
  let p = madd(t, constant(A5), constant(A4))
  p = madd(p, t, constant(A3))
  p = madd(p, t, constant(A2))
  p = madd(p, t, constant(A1))
  const erfc = f32x4.mul(f32x4.mul(p, t), exp(f32x4.neg(f32x4.mul(z, z))))
  const half = f32x4.mul(f32x4.mul(size, constant(HALF)), erfc)
  return f32x4.sub(f32x4.pmax(x, f32x4.splat(0.0)), half)
}

/** tanh(x) = sign(x) (1 - 2 / (exp(2 |x|) + 1)); absolute error < 3e-7. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.pmin(constant(TANH_MOST), f32x4.abs(x))
  const e = exp(f32x4.add(size, size))
  const one = constant(ONE)
  const positive = f32x4.sub(one, f32x4.div(constant(TWO), f32x4.add(e, one)))
  return v128.or(positive, v128.and(x, i32x4.splat(0x80000000)))
}
