// What i32x4.relaxed_dot_i8x16_i7x16_add_s computes on this engine, and which int8 way that allows.
// The specification leaves open what an 8-bit second operand means and whether pairs saturate at 16 bits.

import type { Int8Path } from './lowering.ts'

/** Exact for u8 activations, exact for s8 activations, or neither. */
export type DotMeaning = 'u8' | 's8' | 'saturating'

/** Byte pairs (weight, activation) that tell the meanings apart. */
const PAIRS = [
  [127, 255],
  [-127, 255],
  [127, 128],
  [-127, 128],
  [127, 127],
  [-127, 127],
  [1, 200],
] as const

/** @param probeDot four times weight * activation by one relaxed dot: assembly/probe.ts */
export function dotMeaning(probeDot: (weight: number, activation: number) => number): DotMeaning {
  if (PAIRS.every(([w, x]) => probeDot(w, x) === 4 * w * x)) return 'u8'
  if (PAIRS.every(([w, x]) => probeDot(w, x) === 4 * w * ((x << 24) >> 24))) return 's8'
  return 'saturating'
}

/** The fastest exact way for a meaning. */
export function pathFor(meaning: DotMeaning): Int8Path {
  return meaning === 'saturating' ? 'i16x8' : meaning
}

/** The way and why, for `info().variants`. */
export function describePath(path: Int8Path, meaning: DotMeaning | null): string {
  const why =
    meaning === null
      ? 'no relaxed SIMD in this build'
      : meaning === 'saturating'
        ? 'relaxed dot saturates at 16 bits on this engine'
        : `relaxed dot is exact for ${meaning} activations on this engine`
  return `${path} (${why})`
}
