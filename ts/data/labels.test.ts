import { describe, expect, it } from 'vitest'
import { matchLabels } from './labels.ts'

describe('matchLabels', () => {
  it.each([
    [['positive', 'NEGATIVE'], ['negative', 'positive'], [1, 0], ''],
    // a file that has one class only must not become class 0
    [['1'], ['negative', 'positive'], [1], 'by their numbers'],
    [['bad', 'good'], ['LABEL_0', 'LABEL_1'], [0, 1], 'in this order'],
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
  it('refuses what it cannot match', () => {
    expect(() => matchLabels(['a', 'b', 'c'], ['x', 'y'], 'model')).toThrow(
      /3 labels \(a, b, c\), model has 2 \(x, y\); expected the same names/,
    )
  })
})
