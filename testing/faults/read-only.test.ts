// A folder that may not be written: whoever only reads does, and whoever writes says why not, before hours of work.

import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { saveModel } from '../../ts/model/save.ts'
import { syntheticModel } from '../models.ts'

/** Runs a command where its first argument, a folder, is mounted read-only: chmod does not stop root. */
const MOUNTED = ['--user', '--map-root-user', '--mount', 'sh', '-c']
const READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-only-'))
  const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'good', 'bad', 'film']
  await saveModel(syntheticModel('f32', 3), join(folder, 'model'), { files: { 'vocab.txt': words.join('\n') } })
  const rows = Array.from({ length: 60 }, (_, i) => (i % 2 ? `a good film ${i},positive` : `a bad film ${i},negative`))
  await writeFile(join(folder, 'data.csv'), `text,label\n${rows.join('\n')}\n`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('a folder on a read-only disk is read, and everything that writes says that it is read-only', async () => {
  const script = [process.execPath, join(import.meta.dirname, 'read-only.ts'), folder]
  const isMounted = mayMount()
  if (!isMounted) console.warn('NOT MOUNTED: unshare may not mount here, so that EROFS is injected')
  const [command, ...args] = isMounted ? ['unshare', ...MOUNTED, READ_ONLY, folder, ...script] : [...script, 'fake']
  const stdout = await new Promise<string>((resolve, reject) =>
    execFile(command, args, (error, out) => (error ? reject(error) : resolve(out))),
  )
  const { load, open, 'save over it': over, ...refused } = JSON.parse(stdout) as Record<string, string>
  expect([load, open]).toEqual(['done', 'done'])
  expect(over).toMatch(/choose a folder inside it|EROFS/)
  expect(Object.keys(refused)).toEqual(['save beside it', 'checkpoint', 'train', 'distil', 'study', 'hub'])
  for (const [what, words] of Object.entries(refused)) expect(words, what).toMatch(/EROFS: read-only file system/)
  expect(refused.train).toMatch(/trained\.training cannot be made .*; choose a folder that can be written/)
  expect(refused.study).toMatch(/study cannot be made .*; choose a folder that can be written/)
  expect(await readdir(folder)).toEqual(['data.csv', 'model'])
})

/** Whether this machine lets an ordinary process mount in a namespace of its own. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', [...MOUNTED, READ_ONLY, folder, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
