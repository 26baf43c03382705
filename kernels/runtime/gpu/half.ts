// Dense weights stored in half precision, where the caller allows it: half the memory and half of its traffic. Arithmetic
// stays f32; `unpack2x16float` is core WGSL, so no adapter needs shader-f16.

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

const BINDING = 'weight: array<vec4<f32>>'
const READS = /\bweight\[([^\][]+)\]/g

/** A dense-matmul shader that reads its weights as halves, 4 neighbouring columns in 2 words. */
export function withHalfWeights(code: string): string {
  const reads = code.match(READS)?.length ?? 0
  if (!code.includes(BINDING) || reads === 0 || reads !== code.match(/\bweight\[/g)!.length)
    throw new Error('half precision: this shader does not read its weights as others do')
  return `${code.replace(BINDING, 'weight: array<vec2<u32>>').replace(READS, 'halves(weight[$1])')}
fn halves(words: vec2<u32>) -> vec4<f32> {
return vec4(unpack2x16float(words.x), unpack2x16float(words.y));
}
`
}
