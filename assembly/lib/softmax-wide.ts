// The softmax of a row of scores where an engine runs pairs of vectors as one of 256 bits: see softmaxRow. Both halves share
// constants, and are stored as neighbours where they are handed on.

import { exp2Of, F, LEAST_EXPONENT, ONE, ROUNDER, splatConstant } from './math'
import { COLUMNS } from './panels'
import { madd, sumLanes } from './simd'
import { larger } from './softmax'

/** The first panel of the scores, which were read by then, holds the sums at the end. */
// @ts-ignore: decorator
@inline
export function softmaxRowWide(isI16: bool, scores: usize, panelBytes: usize, T: i32, scale: f32, shift: f32, weights: usize): f32 {
  const end = scores + <usize>((T + COLUMNS - 1) / COLUMNS) * panelBytes
  let most = v128.load(scores), most1 = v128.load(scores, 16)
  for (let at = scores; at < end; at += panelBytes) {
    most = larger(isI16, larger(isI16, most, v128.load(at)), v128.load(at, 32))
    most1 = larger(isI16, larger(isI16, most1, v128.load(at, 16)), v128.load(at, 48))
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
    let s0 = v128.load(at), s1 = v128.load(at, 16), s2 = v128.load(at, 32), s3 = v128.load(at, 48)
    if (isI16) {
      s0 = f32x4.convert_i32x4_s(s0); s1 = f32x4.convert_i32x4_s(s1)
      s2 = f32x4.convert_i32x4_s(s2); s3 = f32x4.convert_i32x4_s(s3)
    }
    const e0 = exp2Of(madd(s0, scales, offset), least, rounder, f4, f3, f2, f1, f0, one)
    const e1 = exp2Of(madd(s1, scales, offset), least, rounder, f4, f3, f2, f1, f0, one)
    const e2 = exp2Of(madd(s2, scales, offset), least, rounder, f4, f3, f2, f1, f0, one)
    const e3 = exp2Of(madd(s3, scales, offset), least, rounder, f4, f3, f2, f1, f0, one)
    sums = f32x4.add(f32x4.add(sums, e0), e2)
    sums1 = f32x4.add(f32x4.add(sums1, e1), e3)
    // of integers in the place of the scores
    const kept = isI16 ? at : to
    v128.store(kept, e1, 16); v128.store(kept, e0); v128.store(kept, e3, 48); v128.store(kept, e2, 32)
    if (isI16) {
      const q0 = i32x4.sub(f32x4.add(e0, rounder), rounder), q1 = i32x4.sub(f32x4.add(e1, rounder), rounder)
      const q2 = i32x4.sub(f32x4.add(e2, rounder), rounder), q3 = i32x4.sub(f32x4.add(e3, rounder), rounder)
      v128.store(to, i16x8.narrow_i32x4_s(q0, q1))
      v128.store(to, i16x8.narrow_i32x4_s(q2, q3), 16)
    }
    to += isI16 ? 32 : 64
  }
  // of the last panel: there are T % COLUMNS of its columns
  const last = isI16 ? end - panelBytes : to - 64
  let past = f32x4.splat(0.0)
  if (T & (COLUMNS - 1)) {
    for (let c = 0; c < COLUMNS; c += 4) {
      const isPast = i32x4.ge_s(i32x4(0, 1, 2, 3), i32x4.splat((T & (COLUMNS - 1)) - c))
      past = f32x4.add(past, v128.and(v128.load(last + (<usize>c << 2)), isPast))
    }
  }
  v128.store(scores, sums1, 16)
  v128.store(scores, sums)
  return sumLanes(f32x4.sub(f32x4.add(v128.load(scores), v128.load(scores, 16)), past))
}
