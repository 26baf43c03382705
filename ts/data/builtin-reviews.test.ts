// builtin:reviews is one data set: what one verb trains on, no other scores.

import { expect, it } from 'vitest'
import { loadDataset } from './dataset.ts'
import { prepareData } from './prepare.ts'
import { loadRows, loadTrainingRows } from './rows.ts'

it('builtin:reviews, seed 7: evaluate, compress and train have the same test part, apart from what is trained on', async () => {
  const data = 'builtin:reviews'
  const everything = { maxTrain: Infinity, maxTest: Infinity }
  const { train, validation, test } = await prepareData({ data, model: 'scratch', seed: 7 }, everything)
  const scored = (await loadRows(data, { seed: 7 })).rows
  expect(scored).toEqual(test)
  expect((await loadDataset(data, { seed: 7 })).test).toEqual(test)
  const learned = (await loadTrainingRows(data, { seed: 7 })).rows
  expect(learned.length).toBe(train.length + validation.length)
  const trained = new Set([...train, ...validation].map(({ text }) => text))
  expect(scored.filter(({ text }) => trained.has(text))).toEqual([])
})
