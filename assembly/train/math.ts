// Elementary functions that only training needs, on four f32 lanes.

import { exp } from '../lib/math'
import { madd } from '../lib/simd'

/**
 * Derivative of 0.5 x (1 + erf(x / sqrt 2)): P(x) + x p(x), with the normal distribution P and its density p; both come
 * from one exp(-x^2 / 2). Absolute error < 5e-7 (erfc by formula 7.1.26 of Abramowitz and Stegun, as lib/math.ts gelu).
 */
// @ts-ignore: decorator
@inline
export function geluDerivative(x: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678118654752))
  const t = f32x4.div(f32x4.splat(1.0), madd(z, f32x4.splat(0.3275911), f32x4.splat(1.0)))
  let p = madd(t, f32x4.splat(1.061405429), f32x4.splat(-1.453152027))
  p = madd(p, t, f32x4.splat(1.421413741))
  p = madd(p, t, f32x4.splat(-0.284496736))
  p = madd(p, t, f32x4.splat(0.254829592))
  const bell = exp(f32x4.neg(f32x4.mul(z, z)))
  // the tail beyond |x|; below zero it is P itself, above zero 1 - P
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(p, t), bell), f32x4.splat(0.5))
  const isNegative = f32x4.lt(x, f32x4.splat(0.0))
  const distribution = v128.bitselect(tail, f32x4.sub(f32x4.splat(1.0), tail), isNegative)
  return madd(f32x4.mul(x, bell), f32x4.splat(0.3989422804014327), distribution)
}

/** Beyond this size the slopes below are 0 or 1 to f32. */
const FLAT: f32 = 20.0

/** Logistic function of z, from e = exp(-|z|), which is at most 1. */
// @ts-ignore: decorator
@inline
function sigmoidOf(e: v128, z: v128): v128 {
  const one = f32x4.splat(1.0)
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(z, f32x4.splat(0.0))), f32x4.add(e, one))
}

/** x within +-FLAT; NaN stays. */
// @ts-ignore: decorator
@inline
function bounded(x: v128): v128 {
  return f32x4.min(f32x4.splat(FLAT), f32x4.max(f32x4.splat(-FLAT), x))
}

/** Derivative of x s(x), s the logistic function: s (1 + x (1 - s)). Absolute error < 1e-6. */
// @ts-ignore: decorator
@inline
export function siluDerivative(x: v128): v128 {
  const v = bounded(x)
  const s = sigmoidOf(exp(f32x4.neg(f32x4.abs(v))), v)
  return madd(f32x4.mul(v, f32x4.sub(f32x4.splat(1.0), s)), s, s)
}

/**
 * Derivative of x s(z), z = 2 sqrt(2 / pi) (x + 0.044715 x^3): s + x s (1 - s) z'. 1 - s is e / (1 + e) or 1 / (1 + e), so that
 * nothing cancels where z is large. Absolute error < 2e-6.
 */
// @ts-ignore: decorator
@inline
export function geluTanhDerivative(x: v128): v128 {
  const v = bounded(x)
  const square = f32x4.mul(v, v)
  const z = f32x4.mul(v, madd(square, f32x4.splat(0.0713548162726), f32x4.splat(1.59576912160573071)))
  const e = exp(f32x4.neg(f32x4.abs(z)))
  const s = sigmoidOf(e, z)
  const below = f32x4.div(e, f32x4.add(e, f32x4.splat(1.0)))
  const most = f32x4.sub(f32x4.splat(1.0), below)
  // 3 times the cubic term
  const slope = madd(square, f32x4.splat(0.2140644488178), f32x4.splat(1.59576912160573071))
  return madd(f32x4.mul(v, slope), f32x4.mul(below, most), s)
}

/**
 * Zeroes lanes of `v` with probability 1 - keep and divides the others by keep. Which lanes: a hash of (key, index of the
 * first lane), so that the backward pass, any thread and any run find the same mask without storing it.
 */
// @ts-ignore: decorator
@inline
export function dropLanes(v: v128, key: i32, index: i32, keep: f32): v128 {
  let h = i32x4.add(i32x4.splat(index), i32x4(0, 1, 2, 3))
  h = v128.xor(i32x4.mul(h, i32x4.splat(0x9e3779b1)), i32x4.splat(key))
  h = v128.xor(h, i32x4.shr_u(h, 16))
  h = i32x4.mul(h, i32x4.splat(0x7feb352d))
  h = v128.xor(h, i32x4.shr_u(h, 15))
  h = i32x4.mul(h, i32x4.splat(0x846ca68b))
  h = i32x4.shr_u(v128.xor(h, i32x4.shr_u(h, 16)), 8)
  const isKept = i32x4.lt_s(h, i32x4.splat(<i32>(keep * 16777216.0)))
  return v128.and(f32x4.mul(v, f32x4.splat(<f32>1.0 / keep)), isKept)
}
