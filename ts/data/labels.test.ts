import { describe, expect, it } from 'vitest'
import { matchLabels } from './labels.ts'

describe('matchLabels', () => {
  it.each([
    [['positive', 'NEGATIVE'], ['negative', 'positive'], [1, 0], ''],
    // a file that has one class only must not become class 0
    [['1'], ['negative', 'positive'], [1], 'by their numbers: 1 is positive'],
    [['1.0', '0'], ['0', '1'], [1, 0], ''],
    // a sample without one of the classes is matched as the whole
    [['1', '2', '3', '4'], ['1 star', '2 stars', '3 stars', '4 stars', '5 stars'], [0, 1, 2, 3], '1 is 1 star'],
    [
      ['1', '2', '3', '4', '5'],
      ['1 star', '2 stars', '3 stars', '4 stars', '5 stars'],
      [0, 1, 2, 3, 4],
      '5 is 5 stars',
    ],
    [['2'], ['stars 1', 'stars 2'], [1], '2 is stars 2'],
    [['0', '2'], ['LABEL_0', 'LABEL_1', 'LABEL_2'], [0, 2], '2 is LABEL_2'],
    [['0', '1'], ['bad', 'fair', 'good'], [0, 1], '1 is fair'],
  ])('%j of %j is %j', (found, labels, order, note) => {
    const match = matchLabels(found, labels, 'model')
    expect(match.order).toEqual(order)
    expect(match.note).toMatch(note === '' ? /^$/ : new RegExp(note))
  })
  it('does not guess by places between names', () => {
    expect(() => matchLabels(['neg', 'pos'], ['positive', 'negative'], 'model')).toThrow(
      /2 labels \(neg, pos\), model has 2 \(positive, negative\); .* rename them in the data/,
    )
  })
  it('takes no label for another by what the sample happens to have', () => {
    const labels = ['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3', 'LABEL_4']
    for (const found of ['1 2 3 4 5', '1 2 3 4', '2'])
      expect(() => matchLabels(found.split(' '), labels, 'model')).toThrow(
        /expected the same names.*without a 0 they may count from 0 or from 1.*evaluate --labels/,
      )
    expect(() => matchLabels(['1', '2'], ['bad', 'fair', 'good'], 'model')).toThrow(/without a 0/)
    expect(matchLabels(['1', '2'], ['1', '2', '3'], 'model').order).toEqual([0, 1])
    expect(() => matchLabels(['0'], ['1 star', '2 stars'], 'model')).toThrow(/--label/)
    expect(() => matchLabels(['1'], ['1 or 2', '3'], 'model')).toThrow(/expected the same names/)
    expect(() => matchLabels(['bad', 'good'], ['LABEL_0', 'LABEL_1'], 'model')).toThrow(/evaluate --labels.*id2label/)
  })
  it('refuses what it cannot match', () => {
    expect(() => matchLabels(['a', 'b', 'c'], ['x', 'y'], 'model')).toThrow(
      /3 labels \(a, b, c\), model has 2 \(x, y\); expected the same names/,
    )
  })
})
