import { expect, it } from 'vitest'
import { multiLabelScores, regressionScores } from './task-scores.ts'

it('labels of which any number may hold', () => {
  // label 0: 1 hit of 2 predicted and 1 expected; label 1: 1 hit of 1 and 2; label 2: none
  const found = multiLabelScores([[0, 1], [1], []], [[0, 1], [0], []], 3)
  expect(found.f1).toEqual([2 / 3, 2 / 3, 0])
  expect(found.macroF1).toBeCloseTo(4 / 9, 12)
  expect(found.microF1).toBeCloseTo(4 / 6, 12)
  expect(found.exact).toBeCloseTo(2 / 3, 12)
  expect(() => multiLabelScores([[0]], [], 1)).toThrow(/1 expected and 0 predicted/)
})

it('numbers', () => {
  const line = regressionScores([1, 2, 3, 4], [3, 5, 7, 9])
  expect(line.pearson).toBeCloseTo(1, 12)
  expect(line.mae).toBeCloseTo(3.5, 12)
  expect(line.rmse).toBeCloseTo(Math.sqrt((4 + 9 + 16 + 25) / 4), 12)
  // ranks 0, 1.5, 1.5, 3 beside 3, 2, 1, 0
  const ranked = regressionScores([1, 2, 2, 9], [8, 3, 2, 1])
  expect(ranked.spearman).toBeCloseTo(-4.5 / Math.sqrt(4.5 * 5), 12)
  expect(regressionScores([1, 1], [1, 2]).pearson).toBeNaN()
})
