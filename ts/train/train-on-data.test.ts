// Training from code, as a user of the package calls it.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadModel } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import { distil, Stopped, trainOnData, type Tuned } from '../train.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-on-data-'))
  const rows = Array.from({ length: 60 }, (_, i) => (i % 2 ? `a good film ${i},yes` : `a bad film ${i},no`))
  await writeFile(join(folder, 'data.csv'), `text,label\n${rows.join('\n')}\n`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const small = (out: string) => ({
  ...{ data: join(folder, 'data.csv'), out: join(folder, out), size: '1x32' },
  ...{ epochs: 3, batch: 8, threads: 1 },
})

it('trains a classifier that distil makes a student of', async () => {
  const notes: string[] = []
  const reporter = {
    stage: () => {},
    progress: () => {},
    done: () => {},
    note: (text: string) => void notes.push(text),
  }
  const { bytes, data, scores, tuned } = await trainOnData(small('teacher'), { reporter })
  expect([data.train.length, data.test.length, scores.n, tuned]).toEqual([48, 12, 12, null])
  expect(bytes).toBeGreaterThan(10_000)
  expect((await loadModel(join(folder, 'teacher'))).weights.config.labels).toEqual(['no', 'yes'])
  const { size: _, ...settings } = small('student')
  const teachers = [join(folder, 'teacher')]
  const student = await distil(
    { ...settings, teachers, student: '1x32', init: 'teacher', epochs: 1, tokens: 4 },
    { reporter },
  )
  expect(student.model.config).toMatchObject({ layers: 1, hiddenSize: 32, maxPositions: 4 })
  expect(notes.join()).toMatch(/texts are longer than 4 tokens and lost their end/)
  expect(notes.join()).toMatch(/layers? 0 of the teacher's 1/)
  expect(await readdir(join(folder, 'student'))).toContain('model.safetensors')
  await expect(distil({ ...settings, teachers, student: teachers[0], init: 'fresh' })).rejects.toThrow(
    /leave out init and vocabulary/,
  )
})

it('begins with logistic regression and is taught by it, unless told otherwise', async () => {
  const stages: string[] = []
  const reporter = {
    stage: (text: string) => void stages.push(text),
    progress: () => {},
    done: () => {},
    note: () => {},
  }
  const word = ({ model }: { model: ModelWeights }): unknown => model.embeddings.word
  const taught = await trainOnData(small('taught'), { reporter })
  expect(stages).toContain('logistic regression as teacher')
  const again = await trainOnData({ ...small('again'), teacher: 'linear', crop: 0.5, pieceDropout: 0.1 })
  expect(word(again)).toEqual(word(taught))
  stages.length = 0
  const alone = await trainOnData({ ...small('alone'), teacher: 'none' }, { reporter })
  expect(stages).not.toContain('logistic regression as teacher')
  expect(word(alone)).not.toEqual(word(taught))
  // a model that is there learns from the labels, where nothing else is asked for
  const { size: _, ...further } = small('further')
  stages.length = 0
  await trainOnData({ ...further, model: join(folder, 'taught') }, { reporter })
  expect(stages).not.toContain('logistic regression as teacher')
})

it('decides elsewhere than at the larger score where asked to, by texts that it was not trained on', async () => {
  const notes: string[] = []
  const reporter = {
    stage: () => {},
    progress: () => {},
    done: () => {},
    note: (text: string) => void notes.push(text),
  }
  const { data } = await trainOnData({ ...small('threshold'), threshold: true, teacher: 'none' }, { reporter })
  expect([data.train.length, data.validation.length, data.test.length]).toEqual([43, 5, 12])
  expect(notes.join()).toMatch(/score of 'no' shifted by -?\d\.\d\d, which gives macro F1 \d\.\d+ on the validation/)
})

it('reads rarer classes more often where asked to', async () => {
  const rows = Array.from({ length: 60 }, (_, i) => (i % 6 ? `a good film ${i},yes` : `a bad film ${i},no`))
  await writeFile(join(folder, 'skewed.csv'), `text,label\n${rows.join('\n')}\n`)
  const plan = { ...small('skewed'), data: join(folder, 'skewed.csv'), epochs: 2 }
  const as = await trainOnData({ ...plan, out: join(folder, 'as-is') })
  const balanced = await trainOnData({ ...plan, balance: true })
  expect(as.data.train).toHaveLength(48)
  // 40 and 8 of a class, then 40 and 40
  expect([as.steps, balanced.steps]).toEqual([12, 20])
})

it('searches settings first where trials are given', async () => {
  const found: Tuned[] = []
  const { tuned } = await trainOnData({ ...small('tuned'), trials: 2 }, { onTuned: (of) => void found.push(of) })
  expect(found).toEqual([tuned])
  expect(tuned!.trials).toHaveLength(2)
  await expect(trainOnData({ ...small('tuned'), trials: 2, resume: true })).rejects.toThrow(/leave one of them out/)
})

it('refuses a size beside a model, and stops with the signal', async () => {
  await expect(trainOnData({ ...small('none'), model: 'some' })).rejects.toThrow(/leave out size, or model/)
  await expect(trainOnData({ ...small('none'), size: '2x33' })).rejects.toThrow(/size 2x33: expected layers x width/)
  await expect(trainOnData(small('none'), { signal: AbortSignal.abort() })).rejects.toThrow(Stopped)
  expect(await readdir(folder)).not.toContain('none')
})
