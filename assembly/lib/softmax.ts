// The softmax of a row of scores, before its division: powers of 2.

import { I16_TILE_ROWS, PANEL, TILE_ROWS } from '../abi'
import { exp2, ROUNDER, shared } from './math'
import { COLUMNS, panelCount } from './panels'
import { madd, sumLanes, WIDE } from './simd'
import { softmaxRowWide } from './softmax-wide'

/** Bytes from a row's scores with COLUMNS keys to its scores with the next. */
// @ts-ignore: decorator
@inline
const SCORE_PANEL: usize = <usize>(TILE_ROWS * COLUMNS) << 2
// @ts-ignore: decorator
@inline
const SCORE_PANEL_I16: usize = <usize>(I16_TILE_ROWS * COLUMNS) << 2

/**
 * 2^(shift + scale (s - max)) of a row of T scores, COLUMNS of them every `panelBytes`, into a row of `weights`, padded to COLUMNS;
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

// @ts-ignore: decorator
@inline
export function larger(isI16: bool, a: v128, b: v128): v128 {
  return isI16 ? i32x4.max_s(a, b) : f32x4.pmax(a, b)
}

/** Eight f32 of magnitude below 2^15, rounded to even, as i16. */
// @ts-ignore: decorator
@inline
export function roundEight(x0: v128, x1: v128): v128 {
  const rounder = shared(ROUNDER)
  return i16x8.narrow_i32x4_s(i32x4.sub(f32x4.add(x0, rounder), rounder), i32x4.sub(f32x4.add(x1, rounder), rounder))
}

export function exponentiate(scores: usize, T: i32, scale: f32, weights: usize): f32 {
  return softmaxRow(false, scores, SCORE_PANEL, T, scale, 0.0, weights)
}

export function exponentiateI16(scores: usize, T: i32, scale: f32, shift: f32, weights: usize): f32 {
  return softmaxRow(true, scores, SCORE_PANEL_I16, T, scale, shift, weights)
}
