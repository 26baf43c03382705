// A lock that one process holds: a file that says which. What a process left that is no longer there counts as free.

import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { isWriterThere, temporaryOf, writer } from './write.node.ts'

/** How long one waits for a lock that is held for an instant, and between two looks at it. */
const WAIT_MS = 60_000
const LOOK_MS = 20

/** A lock that another process holds. */
export class Locked extends Error {}

/**
 * Takes the lock `path`, a file in a folder that is there.
 * @param waits for a holder that is done in an instant; else a lock that is held is an error at once
 * @returns lets it go
 * @throws Locked where another holds it
 */
export async function takeLock(path: string, waits: boolean): Promise<() => Promise<void>> {
  const own = temporaryOf(path, 'tmp')
  const token = `${writer()} ${Math.random()}`
  await writeFile(own, token, { flag: 'wx' })
  try {
    for (const end = performance.now() + WAIT_MS; ;) {
      try {
        await link(own, path)
        return () => letGo(path, token)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = await readFile(path, 'utf8').catch(() => '')
      const [name] = holder.split(' ')
      if (holder && !isWriterThere(name)) await breakLock(path, holder)
      else if (!waits || performance.now() > end)
        throw new Locked(`process ${name.split('-')[1]} holds ${path}; wait for it, or remove that file if it is gone`)
      else await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  } finally {
    await rm(own, { force: true })
  }
}

async function letGo(path: string, token: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => '')) === token) await rm(path, { force: true })
}

/** Removes a lock that `holder` left. Of two that break it at once, one may find the other's new lock: it goes back. */
async function breakLock(path: string, holder: string): Promise<void> {
  const aside = temporaryOf(path, 'old')
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== holder) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}
