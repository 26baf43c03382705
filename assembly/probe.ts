// What i32x4.relaxed_dot_i8x16_i7x16_add_s computes on this engine: one dot of given bytes.

import { RELAXED } from './lib/simd'

/** Four times w * x in one i32 lane, w the first operand's byte (i8), x the second's (i7 by the specification); 0 in baseline. */
export function probe_dot(w: i32, x: i32): i32 {
  if (!RELAXED) return 0
  const sum = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(<i8>w), i8x16.splat(<i8>x), i32x4.splat(0))
  return i32x4.extract_lane(sum, 0)
}
