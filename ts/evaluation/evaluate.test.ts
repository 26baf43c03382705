// From a file and a model folder to scores, by what compact-kernels/evaluation exports.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DenseWeight } from '../../kernels/program/weights.ts'
import { syntheticModel } from '../../testing/models.ts'
import { compareClassifiers, evaluateClassifier, loadRows } from '../evaluation.ts'
import { SILENT } from '../inference/reporter.ts'
import { saveModel } from '../model/save.ts'

const folder = await mkdtemp(join(tmpdir(), 'evaluate-'))
const model = join(folder, 'model')
/** says the other class of everything; has the labels in the other order */
const [swapped, renamed] = ['swapped', 'renamed'].map((name) => join(folder, name))
const csv = join(folder, 'rows.csv')
const words = 'a good bad film'.split(' ')

beforeAll(async () => {
  const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n')
  const synthetic = syntheticModel('f32', 6)
  const files = { 'vocab.txt': vocabulary }
  await saveModel(synthetic, model, { files })
  const { weight, bias } = synthetic.classifier!
  const dense = weight as DenseWeight
  const negative = (values: Float32Array): Float32Array => values.map((x) => -x)
  const negated = { weight: { ...dense, data: negative(dense.data) }, bias: negative(bias!) }
  await saveModel({ ...synthetic, classifier: negated }, swapped, { files })
  const labels = synthetic.config.labels.toReversed()
  await saveModel({ ...synthetic, config: { ...synthetic.config, labels } }, renamed, { files })
  const rows = Array.from(
    { length: 40 },
    (_, i) => `a ${words[1 + (i % 2)]} film ${i},${i % 2 ? 'negative' : 'positive'}`,
  )
  await writeFile(csv, `text,label\n${rows.join('\n')}\n${'good '.repeat(100)},positive\n`)
})
afterAll(() => rm(folder, { recursive: true }))

describe('evaluateClassifier', () => {
  it('scores every row and says what was cut', async () => {
    const notes: string[] = []
    const reporter = { ...SILENT, note: (text: string) => notes.push(text) }
    const rows = await loadRows(csv, { seed: 1 })
    const scores = await evaluateClassifier(model, rows, { device: 'cpu', threads: 1, seed: 1, reporter })
    expect(scores).toMatchObject({
      n: 41,
      labels: ['negative', 'positive'],
      truncated: 1,
      preparation: null,
      software: false,
    })
    expect(scores.confusion.flat().reduce((a, b) => a + b)).toBe(41)
    expect(scores.f1Low).toBeLessThanOrEqual(scores.f1)
    expect(scores.f1High).toBeGreaterThanOrEqual(scores.f1)
    expect(notes.join()).toMatch(/^1 texts are longer than the model's \d+ positions and lost their end$/)
  })
  it('sets two models beside each other on the same rows, and refuses other labels', async () => {
    const rows = await loadRows(csv, { seed: 1 })
    const asked = { device: 'cpu', threads: 1, seed: 1 } as const
    const alone = await evaluateClassifier(model, rows, asked)
    const { other, paired, ...own } = await compareClassifiers(model, swapped, rows, asked)
    expect({ ...own, seconds: 0 }).toEqual({ ...alone, seconds: 0 })
    expect(own.macroF1).not.toBe(other.macroF1)
    expect(paired.loss).toBeCloseTo(other.macroF1 - own.macroF1, 12)
    expect(paired.low).toBeLessThan(paired.loss)
    expect(paired.high).toBeGreaterThan(paired.loss)
    expect((await compareClassifiers(model, model, rows, asked)).paired).toEqual({
      loss: 0,
      low: 0,
      high: 0,
      change: 'open',
    })
    await expect(compareClassifiers(model, renamed, rows, asked)).rejects.toThrow(/expected the same in the same order/)
  })
  it('refuses labels that are not the model’s, and stops where the signal says so', async () => {
    const rows = await loadRows(csv, { seed: 1 })
    const other = { ...rows, labels: ['x', 'y'] }
    await expect(evaluateClassifier(model, other, { device: 'cpu', seed: 1 })).rejects.toThrow(
      /expected the same names/,
    )
    const signal = AbortSignal.abort()
    await expect(evaluateClassifier(model, rows, { device: 'cpu', threads: 1, seed: 1, signal })).rejects.toMatchObject(
      {
        name: 'AbortError',
      },
    )
  })
})
