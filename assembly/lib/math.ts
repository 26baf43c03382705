// Elementary functions on four f32 lanes. Errors are against exact values, checked on a fine grid by
// kernels/wasm/device.test.ts; kernels/program/activations.ts states the bounds that callers rely on.

import { madd, WIDE } from './simd'

// Constants are in memory, four times each: V8 builds a v128.const from two 64-bit immediates at every use in a loop that
// has no register to spare, four instructions for one load (measured: 154 -> 144 ms for a whole BERT-base in 1x4 blocks, where
// gelu is a large share). There is no other static data. Every thread's instantiation writes the same bytes; each module has
// its own address for them (INFERENCE_DATA_ADDRESS and TRAINING_DATA_ADDRESS).
const TABLE: usize = memory.data<f32>([
  -87.0, -87.0, -87.0, -87.0,
  1.44269504088896341, 1.44269504088896341, 1.44269504088896341, 1.44269504088896341,
  12582912.0, 12582912.0, 12582912.0, 12582912.0,
  -0.693359375, -0.693359375, -0.693359375, -0.693359375,
  2.12194440e-4, 2.12194440e-4, 2.12194440e-4, 2.12194440e-4,
  0.9999997063, 0.9999997063, 0.9999997063, 0.9999997063,
  0.4999914784, 0.4999914784, 0.4999914784, 0.4999914784,
  0.1666763813, 0.1666763813, 0.1666763813, 0.1666763813,
  0.04189816001, 0.04189816001, 0.04189816001, 0.04189816001,
  0.008290271782, 0.008290271782, 0.008290271782, 0.008290271782,
  1.0, 1.0, 1.0, 1.0,
  2.0, 2.0, 2.0, 2.0,
  15.0, 15.0, 15.0, 15.0,
  5.25, 5.25, 5.25, 5.25,
  0.38095238095238095, 0.38095238095238095, 0.38095238095238095, 0.38095238095238095,
  0.004332515833, 0.004332515833, 0.004332515833, 0.004332515833,
  -0.03340319094, -0.03340319094, -0.03340319094, -0.03340319094,
  0.1150683242, 0.1150683242, 0.1150683242, 0.1150683242,
  -0.2258643184, -0.2258643184, -0.2258643184, -0.2258643184,
  0.2572579196, 0.2572579196, 0.2572579196, 0.2572579196,
  -0.1219154369, -0.1219154369, -0.1219154369, -0.1219154369,
  -0.09873557666, -0.09873557666, -0.09873557666, -0.09873557666,
  0.2015176686, 0.2015176686, 0.2015176686, 0.2015176686,
  -0.0920538638, -0.0920538638, -0.0920538638, -0.0920538638,
  -0.07607711468, -0.07607711468, -0.07607711468, -0.07607711468,
  0.09231928394, 0.09231928394, 0.09231928394, 0.09231928394,
  0.001704002169, 0.001704002169, 0.001704002169, 0.001704002169,
  -0.03227973748, -0.03227973748, -0.03227973748, -0.03227973748,
  0.004043349503, 0.004043349503, 0.004043349503, 0.004043349503,
  0.004086405569, 0.004086405569, 0.004086405569, 0.004086405569,
  127.0, 127.0, 127.0, 127.0,
  -127.0, -127.0, -127.0, -127.0,
  -126.0, -126.0, -126.0, -126.0,
  0.693146977, 0.693146977, 0.693146977, 0.693146977,
  0.2402224127, 0.2402224127, 0.2402224127, 0.2402224127,
  0.05550734388, 0.05550734388, 0.05550734388, 0.05550734388,
  0.009671565896, 0.009671565896, 0.009671565896, 0.009671565896,
  0.00132646585, 0.00132646585, 0.00132646585, 0.00132646585,
  1.59576912160573071, 1.59576912160573071, 1.59576912160573071, 1.59576912160573071,
  0.0713548162726, 0.0713548162726, 0.0713548162726, 0.0713548162726,
], 16)

const LOWEST: usize = 0
const LOG2E: usize = 1
/** 1.5 * 2^23: added to |x| < 2^22 it leaves x rounded to even in the low bits, in one instruction for round and convert. */
export const ROUNDER: usize = 2
const LN2_HIGH: usize = 3
const LN2_LOW: usize = 4
/** Coefficients of r to r^5. */
const E: usize = 5
export const ONE: usize = 10
const TWO: usize = 11
const TANH_MOST: usize = 12
const GELU_MOST: usize = 13
/** 2 / GELU_MOST */
const GELU_SCALE: usize = 14
/** Coefficients of v^0 to v^14. */
const G: usize = 15
/** The range of quantized activations. */
export const INT8_MOST: usize = 30
export const INT8_LEAST: usize = 31
/** Least exponent of exp2. */
export const LEAST_EXPONENT: usize = 32
/** Coefficients of r to r^5 of 2^r. */
export const F: usize = 33
/** 2 sqrt(2 / pi), and 0.044715 times it */
const GELU_TANH: usize = 38
const GELU_TANH_CUBE: usize = 39

