import { describe, expect, it } from 'vitest'
import { SHADERS } from '../generated/shaders.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { WEBGPU_VARIANTS } from '../variants.ts'
import { halfBits, roundToHalf, withHalfWeights } from './half.ts'

describe('weights in half precision, seed 1', () => {
  const random = seededRandom(1)
  const values = Float32Array.from({ length: 4000 }, (_, i) => (random() - 0.5) * 2 ** ((i % 34) - 18))

  it('are off by at most 2^-11 of themselves, or 2^-15', () => {
    const rounded = roundToHalf(values)
    values.forEach((x, i) =>
      expect(Math.abs(rounded[i] - x)).toBeLessThanOrEqual(Math.max(2 ** -11 * Math.abs(x), 2 ** -15)),
    )
    expect(values.some((x, i) => x !== 0 && rounded[i] === 0)).toBe(true)
    expect(roundToHalf(rounded)).toEqual(rounded)
  })
  it('are the bits of IEEE 754, ties to even', () => {
    const known: [number, number][] = [
      [0, 0],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [65519.99609375, 0x7bff],
      [2 ** -14, 0x400],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [1 + 2 ** -11 + 2 ** -20, 0x3c01],
      [2 - 2 ** -12, 0x4000],
      // no subnormals
      [2 ** -15, 0],
      [-(2 ** -15) * 1.001, 0x8400],
    ]
    expect([...halfBits(Float32Array.from(known, ([x]) => x))]).toEqual(known.map(([, bits]) => bits))
  })
  it.each([65520, -7e4, Infinity, NaN])('cannot hold %f', (x) =>
    expect(() => halfBits(Float32Array.of(1, x))).toThrow(/half precision: .* is not within/),
  )
  it('take bits from the middle of an array', () =>
    expect(halfBits(uniform(9, random).fill(1).subarray(3, 5))).toEqual(Uint16Array.of(0x3c00, 0x3c00)))
})

it('every dense kernel reads halves, no other kernel is taken for one', () => {
  for (const { op, shader, mayHalveWeights } of Object.values(WEBGPU_VARIANTS).flat())
    if (mayHalveWeights) expect(withHalfWeights(SHADERS[shader])).toContain('unpack2x16float')
    else if (op === 'int8-matmul') expect(() => withHalfWeights(SHADERS[shader]), shader).toThrow(/half precision/)
})
