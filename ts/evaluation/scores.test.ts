import { describe, expect, it } from 'vitest'
import { f1Notes, testScores } from './scores.ts'

describe('testScores', () => {
  it('scores each label against all others', () => {
    const { classes, confusion, f1, n } = testScores([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 0, 0], ['a', 'b', 'c'], 1)
    expect(n).toBe(6)
    expect(confusion).toEqual([
      [1, 1, 0],
      [0, 2, 0],
      [2, 0, 0],
    ])
    expect(classes).toEqual([
      { label: 'a', n: 2, precision: 1 / 3, recall: 1 / 2, f1: 2 / 5 },
      { label: 'b', n: 2, precision: 2 / 3, recall: 1, f1: 4 / 5 },
      { label: 'c', n: 2, precision: 0, recall: 0, f1: 0 },
    ])
    expect(f1).toBeCloseTo((2 / 5 + 4 / 5) / 3, 12)
  })
})

it('says of two labels which one F1 is of', () => {
  expect(f1Notes(['ham', 'spam'])).toEqual(["F1 is that of the class 'spam'; the other is 'ham'."])
  expect(f1Notes(['a', 'b', 'c'])).toEqual([])
})
