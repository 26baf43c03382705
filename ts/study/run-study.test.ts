// The study from code, as a user of the package calls it.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runStudy, tableMarkdown } from '../study.ts'

const folder = await mkdtemp(join(tmpdir(), 'run-study-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const OPTIONS = { quick: true, minutes: 10, threads: 1, devices: ['cpu' as const], data: join(folder, 'data.csv') }
const MODELS = fileURLToPath(new URL('../../testing/families/fixtures/models/', import.meta.url))

beforeAll(async () => {
  const rows = Array.from({ length: 120 }, (_, i) => (i % 2 ? `a good film ${i},yes` : `a bad film ${i},no`))
  await writeFile(OPTIONS.data, `text,label\n${rows.join('\n')}\n`)
})

it('goes on without the rows that a family cannot have, and refuses models that give no classes', async () => {
  const options = { ...OPTIONS, minutes: 0.04, isTuned: false, variants: 'pruned,sp80', out: join(folder, 'mpnet') }
  const { results } = await runStudy({ ...options, model: join(MODELS, 'mpnet-sentence') })
  expect(results.finished).toBe(true)
  expect(results.rows.map(({ id }) => id)).toEqual(['baseline', 'sp80'])
  expect(results.notes.join()).toMatch(/pruned is not made of this model: heads: .*share one bias for each head/)
  await expect(runStudy({ ...options, model: join(MODELS, 'distilbert-regression') })).rejects.toThrow(
    /its outputs are those of regression; a study judges classes/,
  )
})

it('compares variants of a model trained here; a signal ends it and what is finished stays', async () => {
  const out = join(folder, 'out')
  const options = { ...OPTIONS, variants: 'q8+e8', out }
  const { results, stopped } = await runStudy(options)
  expect([stopped, results.finished]).toEqual([false, true])
  expect(results.rows.map(({ id }) => id)).toEqual(['baseline', 'q8+e8'])
  expect(results.settings).toMatchObject({ model: 'scratch', seed: 1, isTuned: true, student: null })
  expect(tableMarkdown(results)).toContain('| `q8+e8` |')
  expect(await readdir(join(out, 'models'))).toEqual(['baseline', 'q8+e8'])
  const again = await runStudy({ ...options, variants: 'q8' }, { signal: AbortSignal.abort() })
  expect([again.stopped, again.results.rows]).toEqual([true, []])
})
