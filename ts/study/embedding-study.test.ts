import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import { filesOf } from '../text/tokenizer-files.ts'
import { learnTokenizer } from '../text/learn-tokenizer.ts'
import { initializeModel } from '../train/initialize.ts'
import { modelConfig } from '../train/starting-model.ts'
import { runEmbeddingStudy } from './embedding-study.ts'

const WORDS = 'the a red blue green old new film song book cat dog sees likes finds near far house tree river'.split(
  ' ',
)
const texts = Array.from({ length: 700 }, (_, i) =>
  Array.from({ length: 5 + (i % 3) }, (_, d) => WORDS[Math.floor((i * 7919 + 31) / 3 ** d) % WORDS.length]).join(' '),
)
let folder = ''
const at = (name: string): string => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedding-study-'))
  await writeFile(at('texts.txt'), texts.join('\n'))
  const tokenizer = learnTokenizer(texts, 80, null)
  const size = { layers: 2, hiddenSize: 64, heads: 2, intermediateSize: 128 }
  const model = initializeModel(modelConfig(size, tokenizer, ['a', 'b'], 16, null), 1)
  const bare = { ...model, config: { ...model.config, labels: [] }, pooler: null, classifier: null }
  await saveModel(bare, at('model'), { files: filesOf(tokenizer) })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('judges every row by vectors on held-out texts, trains again, goes on, and says what its measures are', async () => {
  const options = {
    ...{ model: at('model'), data: at('texts.txt'), out: at('out'), threads: 1, minutes: 0.05, taught: 200 },
    variants: 'q8+e8,student,heads6-ffn1536,sp50x4+q8+e8,vocab',
  }
  const { results, stopped } = await runEmbeddingStudy(options)
  expect(stopped).toBe(false)
  const { rows, data, measures, notes } = results
  expect(rows.map(({ id }) => id)).toEqual(['baseline', 'q8+e8', 'vocab', 'heads6-ffn1536', 'sp50x4+q8+e8'])
  expect(data).toMatchObject({ texts: 70, neighbours: 10 })
  expect(data.train + data.validation + data.texts).toBe(new Set(texts).size)
  expect(measures.overlap).toMatch(/ten nearest neighbours/)
  expect(notes.join()).toMatch(/student: a student of an embedder is made by distil/)
  const [baseline, q8, , heads, sparse] = rows
  expect(baseline).toMatchObject({ share: 1, overlap: { mean: 1 } })
  expect(baseline.cosine!.mean).toBeCloseTo(1, 6)
  expect(q8.share).toBeLessThan(0.5)
  for (const { cosine, overlap, cpu, bytes, folder: of } of rows) {
    expect(cosine!.mean).toBeGreaterThan(0.5)
    expect(overlap.low).toBeLessThanOrEqual(overlap.high)
    expect(cpu!.medianMs).toBeGreaterThan(0)
    expect((await loadModel(join(at('out'), of))).fileBytes).toBe(bytes)
  }
  expect(heads.note).toMatch(/in \d+ rounds.*trained again: \d+ steps/)
  expect(sparse.note).toMatch(/zeros grown in 60 % of the steps/)
  const again = await runEmbeddingStudy(options)
  expect(again.results.rows).toEqual(rows)
  for (const [file, words] of [
    ['table.md', /share of a text's ten nearest neighbours/],
    ['report.html', /10 nearest kept/],
    ['results.json', /"schema": "compact-kernels\/embedding-study\/1"/],
  ] as const)
    expect(await readFile(join(at('out'), file), 'utf8')).toMatch(words)
})

it('wants a bare encoder and enough texts', async () => {
  const { weights, tokenizerFiles } = await loadModel(at('model'))
  const classifier = initializeModel({ ...weights.config, labels: ['a', 'b'] }, 1)
  await saveModel(classifier, at('classifier'), { files: tokenizerFiles })
  const asked = { data: at('texts.txt'), out: at('never') }
  await expect(runEmbeddingStudy({ ...asked, model: at('classifier') })).rejects.toThrow(/is a classifier/)
  await writeFile(at('few.txt'), texts.slice(0, 100).join('\n'))
  await expect(runEmbeddingStudy({ ...asked, data: at('few.txt'), model: at('model') })).rejects.toThrow(
    /expected at least 50 test texts/,
  )
})
