// The one law by which every backend quantizes activations, per row, symmetric:
//   scale = f32(amax / 127), inverse = f32(127 / amax), q = clamp(round_to_even(f32(x * inverse)), -127, 127);
//   an all-zero row has scale 0 and q 0.
// The products of two such bytes sum exactly in i32 up to K = 133144 (127 * 127 * K < 2^31).

/** Largest K for which an i32 accumulator cannot overflow with both operands in [-127, 127]. */
export const INT8_MAX_K = 133144

/** Quantizes one row x [K] into q [K]; returns its scale. All arithmetic in f32, as the kernels do it. */
export function quantizeRow(x: Float32Array, q: Int8Array): number {
  let amax = 0
  for (const value of x) amax = Math.max(amax, Math.abs(value))
  const inverse = amax > 0 ? Math.fround(127 / amax) : 0
  for (let k = 0; k < x.length; k++) {
    const scaled = Math.fround(x[k] * inverse)
    q[k] = Math.max(-127, Math.min(127, roundToEven(scaled)))
  }
  return Math.fround(amax / 127)
}

export function roundToEven(x: number): number {
  const floor = Math.floor(x)
  const fraction = x - floor
  if (fraction !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}
