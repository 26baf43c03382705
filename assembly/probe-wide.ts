// Whether the engine runs pairs of vectors as one of 256 bits: the same multiply-adds in two loops, of which it can pair the one.

import { madd } from './lib/simd'

/**
 * `steps` times 32 vectors of multiply-adds; what comes out is stored at `to`, 256 bytes of scratch. Both loops are in one
 * function, so that no compiler's tier has the one and not yet the other.
 *
 * @param isWide 1: in 16 sums whose neighbours are stored as neighbours, and which spill where they are not joined; 0: in 8
 *   sums that are stored apart, which nobody joins
 * @param value 0.5, by which no sum becomes large or tiny: given, since a constant would be built anew in the loops
 */
export function probe_vectors(isWide: i32, steps: i32, value: f32, to: usize): void {
  const x = f32x4.splat(value)
  if (isWide != 0) {
    let c0 = x, c1 = x, c2 = x, c3 = x, c4 = x, c5 = x, c6 = x, c7 = x
    let d0 = x, d1 = x, d2 = x, d3 = x, d4 = x, d5 = x, d6 = x, d7 = x
    for (let i = 0; i < steps; i++) {
      c0 = madd(c0, x, x); c1 = madd(c1, x, x); c2 = madd(c2, x, x); c3 = madd(c3, x, x)
      c4 = madd(c4, x, x); c5 = madd(c5, x, x); c6 = madd(c6, x, x); c7 = madd(c7, x, x)
      d0 = madd(d0, x, x); d1 = madd(d1, x, x); d2 = madd(d2, x, x); d3 = madd(d3, x, x)
      d4 = madd(d4, x, x); d5 = madd(d5, x, x); d6 = madd(d6, x, x); d7 = madd(d7, x, x)
      c0 = madd(c0, x, x); c1 = madd(c1, x, x); c2 = madd(c2, x, x); c3 = madd(c3, x, x)
      c4 = madd(c4, x, x); c5 = madd(c5, x, x); c6 = madd(c6, x, x); c7 = madd(c7, x, x)
      d0 = madd(d0, x, x); d1 = madd(d1, x, x); d2 = madd(d2, x, x); d3 = madd(d3, x, x)
      d4 = madd(d4, x, x); d5 = madd(d5, x, x); d6 = madd(d6, x, x); d7 = madd(d7, x, x)
    }
    v128.store(to, c0); v128.store(to, c1, 16); v128.store(to, c2, 32); v128.store(to, c3, 48)
    v128.store(to, c4, 64); v128.store(to, c5, 80); v128.store(to, c6, 96); v128.store(to, c7, 112)
    v128.store(to, d0, 128); v128.store(to, d1, 144); v128.store(to, d2, 160); v128.store(to, d3, 176)
    v128.store(to, d4, 192); v128.store(to, d5, 208); v128.store(to, d6, 224); v128.store(to, d7, 240)
  } else {
    let c0 = x, c1 = x, c2 = x, c3 = x, c4 = x, c5 = x, c6 = x, c7 = x
    for (let i = 0; i < steps; i++) {
      c0 = madd(c0, x, x); c1 = madd(c1, x, x); c2 = madd(c2, x, x); c3 = madd(c3, x, x)
      c4 = madd(c4, x, x); c5 = madd(c5, x, x); c6 = madd(c6, x, x); c7 = madd(c7, x, x)
      c0 = madd(c0, x, x); c1 = madd(c1, x, x); c2 = madd(c2, x, x); c3 = madd(c3, x, x)
      c4 = madd(c4, x, x); c5 = madd(c5, x, x); c6 = madd(c6, x, x); c7 = madd(c7, x, x)
      c0 = madd(c0, x, x); c1 = madd(c1, x, x); c2 = madd(c2, x, x); c3 = madd(c3, x, x)
      c4 = madd(c4, x, x); c5 = madd(c5, x, x); c6 = madd(c6, x, x); c7 = madd(c7, x, x)
      c0 = madd(c0, x, x); c1 = madd(c1, x, x); c2 = madd(c2, x, x); c3 = madd(c3, x, x)
      c4 = madd(c4, x, x); c5 = madd(c5, x, x); c6 = madd(c6, x, x); c7 = madd(c7, x, x)
    }
    v128.store(to, c0); v128.store(to, c1, 32); v128.store(to, c2, 64); v128.store(to, c3, 96)
    v128.store(to, c4, 128); v128.store(to, c5, 160); v128.store(to, c6, 192); v128.store(to, c7, 224)
  }
}
