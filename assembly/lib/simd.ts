// What differs between the two SIMD targets, decided at compile time.

/** True in the builds for engines with relaxed SIMD (asconfig.json: targets relaxed, relaxed-shared). */
// @ts-ignore: decorator
@inline
export const RELAXED: bool = ASC_FEATURE_RELAXED_SIMD

/** True in the module for engines that run pairs of vectors as one of 256 bits (asconfig.json: target wide). */
// @ts-ignore: decorator
@inline
export const WIDE: bool = isDefined(WIDE_MODULE)

/** a * b + c per f32 lane: one rounding with relaxed SIMD on engines with FMA, else two. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (RELAXED) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** f32 sum of four lanes, pairwise. */
// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** Bits of magnitudes from which a row of f32 counts as not finite: LARGEST_F32 of kernels/program/quantization.ts. */
// @ts-ignore: decorator
@inline
const NOT_FINITE: i32 = 0x7f7fffff

/**
 * The largest magnitude of f32, or NaN where one is not finite. Bits of f32 are ordered as magnitudes are, with infinity and
 * NaN above all, where f32x4.pmax passes over NaN; and of unsigned numbers those of negative ones are the largest.
 *
 * @param positive i32x4.max_s of the values' bits, from 0
 * @param negative i32x4.max_u of the values' bits, from 0
 */
// @ts-ignore: decorator
@inline
export function largestMagnitude(positive: v128, negative: v128): f32 {
  let v = i32x4.max_s(positive, v128.and(negative, i32x4.splat(0x7fffffff)))
  v = i32x4.max_s(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1))
  v = i32x4.max_s(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2))
  return i32x4.extract_lane(v, 0) < NOT_FINITE ? f32x4.extract_lane(v, 0) : NaN
}
