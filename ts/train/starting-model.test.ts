import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { syntheticModel } from '../../testing/models.ts'
import { prepareData } from '../data/prepare.ts'
import { saveModel } from '../model/save.ts'
import { prepareModel } from './starting-model.ts'

const folder = await mkdtemp(join(tmpdir(), 'starting-model-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

it('gives a model that is trained on other labels a new classifier; a study refuses it', async () => {
  const base = syntheticModel('f32')
  const model = join(folder, 'trained')
  const labels = base.config.labels.map((_, i) => ['negative', 'positive'][i] ?? `more ${i}`)
  await saveModel({ ...base, config: { ...base.config, labels } }, model, {
    files: { 'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n' },
  })
  const csv = join(folder, 'data.csv')
  const rows = Array.from({ length: 100 }, (_, i) => `text number ${i},${i % 2 ? 'yes' : 'no'}`)
  await writeFile(csv, `text,label\n${rows.join('\n')}\n`)
  const options = { model, data: csv, seed: 1, preparation: null }
  const data = await prepareData(options, { maxTrain: 8000, maxTest: 1000 })
  expect(labels).toHaveLength(data.labels.length)
  const size = {
    baseline: { layers: 2, hiddenSize: 96, heads: 3, intermediateSize: 384 },
    vocabulary: 4096,
    maxPositions: 128,
  }
  const start = await prepareModel(options, size, data, { forTraining: true })
  expect(start).toMatchObject({ training: 'fine-tune', labels: null })
  expect(start.weights.config.labels).toEqual(['no', 'yes'])
  await expect(prepareModel(options, size, data)).rejects.toThrow(/rename them in the data/)
})
