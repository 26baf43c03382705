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

it('takes the rarer of two labels as the positive one, or the one that is asked for', () => {
  const [expected, said] = [
    [0, 1, 1, 1, 1],
    [0, 1, 1, 1, 0],
  ]
  const found = testScores(expected, said, ['spam', 'ham'], 1)
  expect(found).toMatchObject({ positive: 'spam', f1: 2 / 3 })
  expect(found.macroF1).toBeCloseTo((2 / 3 + 6 / 7) / 2, 12)
  expect(testScores(expected, said, ['spam', 'ham'], 1, 'ham').f1).toBeCloseTo(6 / 7, 12)
  expect(() => testScores(expected, said, ['spam', 'ham'], 1, 'eggs')).toThrow(
    /'eggs' is not a label; expected one of 'spam', 'ham'/,
  )
})

it('says of two labels which one F1 is of', () => {
  expect(f1Notes(['ham', 'spam'], 1)).toEqual([
    "F1 is that of the class 'spam'; macro F1 is the mean over all classes.",
  ])
  expect(f1Notes(['a', 'b', 'c'], null)).toEqual([])
})
