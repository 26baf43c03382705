// One f32 matrix rounded to int8, by the rule of quantize.ts. For callers of kernels too: imports nothing that only compression needs.

import type { Int8Weight } from '../../kernels/program/weights.ts'
import { requireFinite } from './finite.ts'

/** Smallest normal f32, 2^-126. */
export const SMALLEST_SCALE = 2 ** -126

/** The scale of a symmetric row with this largest magnitude; 0 for a row of zeros. */
export function symmetricScale(largest: number): number {
  return largest === 0 ? 0 : Math.max(SMALLEST_SCALE, Math.fround(largest / 127))
}

/** The scale that all rows of a tensor share where they do not have one each. */
export const sharedScales = (data: Float32Array, N: number): Float32Array =>
  new Float32Array(N).fill(symmetricScale(largestMagnitude(data, 0, data.length)))

export function quantizeValue(value: number, scale: number): number {
  return scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale)))
}

/** Largest |value| of values[from .. to). */
export function largestMagnitude(values: Float32Array, from: number, to: number): number {
  let largest = 0
  for (let i = from; i < to; i++) {
    const magnitude = Math.abs(values[i])
    if (magnitude > largest) largest = magnitude
  }
  return largest
}

/**
 * Dense int8 of a row-major f32 matrix [N, K], one scale per output row unless `perTensor`.
 * @param name tensor or layer, for the message where a weight is NaN or infinite
 */
export function quantizeWeight(
  data: Float32Array,
  N: number,
  K: number,
  name = 'weight',
  { perTensor = false }: { perTensor?: boolean } = {},
): Int8Weight {
  if (data.length !== N * K) throw new Error(`${name}: ${data.length} elements, expected ${N} x ${K} = ${N * K}`)
  requireFinite(data, K, name)
  const quantized = new Int8Array(N * K)
  const scales = perTensor ? sharedScales(data, N) : new Float32Array(N)
  for (let row = 0; row < N; row++) {
    if (!perTensor) scales[row] = symmetricScale(largestMagnitude(data, row * K, (row + 1) * K))
    const scale = scales[row]
    for (let i = row * K; i < (row + 1) * K; i++) quantized[i] = quantizeValue(data[i], scale)
  }
  return { kind: 'int8', N, K, data: quantized, scales }
}
