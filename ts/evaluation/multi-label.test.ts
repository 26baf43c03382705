import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { makePlace } from '../../testing/command-line.ts'
import { evaluateClassifier, evaluateMultiLabel, loadRows } from '../evaluation.ts'
import { multiLabelScores } from './multi-label.ts'

const folder = await mkdtemp(join(tmpdir(), 'multi-label-'))
afterAll(() => rm(folder, { recursive: true }))

describe('multiLabelScores', () => {
  it('counts by hand', () => {
    // labels a, b; texts {a}, {a, b}, {}: said {a}, {b}, {b}
    const scores = multiLabelScores(Uint8Array.of(1, 0, 1, 1, 0, 0), Uint8Array.of(1, 0, 0, 1, 0, 1), ['a', 'b'], {
      seed: 1,
      threshold: 0.5,
    })
    // 2 hits, 1 missed, 1 wrong
    expect(scores).toMatchObject({ n: 3, microF1: 4 / 6, microPrecision: 2 / 3, microRecall: 2 / 3, exact: 1 / 3 })
    expect(scores.classes).toEqual([
      { label: 'a', n: 2, precision: 1, recall: 0.5, f1: 2 / 3 },
      { label: 'b', n: 1, precision: 0.5, recall: 1, f1: 2 / 3 },
    ])
    expect(scores.macroF1).toBeCloseTo(2 / 3, 12)
    expect(scores.microF1Low).toBeLessThanOrEqual(scores.microF1)
    expect(scores.microF1High).toBeGreaterThanOrEqual(scores.microF1)
    expect(() =>
      multiLabelScores(new Uint8Array(3), new Uint8Array(3), ['a', 'b'], { seed: 1, threshold: 0.5 }),
    ).toThrow(/3 expected and 3 predicted/)
  })
})

describe('lists of labels', () => {
  it('are read as sets and scored with a model whose labels do not compete', async () => {
    const place = await makePlace()
    try {
      const config = JSON.parse(await readFile(join(place.model, 'config.json'), 'utf8'))
      const [first, second] = Object.values<string>(config.id2label)
      const data = join(folder, 'data.jsonl')
      const entry = (label: unknown) => `${JSON.stringify({ text: 'a good film', label })}\n`
      await writeFile(data, [[first, second], [first], [], second].map(entry).join(''))
      const rows = await loadRows(data, { seed: 1 })
      const indices = [first, second].map((name) => rows.labels.indexOf(name))
      expect(rows.rows.map(({ set }) => set)).toEqual([indices, [indices[0]], [], [indices[1]]])
      const options = { device: 'cpu' as const, threads: 1, seed: 1 }
      await expect(evaluateMultiLabel(place.model, rows, options)).rejects.toThrow(
        /single_label_classification, one label a text, but the data has lists/,
      )
      await expect(evaluateClassifier(place.model, rows, options)).rejects.toThrow(/lists of labels/)
      const multi = join(folder, 'multi')
      await cp(place.model, multi, { recursive: true })
      await writeFile(
        join(multi, 'config.json'),
        JSON.stringify({ ...config, problem_type: 'multi_label_classification' }),
      )
      const all = await evaluateMultiLabel(multi, rows, { ...options, threshold: 0 })
      // every label is said of every text: 4 of 8 hold
      expect(all).toMatchObject({ n: 4, microPrecision: 0.5, microRecall: 1, exact: 0.25 })
    } finally {
      await place.remove()
    }
  })
})
