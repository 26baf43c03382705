// What i32x4.relaxed_dot_i8x16_i7x16_add_s computes on this engine, and which dot strategy that allows.
// The specification leaves open what an 8-bit second operand means and whether pairs saturate at 16 bits.

/** Exact for u8 activations, exact for s8 activations, or neither. */
export type RelaxedDot = 'u8' | 's8' | 'saturating'

/** Byte pairs (weight, activation) that tell them apart. */
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
export function relaxedDotOf(probeDot: (weight: number, activation: number) => number): RelaxedDot {
  if (PAIRS.every(([w, x]) => probeDot(w, x) === 4 * w * x)) return 'u8'
  if (PAIRS.every(([w, x]) => probeDot(w, x) === 4 * w * ((x << 24) >> 24))) return 's8'
  return 'saturating'
}

/** The strategy and why, for `info().variants`. */
export function describeStrategy(strategy: string, relaxedDot: RelaxedDot | null): string {
  const why =
    relaxedDot === null
      ? 'no relaxed SIMD in this build'
      : relaxedDot === 'saturating'
        ? 'relaxed dot saturates at 16 bits on this engine'
        : `relaxed dot is exact for ${relaxedDot} activations on this engine`
  return `${strategy} (${why})`
}
