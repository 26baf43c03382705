import { describe, expect, it } from 'vitest'
import { columns } from './columns.ts'
import { floorWords, scoreWords } from './scores.ts'
import { testScores } from '../evaluation/scores.ts'

describe('scoreWords', () => {
  it('aligns the confusion matrix under the names', () => {
    const expected = [...Array(10).fill(0), ...Array(1000).fill(1)]
    const lines = scoreWords(testScores(expected, expected, ['отрицательный', 'да'], 1)).split('\n')
    expect(lines[0]).toBe("F1 1.0000 [1.0000, 1.0000], precision 1.0000, recall 1.0000 (of 'отрицательный')")
    expect(lines[1]).toBe('macro F1 1.0000 [1.0000, 1.0000], MCC 1.0000, accuracy 1.0000')
    expect(lines.slice(2)).toEqual([
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

describe('floorWords', () => {
  const floors = [
    { id: 'majority' as const, accuracy: 0.7, f1: 0, macroF1: 0.41, mcc: 0 },
    { id: 'naive-bayes' as const, accuracy: 0.9, f1: 0.8, macroF1: 0.85, mcc: 0.7 },
  ]
  it('says first where a linear model does better, and has all floors beside the model', () => {
    const lines = floorWords(floors, { accuracy: 0.8, f1: 0.7, macroF1: 0.8, mcc: 0.6 }, 'on the same texts').split(
      '\n',
    )
    expect(lines).toEqual([
      'A linear model does better (naive Bayes): macro F1 0.850, this model 0.800',
      'floors (on the same texts)  macro F1      F1     MCC  accuracy',
      'majority                      0.4100  0.0000  0.0000    0.7000',
      'naive-bayes                   0.8500  0.8000  0.7000    0.9000',
      '',
    ])
    expect(floorWords(floors, { accuracy: 0.8, f1: 0.7, macroF1: 0.9, mcc: 0.6 }, '')).not.toMatch(/better/)
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
