import { expect, it } from 'vitest'
import { regressionScores } from './regression.ts'

const seed = { seed: 1 }

it('compares numbers with numbers', () => {
  const line = regressionScores([1, 2, 3, 4], [3, 5, 7, 9], seed)
  expect(line.pearson).toBeCloseTo(1, 12)
  expect(line.mse).toBeCloseTo((4 + 9 + 16 + 25) / 4, 12)
  expect([line.n, line.pearsonLow, line.pearsonHigh]).toEqual([4, expect.closeTo(1, 12), expect.closeTo(1, 12)])
  expect(line.mae).toBeCloseTo(3.5, 12)
  expect(line.rmse).toBeCloseTo(Math.sqrt((4 + 9 + 16 + 25) / 4), 12)
  // ranks 0, 1.5, 1.5, 3 beside 3, 2, 1, 0
  const ranked = regressionScores([1, 2, 2, 9], [8, 3, 2, 1], seed)
  expect(ranked.spearman).toBeCloseTo(-4.5 / Math.sqrt(4.5 * 5), 12)
  expect(regressionScores([1, 1], [1, 2], seed).pearson).toBeNaN()
  expect(() => regressionScores([1], [], seed)).toThrow(/1 expected and 0 predicted/)
})
