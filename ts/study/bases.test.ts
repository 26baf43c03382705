import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Device } from '../../kernels/program/device.ts'
import { saveModel } from '../model/save.ts'
import { initializeModel } from '../train/initialize.ts'
import { Bases, type TrainedBase } from './bases.ts'
import { openDevice } from '../inference/devices.ts'
import { filesOf } from '../text/tokenizer-files.ts'
import { learnTokenizer } from '../text/learn-tokenizer.ts'
import { modelConfig } from '../train/starting-model.ts'
import type { PreparedData } from '../data/prepare.ts'
import { SILENT } from '../inference/reporter.ts'
import type { StudySettings } from '../report/results.ts'
import { selectRows } from './catalogue.ts'
import { StudyClock, studyPieces } from './clock.ts'
import { scaleFor } from './settings.ts'
import { openStore } from './store.ts'

const SETTINGS: StudySettings = {
  model: 'scratch',
  data: 'data.csv',
  test: null,
  validation: null,
  unlabelled: null,
  text: null,
  label: null,
  preparation: null,
  seed: 1,
  tokens: 128,
  minutes: 1,
  quick: true,
  student: null,
  isTuned: true,
  passes: null,
  hiddenWeight: 0,
  metric: 'macroF1',
  positive: null,
  balance: false,
  threshold: false,
  teacher: 'none',
}
const train = Array.from({ length: 30 }, (_, i) => ({ text: `a ${i % 2 ? 'good' : 'bad'} film`, label: i % 2 }))
const DATA: PreparedData = {
  source: 'data.csv',
  name: 'data',
  labels: ['bad', 'good'],
  train,
  validation: train.slice(0, 4),
  test: train.slice(0, 4),
  unlabelled: [],
  hash: '',
  notes: [],
}

let folder = ''
let cpu: Device

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bases-'))
  cpu = (await openDevice({ device: 'cpu', threads: 1 })).device
})
afterAll(async () => {
  await cpu.dispose()
  await rm(folder, { recursive: true, force: true })
})

it.each([
  ['is taught by a trained baseline', true],
  ['is not taught by a baseline of random weights', false],
])('the student, rows made of it too, %s', async (_, isTrained) => {
  const store = await openStore(join(folder, String(isTrained)), {}, true)
  const tokenizer = learnTokenizer(
    train.map(({ text }) => text),
    64,
    null,
  )
  const size = { layers: 1, hiddenSize: 64, heads: 2, intermediateSize: 64 }
  const model = initializeModel(modelConfig(size, tokenizer, DATA.labels, 16, null), 1)
  await store.writeModel('baseline', async (place) => {
    await saveModel(model, place, { files: filesOf(tokenizer) })
  })
  const about: TrainedBase = { words: '', seconds: 0, labels: null, shape: '', isTrained }
  await store.write('base-baseline', 'key', about)
  const scale = { ...scaleFor(SETTINGS), student: size, leastSteps: 2, maxPositions: 16 }
  const data = { ...DATA, unlabelled: isTrained ? ['a film', 'a good one'] : [] }
  const clock = new StudyClock(60, studyPieces(selectRows('student'), ['cpu']))
  const context = { settings: SETTINGS, scale, data, store, reporter: SILENT, cpu, threads: 1, positive: 1, clock }
  const student = await new Bases(context, 'key').base('student')
  expect(student.words).toMatch(isTrained ? /distilled from the baseline/ : /the baseline has random weights/)
  const logits = await student.teacherLogits()
  expect(student.examples.map(({ label }) => label)).toEqual([
    ...train.map(({ label }) => label),
    ...data.unlabelled.map(() => -1),
  ])
  expect(logits && logits.length).toBe(isTrained ? 2 * student.examples.length : null)
})
