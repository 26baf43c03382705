import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { resumable, trainingFolder } from './resumable.node.ts'

const root = await mkdtemp(join(tmpdir(), 'resumable-'))
afterAll(() => rm(root, { recursive: true }))

const reporter = { stage: () => {}, progress: () => {}, done: () => {}, note: () => {} }

it('lets one run write to a place: another would lose its checkpoint', async () => {
  const out = join(root, 'model')
  const done = await resumable({ out }, reporter, async () => {
    await expect(resumable({ out }, reporter, () => Promise.resolve('second'))).rejects.toThrow(
      /process \d+ holds .*model\.training\/lock; wait for it/,
    )
    return 'first'
  })
  expect(done).toBe('first')
  expect(await resumable({ out }, reporter, () => Promise.resolve('third'))).toBe('third')
  await expect(access(trainingFolder(out))).rejects.toThrow(/ENOENT/)
})
