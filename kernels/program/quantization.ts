// The one law by which every backend quantizes activations, per row, symmetric:
//   scale = f32(amax / 127), inverse = f32(127 / amax), q = clamp(round_to_even(f32(x * inverse)), -127, 127);
//   an all-zero row has scale 0 and q 0.
// A row that holds NaN, infinity or a magnitude of LARGEST_F32 has scale NaN, calibrated or not, so that all its outputs are
// NaN; its q are anything.
// A calibrated layer has one fixed scale s for all rows instead: scale = s, inverse = f32(1 / s), q as above, so that what
// lies beyond 127 s is clipped. The host computes the inverse, and every backend multiplies by the same one.
// The products of two such bytes sum exactly in i32 up to K = 133144 (127 * 127 * K < 2^31).

/** Largest K for which an i32 accumulator cannot overflow with both operands in [-127, 127]. */
export const INT8_MAX_K = 133144

/** Range of fixed scales: within it a scale and its inverse are normal f32 on every device. */
export const SMALLEST_ACTIVATION_SCALE = 2 ** -100
export const LARGEST_ACTIVATION_SCALE = 2 ** 100

/** The magnitude from which a row counts as not finite. */
export const LARGEST_F32 = 2 ** 128 - 2 ** 104

/** A fixed scale as the kernels take it: f32 scale and inverse, or zeros for rows with scales of their own. */
export function fixedScale(activationScale: number | undefined): { scale: number; inverse: number } {
  if (activationScale === undefined) return { scale: 0, inverse: 0 }
  const scale = Math.fround(activationScale)
  return { scale, inverse: Math.fround(1 / scale) }
}

/**
 * Quantizes one row x [K] into q [K]; returns its scale. All arithmetic in f32, as the kernels do it.
 * @param activationScale a calibrated scale in place of the row's own
 */
export function quantizeRow(x: Float32Array, q: Int8Array, activationScale?: number): number {
  let { scale, inverse } = fixedScale(activationScale)
  let amax = 0
  for (const value of x) amax = Math.max(amax, Math.abs(value))
  if (!(amax < LARGEST_F32)) {
    q.fill(0)
    return NaN
  }
  if (activationScale === undefined) {
    scale = Math.fround(amax / 127)
    inverse = amax > 0 ? Math.fround(127 / amax) : 0
  }
  for (let k = 0; k < x.length; k++) {
    const scaled = Math.fround(x[k] * inverse)
    q[k] = Math.max(-127, Math.min(127, roundToEven(scaled)))
  }
  return scale
}

export function roundToEven(x: number): number {
  const floor = Math.floor(x)
  const fraction = x - floor
  if (fraction !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}
