import { describe, expect, test } from 'vitest'
import { recipeLedger } from '../recipe/ledger.ts'
import { paperSizes } from './paper-sizes.ts'

const sizes = paperSizes()

describe("the study's ten sizes at mBERT's shape", () => {
  test('there are ten', () => {
    expect(sizes.map(({ paper }) => paper)).toEqual([711, 454, 179, 385, 109, 10.3, 2.68, 3.43, 1.69, 598])
  })

  test.each(sizes)("$id: '$recipe' is within 2 % of $paper MB", ({ paper, megabytes, withScales }) => {
    expect(Math.abs(megabytes / paper - 1)).toBeLessThan(0.02)
    expect(withScales).toBeGreaterThanOrEqual(megabytes)
  })

  test.each(sizes.filter(({ id }) => id !== 'student+q8+e8'))(
    '$id: with our scales it is within 2 % as well',
    ({ paper, withScales }) => {
      expect(Math.abs(withScales / paper - 1)).toBeLessThan(0.02)
    },
  )

  test('tucker takes the encoder down by more than 20 times', () => {
    const encoder = (recipe: string): number =>
      recipeLedger('mbert', recipe).groups.reduce(
        (sum, { name, bytes }) => sum + (name === 'attention' || name === 'ffn' ? bytes : 0),
        0,
      )
    // biases are counted and do not shrink
    expect(encoder('baseline') / encoder('tucker:136')).toBeGreaterThan(20)
  })
})
