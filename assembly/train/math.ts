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
