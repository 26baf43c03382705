// From files with pairs, sets of labels and numbers to model folders that pipelines open as what they are.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { evaluateClassifier, evaluateMultiLabel, evaluateRegression, loadRows } from '../evaluation.ts'
import { pipeline } from '../pipeline/pipeline.ts'
import { distil } from '../distil/distil.ts'
import { recipeTexts } from './recipe-texts.ts'
import { loadModel } from '../model/load.ts'
import { parseRecipe } from '../recipe/apply.ts'
import { trainOnData } from './train-on-data.ts'

const folder = await mkdtemp(join(tmpdir(), 'train-tasks-'))
afterAll(() => rm(folder, { recursive: true }))

const SETTINGS = { epochs: 30, batch: 16, dropout: 0, learningRate: 4e-3, threads: 1, seed: 1 } as const
const MODEL = { size: '1x32', ...SETTINGS } as const
const DEVICE = { device: 'cpu', threads: 1, seed: 1 } as const
const place = (name: string): string => join(folder, name)
async function write(name: string, lines: string[]): Promise<string> {
  await writeFile(place(name), lines.join('\n'))
  return place(name)
}
const problemTypeIn = async (model: string): Promise<unknown> =>
  (JSON.parse(await readFile(join(model, 'config.json'), 'utf8')) as Record<string, unknown>).problem_type
const THINGS = 'lamp film house song boat'.split(' ')
const rows = <T>(count: number, row: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => row(i))

describe('train', () => {
  it('learns labels that do not compete, and distil teaches them', async () => {
    const text = (i: number): string =>
      `the ${THINGS[i % 5]} ${i % 2 ? 'is red' : ''} ${i % 3 ? '' : 'and old'} number ${i}`
    const labels = (i: number): string[] => [...(i % 2 ? ['red'] : []), ...(i % 3 ? [] : ['old'])]
    const data = await write(
      'sets.jsonl',
      rows(120, (i) => JSON.stringify({ text: text(i), labels: labels(i) })),
    )
    const out = place('sets')
    const { scores } = await trainOnData({ ...MODEL, data, out })
    expect(scores).toMatchObject({ problemType: 'multi_label_classification', labels: ['old', 'red'] })
    expect('microF1' in scores && scores.microF1).toBeGreaterThan(0.95)
    expect(await problemTypeIn(out)).toBe('multi_label_classification')
    const found = await evaluateMultiLabel(out, await loadRows(data, { seed: 1 }), DEVICE)
    expect(found.microF1).toBeGreaterThan(0.95)
    await using classify = await pipeline('text-classification', out, { device: 'cpu', threads: 1 })
    const both = await classify('the lamp is red and old', { top_k: null })
    expect((both as { score: number }[]).every(({ score }) => score > 0.5)).toBe(true)
    // the student's labels are the teacher's, also where the data lacks one
    const some = await write(
      'some.jsonl',
      rows(60, (i) => JSON.stringify({ text: text(i), labels: i % 2 ? ['red'] : [] })),
    )
    const student = await distil({
      ...{ teachers: [out], data: some, out: place('student'), student: '1x32' },
      ...{ ...SETTINGS, epochs: 20, alpha: 0 },
    })
    expect(student.scores).toMatchObject({ problemType: 'multi_label_classification', labels: ['old', 'red'] })
    expect(await problemTypeIn(place('student'))).toBe('multi_label_classification')
  })
  it('learns numbers, and goes on with a model of them', async () => {
    const row = (i: number): string =>
      `the ${THINGS[i % 5]} number ${i} is ${['bad', 'fair', 'good'][i % 3]},${(i % 3) - 0.5}`
    const data = await write('numbers.csv', ['text,score', ...rows(90, row)])
    const out = place('numbers')
    const { scores } = await trainOnData({ ...MODEL, data, out, problemType: 'regression' })
    expect('pearson' in scores && scores.pearson).toBeGreaterThan(0.9)
    expect(await problemTypeIn(out)).toBe('regression')
    const reading = { seed: 1, problemType: 'regression' } as const
    expect((await evaluateRegression(out, await loadRows(data, reading), DEVICE)).mae).toBeLessThan(0.3)
    await using classify = await pipeline('text-classification', out, { device: 'cpu', threads: 1 })
    const [good] = await classify(['the lamp is good'])
    expect((good as { score: number }).score).toBeGreaterThan(1)
    // the model says what labels are; without threads the devices choose them
    const again = await trainOnData({
      ...SETTINGS,
      threads: undefined,
      model: out,
      epochs: 1,
      data,
      out: place('again'),
    })
    expect(again.scores.problemType).toBe('regression')
    await expect(trainOnData({ ...MODEL, trials: 2, data, out, problemType: 'regression' })).rejects.toThrow(/--tune/)
  })
  it('learns pairs, whose second text decides', async () => {
    const row = (i: number): object => ({
      premise: `the ${THINGS[i % 5]} is ${i % 2 ? 'red' : 'blue'} ${i}`,
      hypothesis: `it is ${(i >> 1) % 2 ? 'red' : 'blue'}`,
      label: i % 2 === (i >> 1) % 2 ? 'same' : 'other',
    })
    const data = await write(
      'pairs.jsonl',
      rows(160, (i) => JSON.stringify(row(i))),
    )
    const out = place('pairs')
    const { scores } = await trainOnData({ ...MODEL, size: '2x32', epochs: 40, data, out })
    expect('accuracy' in scores && scores.accuracy).toBeGreaterThan(0.9)
    const all = await evaluateClassifier(out, await loadRows(data, { seed: 1 }), DEVICE)
    expect(all.accuracy).toBeGreaterThan(0.9)
    await using classify = await pipeline('text-classification', out, { device: 'cpu', threads: 1 })
    const said = await classify([
      { text: 'the boat is red', text_pair: 'it is red' },
      { text: 'the boat is red', text_pair: 'it is blue' },
    ])
    expect(said.map((one) => (one as { label: string }).label)).toEqual(['same', 'other'])
    // recipes calibrate on both texts, with their types
    const { calibration } = await recipeTexts(await loadModel(out), parseRecipe('q8:static'), {
      data,
      seed: 1,
      threads: 1,
    })
    expect(calibration).toBeDefined()
    const alone = distil({ teachers: [out], data, out: place('never'), student: '1x32', augment: 1 })
    await expect(alone).rejects.toThrow(/pairs of texts, and augment \(--augment\) makes single ones/)
  })
})