// @ts-ignore: decorator
@inline
export function constant(index: usize): v128 {
  return v128.load(TABLE + (index << 4))
}

/** The same constant for vectors that share it: a splat serves both halves of 256 bits. */
// @ts-ignore: decorator
@inline
export function splatConstant(index: usize): v128 {
  return v128.load32_splat(TABLE + (index << 4))
}

/** A constant as the module's engine takes it best. */
// @ts-ignore: decorator
@inline
export function shared(index: usize): v128 {
  return WIDE ? splatConstant(index) : constant(index)
}

/** exp(x), x <= 88; below -87 the result is 0 or tiny. Relative error < 3e-7. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts so that n ln 2 is exact to more than 24 bits. Adding 1.5 * 2^23
  // rounds to an integer, which is then in the low bits; pmax is one instruction where max is eight
  const bounded = f32x4.pmax(constant(LOWEST), x)
  const rounded = madd(bounded, constant(LOG2E), constant(ROUNDER))
  const n = f32x4.sub(rounded, constant(ROUNDER))
  let r = madd(n, constant(LN2_HIGH), bounded)
  r = madd(n, constant(LN2_LOW), r)
  // (exp(r) - 1) / r of degree 4, fitted so that exp(r) is off by 9.2e-8 of itself at most
  let p = madd(r, constant(E + 4), constant(E + 3))
  p = madd(p, r, constant(E + 2))
  p = madd(p, r, constant(E + 1))
  p = madd(p, r, constant(E))
  p = madd(p, r, constant(ONE))
  // 2^n by adding n to the exponent bits; n >= -126 here, and the shift leaves only the low bits of `rounded`
  return i32x4.add(p, i32x4.shl(rounded, 23))
}

/** 2^x, x <= 127; below -126 the result is 2^-126, of NaN it is NaN. Relative error < 3e-7. */
// @ts-ignore: decorator
@inline
export function exp2(x: v128): v128 {
  return exp2Of(x, constant(LEAST_EXPONENT), constant(ROUNDER), constant(F + 4), constant(F + 3), constant(F + 2), constant(F + 1), constant(F), constant(ONE))
}

/** exp2 by given constants. */
// @ts-ignore: decorator
@inline
export function exp2Of(
  x: v128, least: v128, rounder: v128, f4: v128, f3: v128, f2: v128, f1: v128, f0: v128, one: v128,
): v128 {
  // x = n + r, |r| <= 0.5: exact, where exp has to take n ln 2 off in two parts
  // in this order pmax gives NaN for NaN
  const bounded = f32x4.pmax(x, least)
  const rounded = f32x4.add(bounded, rounder)
  const r = f32x4.sub(bounded, f32x4.sub(rounded, rounder))
  // exp's polynomial in r ln 2
  let p = madd(r, f4, f3)
  p = madd(p, r, f2)
  p = madd(p, r, f1)
  p = madd(p, r, f0)
  p = madd(p, r, one)
  return i32x4.add(p, i32x4.shl(rounded, 23))
}

/**
 * 0.5 x (1 + erf(x / sqrt 2)) = max(x, 0) - s g(s), s = |x|, g(s) = 0.5 erfc(s / sqrt 2): absolute error < 3e-7 max(1, |x|)
 * and < 1.5e-6. s stops at 5.25, where s g(s) is 4e-7; below, g is a polynomial of degree 14 in v = 2 s / 5.25 - 1, fitted
 * so that s g(s) is off by 1.6e-7 max(1, s) at most. In v its coefficients sum to 1.4 in size: no cancellation.
 */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  return geluOf(
    x, constant(GELU_MOST), constant(GELU_SCALE), constant(ONE),
    constant(G + 14), constant(G + 13), constant(G + 12), constant(G + 11), constant(G + 10), constant(G + 9), constant(G + 8), constant(G + 7),
    constant(G + 6), constant(G + 5), constant(G + 4), constant(G + 3), constant(G + 2), constant(G + 1), constant(G),
  )
}

