import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectSentence, makePlace, type Place } from '../../testing/command-line.ts'
import { syntheticResults } from '../../testing/study-results.ts'
import type { StudyResults } from '../report/results.ts'

let place: Place
beforeAll(async () => {
  place = await makePlace()
  for (const name of ['a', 'b']) {
    await mkdir(join(place.folder, name))
    await writeFile(join(place.folder, name, 'results.json'), JSON.stringify(syntheticResults()))
  }
  await writeFile(join(place.folder, 'old.json'), '{"schema":"compact-kernels/study/2"}')
})
afterAll(() => place.remove())

it('merges the results of machines into a folder', async () => {
  const { code, stdout } = await place.run(['study', 'merge', 'a', 'b/results.json', '--out', 'c'])
  expect(stdout).toMatch(/^2 machines: c\/table\.md/)
  expect(code).toBe(0)
  const merged = JSON.parse(await readFile(join(place.folder, 'c/results.json'), 'utf8')) as StudyResults
  expect(merged.machines).toHaveLength(2)
  expect(await readFile(join(place.folder, 'c/report.html'), 'utf8')).toContain('Times on each machine')
})

it.each([
  [['a', '--out', 'd'], /found 1 study, expected two or more/, 2],
  [['a', 'b', '--out', 'a'], /--out a is a study itself; choose another folder/, 2],
  [['a', 'old.json', '--out', 'd'], /old\.json: found schema "compact-kernels\/study\/2", expected/, 1],
])('refuses %j', async (args, words, code) => {
  expectSentence(await place.run(['study', 'merge', ...args]), words, code)
})
