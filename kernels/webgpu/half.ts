// Half precision in dense layers, where the caller allows it. Weights stored as halves take half the memory and half of its
// traffic; `unpack2x16float` is core WGSL, so that no adapter needs shader-f16 for them. Arithmetic in f16 does need it.

import { PRECISIONS, type Precision } from '../program/device.ts'

/** The feature of arithmetic in f16. */
export const HALF_FEATURE = 'shader-f16'

/** Throws for an unknown word, and where 'f16' is asked for and the adapter, or the caller's device, does not have it. */
export function checkPrecision(precision: Precision, features: GPUSupportedFeatures, name: string): void {
  if (!PRECISIONS.includes(precision))
    throw new Error(`WebGPU: precision '${String(precision)}' is not known; expected one of ${PRECISIONS.join(', ')}`)
  if (precision === 'f16' && !features.has(HALF_FEATURE))
    throw new Error(
      `WebGPU: precision 'f16' needs the feature ${HALF_FEATURE}, which ${name} lacks; ` +
        "'f16-weights' stores halves and multiplies in f32 everywhere",
    )
}

/** Magnitudes between 0 and the least normal half go to the nearer of the two: adapters may flush subnormals. */
const LEAST_BITS = 0x38800000
const TIE_BITS = 0x38000000
/** f32 bits of 2^16: what rounds to it is no half. */
const BEYOND_BITS = 0x47800000
/** Exponent of an f32 minus that of the same number as a half, shifted into place. */
const REBIAS = 0x38000000

/** Bits of the halves nearest to `values`, ties to even. Throws where a value is larger than 65504. */
export function halfBits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000
    const magnitude = bits[i] & 0x7fffffff
    if (magnitude < LEAST_BITS) {
      halves[i] = sign | (magnitude > TIE_BITS ? 0x400 : 0)
      continue
    }
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
    if (rounded >= BEYOND_BITS) throw new RangeError(`half precision: ${values[i]} is not within [-65504, 65504]`)
    halves[i] = sign | ((rounded - REBIAS) >>> 13)
  }
  return halves
}

/** `values` as the device will have them. */
export function roundToHalf(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.length)
  halfBits(values).forEach((half, i) => {
    const magnitude = half & 0x7fff
    bits[i] = ((half & 0x8000) << 16) | (magnitude === 0 ? 0 : (magnitude << 13) + REBIAS)
  })
  return new Float32Array(bits.buffer)
}

const BINDINGS = /\b(weight|factor): array<vec4<f32>>/g
const READS = /\b(weight|factor)\[([^\][]+)\]/g

/** A shader of dense f32 layers that reads its weights as halves, 4 neighbouring columns in 2 words. */
export function withHalfWeights(code: string): string {
  const reads = code.match(READS)?.length ?? 0
  if (!code.match(BINDINGS) || reads === 0 || reads !== code.match(/\b(weight|factor)\[/g)!.length)
    throw new Error('half precision: this shader does not read its weights as others do')
  return `${code.replace(BINDINGS, '$1: array<vec2<u32>>').replace(READS, 'halves($1[$2])')}
fn halves(words: vec2<u32>) -> vec4<f32> {
return vec4(unpack2x16float(words.x), unpack2x16float(words.y));
}
`
}
