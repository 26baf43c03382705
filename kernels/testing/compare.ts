// The comparator every kernel test goes through. It is the first thing that is tested (compare.test.ts): comparators
// of good projects have let NaN, swapped rows and zeroed lanes pass.

export interface Comparison {
  /** largest |actual - expected| / bound; 0 where all are equal */
  worstRatio: number
  /** index of the worst element */
  worstIndex: number
  /** root mean square of `expected` */
  rms: number
}

/** A bound per element, or one for all of them. */
export type Bound = number | ArrayLike<number>

/** A derived bound above this share of the output's RMS proves nothing. */
const VACUOUS = 0.02

/**
 * Throws unless |actual[i] - expected[i]| <= bound[i] for every i. NaN or infinity in `actual` always fails; a length
 * mismatch or an empty comparison fails; a bound above 2 % of the output's RMS fails as vacuous.
 *
 * @param label variant, shape and seed, printed on failure
 */
export function assertWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: Bound,
  label: string,
): Comparison {
  if (actual.length !== expected.length)
    throw new Error(`${label}: ${actual.length} elements, expected ${expected.length}`)
  if (typeof bound !== 'number' && bound.length !== expected.length)
    throw new Error(`${label}: ${bound.length} bounds for ${expected.length} elements`)
  if (expected.length === 0) throw new Error(`${label}: nothing to compare`)
  const boundAt = (i: number): number => (typeof bound === 'number' ? bound : bound[i])
  let sumOfSquares = 0
  let sumOfBounds = 0
  let worstRatio = 0
  let worstIndex = 0
  let failures = 0
  for (let i = 0; i < expected.length; i++) {
    sumOfSquares += expected[i] * expected[i]
    sumOfBounds += boundAt(i)
    const difference = Math.abs(actual[i] - expected[i])
    if (!(difference <= boundAt(i))) failures++
    const ratio =
      difference === 0 ? 0 : boundAt(i) === 0 || Number.isNaN(difference) ? Infinity : difference / boundAt(i)
    if (ratio > worstRatio) {
      worstRatio = ratio
      worstIndex = i
    }
  }
  const rms = Math.sqrt(sumOfSquares / expected.length)
  if (failures > 0)
    throw new Error(
      `${label}: ${failures} of ${expected.length} elements are off; worst at ${worstIndex}: ` +
        `actual ${actual[worstIndex]}, expected ${expected[worstIndex]}, bound ${boundAt(worstIndex)}`,
    )
  if (rms > 0 && sumOfBounds / expected.length > VACUOUS * rms)
    throw new Error(
      `${label}: the mean bound ${sumOfBounds / expected.length} is above ${VACUOUS} of the RMS ${rms}: the test proves nothing`,
    )
  return { worstRatio, worstIndex, rms }
}

/** Throws unless both hold the same integers (or bit-equal floats); NaN never passes. */
export function assertExact(actual: ArrayLike<number>, expected: ArrayLike<number>, label: string): void {
  assertWithin(actual, expected, 0, label)
}
