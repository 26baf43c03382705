import { expect, it } from 'vitest'
import { breakEven, type FormTimes } from './break-even.ts'

const forms = (...ms: number[]): FormTimes[] => [
  { name: 'f32', saved: 0, ms: 10 },
  { name: 'int8', saved: 0, ms: 5 },
  ...ms.map((time, i) => ({ name: 'csr', saved: 0.5 + i / 10, ms: time })),
]

it('finds the share between two measured ones', () => {
  expect(breakEven(forms(12, 8, 4), 'csr', 'f32')).toBeCloseTo(0.55, 12)
  expect(breakEven(forms(12, 8, 4), 'csr', 'int8')).toBeCloseTo(0.675, 12)
})
it('counts from the last share at which the form was slower', () => {
  expect(breakEven(forms(9, 11, 9), 'csr', 'f32')).toBeCloseTo(0.65, 12)
})
it('gives the first share where all are faster, null where the last is slower', () => {
  expect(breakEven(forms(4, 3), 'csr', 'int8')).toBe(0.5)
  expect(breakEven(forms(12, 11), 'csr', 'f32')).toBeNull()
})
