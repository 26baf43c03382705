// What s8 rows may be, from float64 rows with bounds: every integer but near a tie, every scale within a derived bound.

import { F32_ROUNDOFF } from '../program/contract.ts'
import type { Int8Rows } from '../program/device.ts'
import { assertWithin } from './compare.ts'

/** Relative error of an adapter's division (2.5 ulp) or of a correctly rounded one, of the product with it, and of values. */
const DIVISION = 5 * F32_ROUNDOFF

/**
 * Throws unless `actual` is what rounding of rows within `bounds` of `values` [M, width] may give:
 * - scales: |scale - amax / 127| <= (largest bound of the row) / 127 + DIVISION * scale; a given one is exact.
 * - integers: round(y / scale) for a y and a scale within their bounds, so that an integer is exact wherever y / scale is
 *   farther from a tie than the error of y / scale; that few are as near is checked too.
 *
 * @returns the share of integers that the bounds leave no choice
 */
export function assertInt8Rows(
  actual: Int8Rows,
  { values, bounds }: { values: ArrayLike<number>; bounds: ArrayLike<number> },
  width: number,
  label: string,
  scale?: number,
): number {
  const M = actual.scales.length
  if (values.length !== M * width || actual.data.length !== M * width)
    throw new Error(`${label}: ${M} scales and ${actual.data.length} integers, expected ${values.length / width} rows`)
  const scales = new Float64Array(M)
  const scaleBounds = new Float64Array(M)
  let exact = 0
  for (let m = 0; m < M; m++) {
    let [amax, most] = [0, 0]
    for (let i = m * width; i < (m + 1) * width; i++) {
      amax = Math.max(amax, Math.abs(values[i]))
      most = Math.max(most, bounds[i])
    }
    scales[m] = scale ?? amax / 127
    if (scale === undefined) scaleBounds[m] = most / 127 + DIVISION * scales[m]
    for (let i = m * width; i < (m + 1) * width; i++) {
      const q = actual.data[i]
      const quotient = scales[m] === 0 ? 0 : values[i] / scales[m]
      const error =
        scales[m] === 0 ? 0 : (bounds[i] + Math.abs(quotient) * (scaleBounds[m] + DIVISION * scales[m])) / scales[m]
      const [low, high] = [nearest(quotient - error), nearest(quotient + error)]
      if (low === high) exact++
      if (!(q >= low && q <= high))
        throw new Error(
          `${label}: integer ${i} is ${q}, expected ${low} to ${high}: ${values[i]} within ${bounds[i]}, scale ${scales[m]}`,
        )
    }
  }
  // a bound of 0 for rows of zeros, whose scale is 0
  assertWithin(actual.scales, scales, scaleBounds, `${label}: scales`)
  const share = exact / (M * width)
  if (share < 0.95) throw new Error(`${label}: only ${share} of the integers have no choice: the test proves little`)
  return share
}

/** Either neighbour of an exact tie is within an error that is more than 0; of an error of 0 the even one. */
function nearest(x: number): number {
  const floor = Math.floor(x)
  const even = floor % 2 === 0 ? floor : floor + 1
  const rounded = x - floor === 0.5 ? even : Math.round(x)
  return Math.max(-127, Math.min(127, rounded))
}
