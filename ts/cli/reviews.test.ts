// builtin:reviews is one data set: what one verb trains on, no other scores.

import { expect, it } from 'vitest'
import { loadDataset } from '../data/dataset.ts'
import { prepareData } from '../data/prepare.ts'
import { loadRows } from '../data/rows.ts'
import { scaleFor } from '../study/settings.ts'
import { settingsOf, unbounded } from './train.ts'

it('builtin:reviews, seed 7: evaluate, compress and train have the same test part, apart from what is trained on', async () => {
  const data = 'builtin:reviews'
  const settings = settingsOf({ data, out: '', epochs: 1, minutes: 10, batch: 32, dropout: 0.1, seed: 7 })
  const { train, validation, test } = await prepareData(settings, unbounded(scaleFor(10, false)))
  const scored = (await loadRows(data, { seed: 7 })).rows
  expect(scored).toEqual(test)
  expect((await loadDataset(data, { seed: 7 })).test).toEqual(test)
  const trained = new Set([...train, ...validation].map(({ text }) => text))
  expect(scored.filter(({ text }) => trained.has(text))).toEqual([])
})
