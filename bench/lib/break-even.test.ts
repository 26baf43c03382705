import { expect, it } from 'vitest'
import { breakEven } from './break-even.ts'

// ms = 1 + 10 density
const line = [0.5, 0.1, 0.3].map((density) => ({ density, ms: 1 + 10 * density }))

it('finds the crossing on the line between two points, whatever their order', () => {
  const found = breakEven(line, 3.5)
  expect(found.kind).toBe('at')
  expect((found as { density: number }).density).toBeCloseTo(0.25, 12)
})

it('says where the format is faster or slower throughout', () => {
  expect(breakEven(line, 6)).toEqual({ kind: 'always' })
  expect(breakEven(line, 1.9)).toEqual({ kind: 'never' })
  expect(() => breakEven([], 1)).toThrow('no points')
})

it('counts a format as faster only where every sparser one measured is', () => {
  const found = breakEven([...line, { density: 0.2, ms: 9 }], 5)
  expect((found as { density: number }).density).toBeCloseTo(0.1 + 0.1 * (3 / 7), 12)
})
