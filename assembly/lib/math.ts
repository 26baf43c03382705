// Elementary functions on four f32 lanes. Errors are against exact values, measured over all inputs by
// kernels/plan/wasm.test.ts; kernels/runtime/activation.ts states the bounds that callers rely on.

import { madd } from './simd'

const ROUNDER: f32 = 12582912.0

/** exp(x), x <= 88; below -87 the result is 0 or tiny. Relative error < 3e-7. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts so that n ln 2 is exact to more than 24 bits. Adding 1.5 * 2^23
  // rounds to an integer, which then stands in the low bits; pmax is one instruction where max is eight
  const bounded = f32x4.pmax(f32x4.splat(-87.0), x)
  const rounded = madd(bounded, f32x4.splat(1.44269504088896341), f32x4.splat(ROUNDER))
  const n = f32x4.sub(rounded, f32x4.splat(ROUNDER))
  let r = madd(n, f32x4.splat(-0.693359375), bounded)
  r = madd(n, f32x4.splat(2.12194440e-4), r)
  // Taylor series to degree 7: its remainder is 5e-9 at ln 2 / 2
  let p = madd(r, f32x4.splat(1.0 / 5040.0), f32x4.splat(1.0 / 720.0))
  p = madd(p, r, f32x4.splat(1.0 / 120.0))
  p = madd(p, r, f32x4.splat(1.0 / 24.0))
  p = madd(p, r, f32x4.splat(1.0 / 6.0))
  p = madd(p, r, f32x4.splat(0.5))
  p = madd(p, r, f32x4.splat(1.0))
  p = madd(p, r, f32x4.splat(1.0))
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
  const z = f32x4.mul(size, f32x4.splat(0.70710678118654752))
  const t = f32x4.div(f32x4.splat(1.0), madd(z, f32x4.splat(0.3275911), f32x4.splat(1.0)))
  let p = madd(t, f32x4.splat(1.061405429), f32x4.splat(-1.453152027))
  p = madd(p, t, f32x4.splat(1.421413741))
  p = madd(p, t, f32x4.splat(-0.284496736))
  p = madd(p, t, f32x4.splat(0.254829592))
  const erfc = f32x4.mul(f32x4.mul(p, t), exp(f32x4.neg(f32x4.mul(z, z))))
  const half = f32x4.mul(f32x4.mul(size, f32x4.splat(0.5)), erfc)
  return f32x4.sub(f32x4.pmax(x, f32x4.splat(0.0)), half)
}

/** tanh(x) = sign(x) (1 - 2 / (exp(2 |x|) + 1)); absolute error < 3e-7. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.pmin(f32x4.splat(15.0), f32x4.abs(x))
  const e = exp(f32x4.add(size, size))
  const one = f32x4.splat(1.0)
  const positive = f32x4.sub(one, f32x4.div(f32x4.splat(2.0), f32x4.add(e, one)))
  return v128.or(positive, v128.and(x, i32x4.splat(0x80000000)))
}
