import { describe, expect, it } from 'vitest'
import { columns } from './columns.ts'
import { scoreWords } from './scores.ts'
import { testScores } from '../evaluation/scores.ts'

describe('scoreWords', () => {
  it('aligns the confusion matrix under the names', () => {
    const expected = [...Array(10).fill(0), ...Array(1000).fill(1)]
    const lines = scoreWords(testScores(expected, expected, ['отрицательный', 'да'], 1)).split('\n')
    expect(lines[0]).toBe("F1 1.0000 [1.0000, 1.0000], precision 1.0000, recall 1.0000 (of 'да'), accuracy 1.0000")
    expect(lines.slice(1)).toEqual([
      'is / said      отрицательный    да',
      'отрицательный             10     0',
      'да                         0  1000',
      '',
    ])
  })
  it('adds each label where there are more than two', () => {
    const words = scoreWords(testScores([0, 1, 2], [0, 1, 1], ['a', 'b', 'c'], 1))
    expect(words).toContain('(mean of 3 labels)')
    expect(words).toContain('label  texts  precision  recall      F1\na          1     1.0000  1.0000  1.0000\n')
  })
})

describe('columns', () => {
  it('counts letters, not code units', () => {
    expect(
      columns([
        ['x', '😀'],
        ['e\u0301', '10'],
      ]),
    ).toEqual(['x   😀', 'e\u0301  10'])
  })
})
