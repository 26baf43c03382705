import { describe, expect, it } from 'vitest'
import { assertExact, assertWithin } from './compare.ts'

const M = 4
const N = 8
const expected = Float64Array.from({ length: M * N }, (_, i) => Math.sin(i + 1) * 3)
const bound = 0.01
const mutate = (change: (values: Float64Array) => void): Float64Array => {
  const values = expected.slice()
  change(values)
  return values
}

describe('the comparator passes what is right', () => {
  it('exact equality, and an error of half the bound', () => {
    expect(assertWithin(expected, expected, bound, 'same').worstRatio).toBe(0)
    expect(
      assertWithin(
        mutate((v) => v.forEach((_, i) => (v[i] += bound / 2))),
        expected,
        bound,
        'half',
      ).worstRatio,
    ).toBeCloseTo(0.5)
    expect(() => assertExact([1, -2], [1, -2], 'integers')).not.toThrow()
  })
})

describe('the comparator refuses every mutant', () => {
  const mutants: Record<string, Float64Array> = {
    'one NaN': mutate((v) => (v[5] = NaN)),
    'all NaN': mutate((v) => v.fill(NaN)),
    'one infinity': mutate((v) => (v[7] = Infinity)),
    'minus infinity': mutate((v) => (v[0] = -Infinity)),
    'a sign flip': mutate((v) => (v[3] = -v[3])),
    'two rows swapped': mutate((v) => {
      const row = v.slice(0, N)
      v.copyWithin(0, N, 2 * N)
      v.set(row, N)
    }),
    'one lane zeroed': mutate((v) => {
      for (let i = 2; i < v.length; i += 4) v[i] = 0
    }),
    'one element at 1.5 times the bound': mutate((v) => (v[M * N - 1] += 1.5 * bound)),
  }
  for (const [name, mutant] of Object.entries(mutants))
    it(name, () => expect(() => assertWithin(mutant, expected, bound, name)).toThrow(name))

  it('NaN in the expectation', () => expect(() => assertWithin([1], [NaN], 1, 'nan')).toThrow('nan'))
  it('nothing to compare', () => expect(() => assertWithin([], [], 1, 'empty')).toThrow('nothing to compare'))
  it('lengths that differ', () => expect(() => assertWithin([1, 2], [1], 1, 'length')).toThrow('expected 1'))
  it('a bound list of another length', () =>
    expect(() => assertWithin([1, 2], [1, 2], [1], 'bounds')).toThrow('1 bounds'))
  it('a bound that proves nothing', () =>
    expect(() => assertWithin(expected, expected, 1, 'loose')).toThrow('proves nothing'))
  it('an integer that is off by one', () => expect(() => assertExact([1, 2], [1, 3], 'integers')).toThrow('off'))
})
