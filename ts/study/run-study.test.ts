// The study from code, as a user of the package calls it.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runStudy, tableMarkdown } from '../study.ts'

const folder = await mkdtemp(join(tmpdir(), 'run-study-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

it('compares variants of a model trained here; a signal ends it and what is finished stays', async () => {
  const rows = Array.from({ length: 120 }, (_, i) => (i % 2 ? `a good film ${i},yes` : `a bad film ${i},no`))
  await writeFile(join(folder, 'data.csv'), `text,label\n${rows.join('\n')}\n`)
  const out = join(folder, 'out')
  const options = { data: join(folder, 'data.csv'), variants: 'q8+e8', quick: true, minutes: 0.2, threads: 1, out }
  const { results, stopped } = await runStudy({ ...options, devices: ['cpu'] })
  expect([stopped, results.finished]).toEqual([false, true])
  expect(results.rows.map(({ id }) => id)).toEqual(['baseline', 'q8+e8'])
  expect(results.settings).toMatchObject({ model: 'scratch', seed: 1, isTuned: true, student: null })
  expect(tableMarkdown(results)).toContain('| `q8+e8` |')
  expect(await readdir(join(out, 'models'))).toEqual(['baseline', 'q8+e8'])
  const again = await runStudy({ ...options, devices: ['cpu'], variants: 'q8' }, { signal: AbortSignal.abort() })
  expect([again.stopped, again.results.rows]).toEqual([true, []])
})