/** gelu by given constants: two of its vectors can share theirs. */
// @ts-ignore: decorator
@inline
function geluOf(
  x: v128, most: v128, unit: v128, one: v128,
  g14: v128, g13: v128, g12: v128, g11: v128, g10: v128, g9: v128, g8: v128, g7: v128, g6: v128, g5: v128, g4: v128, g3: v128, g2: v128, g1: v128, g0: v128,
): v128 {
  const size = f32x4.pmin(most, f32x4.abs(x))
  const v = f32x4.sub(f32x4.mul(size, unit), one)
  // even and odd powers apart: one chain of 14 steps would wait for itself
  const square = f32x4.mul(v, v)
  let even = madd(square, g14, g12)
  let odd = madd(square, g13, g11)
  even = madd(even, square, g10)
  odd = madd(odd, square, g9)
  even = madd(even, square, g8)
  odd = madd(odd, square, g7)
  even = madd(even, square, g6)
  odd = madd(odd, square, g5)
  even = madd(even, square, g4)
  odd = madd(odd, square, g3)
  even = madd(even, square, g2)
  odd = madd(odd, square, g1)
  even = madd(even, square, g0)
  // 0 x: 0, and NaN where x is infinite, which the bounds would hide
  const positive = madd(x, f32x4.splat(0.0), f32x4.pmax(x, f32x4.splat(0.0)))
  return f32x4.sub(positive, f32x4.mul(size, madd(odd, v, even)))
}

/** Stores gelu of x0 and of x1 at `to`, as one of 256 bits where the engine joins neighbours. */
// @ts-ignore: decorator
@inline
export function storeGeluPair(x0: v128, x1: v128, to: usize): void {
  const most = splatConstant(GELU_MOST)
  const unit = splatConstant(GELU_SCALE)
  const one = splatConstant(ONE)
  const g14 = splatConstant(G + 14)
  const g13 = splatConstant(G + 13)
  const g12 = splatConstant(G + 12)
  const g11 = splatConstant(G + 11)
  const g10 = splatConstant(G + 10)
  const g9 = splatConstant(G + 9)
  const g8 = splatConstant(G + 8)
  const g7 = splatConstant(G + 7)
  const g6 = splatConstant(G + 6)
  const g5 = splatConstant(G + 5)
  const g4 = splatConstant(G + 4)
  const g3 = splatConstant(G + 3)
  const g2 = splatConstant(G + 2)
  const g1 = splatConstant(G + 1)
  const g0 = splatConstant(G)
  v128.store(to, geluOf(x1, most, unit, one, g14, g13, g12, g11, g10, g9, g8, g7, g6, g5, g4, g3, g2, g1, g0), 16)
  v128.store(to, geluOf(x0, most, unit, one, g14, g13, g12, g11, g10, g9, g8, g7, g6, g5, g4, g3, g2, g1, g0))
}

/** tanh(x) = sign(x) (1 - 2 / (exp(2 |x|) + 1)); absolute error < 3e-7. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.pmin(constant(TANH_MOST), f32x4.abs(x))
  const e = exp(f32x4.add(size, size))
  const one = constant(ONE)
  const positive = f32x4.sub(one, f32x4.div(constant(TWO), f32x4.add(e, one)))
  // pmin passes over NaN: all bits set are one again
  return v128.or(v128.or(positive, v128.and(x, i32x4.splat(0x80000000))), f32x4.ne(x, x))
}

/** x / (1 + exp(-z)), z of the sign of x: with exp(-|z|), which is at most 1, and multiplies x where x < 0. */
// @ts-ignore: decorator
@inline
function timesSigmoid(x: v128, z: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(z)))
  const numerator = v128.bitselect(f32x4.mul(x, e), x, f32x4.lt(x, f32x4.splat(0.0)))
  return f32x4.div(numerator, f32x4.add(e, constant(ONE)))
}

/** x / (1 + exp(-x)); absolute error < 4e-7 max(1, |x|). */
// @ts-ignore: decorator
@inline
export function silu(x: v128): v128 {
  return timesSigmoid(x, x)
}

/** 0.5 x (1 + tanh(z / 2)) = x / (1 + exp(-z)), z = 2 sqrt(2 / pi) (x + 0.044715 x^3); absolute error < 4e-7 max(1, |x|). */
// @ts-ignore: decorator
@inline
export function geluTanh(x: v128): v128 {
  return timesSigmoid(x, f32x4.mul(x, madd(f32x4.mul(x, x), constant(GELU_TANH_CUBE), constant(GELU_TANH))))
}
