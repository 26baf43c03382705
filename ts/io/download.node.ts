// One file from a server onto the disk, for Node: broken off, it goes on where it was; finished, it is what was listed.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ObjectName } from './hub.ts'
import { Locked, takeLock } from './lock.node.ts'
import { watchedFetch, type FetchBounds } from './watched-fetch.ts'
import { makeFolder, temporaryOf } from './write.node.ts'

export interface DownloadOptions extends FetchBounds {
  address: string
  headers: Record<string, string>
  /** where it goes; what there is of it lies beside, with `.incomplete` behind the name, as Python's hub client does */
  place: string
  size: number
  object: ObjectName
  /** bytes so far */
  progress(loaded: number): void
}

/** Connections that break one after another without a byte between. */
const MAX_FAILURES = 3
const LEFT_AFTER_MS = 7 * 24 * 3600 * 1000

/** @throws where the server has no such file, sends another, or the disk cannot hold it */
export async function download(options: DownloadOptions): Promise<void> {
  const { place, size, object } = options
  await makeFolder(dirname(place))
  const unlock = await lockOf(place)
  // two processes want the same file: the second does not wait, and what it fetches is its own until it is whole
  const partial = unlock ? `${place}.incomplete` : temporaryOf(place, 'tmp')
  try {
    await fetchInto(partial, options)
    const found = await digestOf(partial, size, object.algorithm)
    if (found !== object.hex) {
      await rm(partial)
      throw new Error(`what came has ${object.algorithm} ${found}, expected ${object.hex}; it was not kept`)
    }
    await rename(partial, place)
  } finally {
    if (!unlock) await rm(partial, { force: true })
    await unlock?.()
  }
}

/** Takes the lock of who fetches a file. @returns null where another holds it */
const lockOf = (place: string): Promise<(() => Promise<void>) | null> =>
  takeLock(`${place}.lock`, false).catch((error: unknown) => {
    if (error instanceof Locked) return null
    throw error
  })

/** Adds to a file until it has all its bytes. */
async function fetchInto(partial: string, options: DownloadOptions): Promise<void> {
  const { size, signal } = options
  for (let failures = 0, before = -1; ; failures++) {
    const have = (await stat(partial).catch(() => null))?.size ?? 0
    if (have === size && size > 0) return
    if (have > size) await rm(partial)
    if (have > before) failures = 0
    before = have
    try {
      await fetchRest(partial, have > size ? 0 : have, options)
      return
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof Refused || failures >= MAX_FAILURES) throw error
    }
  }
}

/** What another try does not mend. */
class Refused extends Error {}

async function fetchRest(partial: string, have: number, options: DownloadOptions): Promise<void> {
  const { address, headers, size, progress, signal, silenceMs } = options
  const { bavail, bsize } = await statfs(dirname(partial))
  if (size - have > bavail * bsize)
    throw new Refused(`it needs ${size - have} bytes of the disk, which has ${bavail * bsize} left`)
  const range: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {}
  const { response, pieces } = await watchedFetch(address, { headers: { ...headers, ...range } }, { signal, silenceMs })
  const { status } = response
  if (status === 401 || status === 403)
    throw new Refused(`HTTP ${status}: it is private or gated; give a token that may read it (HF_TOKEN)`)
  if (status === 416) {
    await rm(partial, { force: true })
    throw new Error('the server does not go on where it was; from the beginning')
  }
  if (!response.ok) {
    const words = `HTTP ${status} ${response.statusText}`
    throw status >= 500 ? new Error(words) : new Refused(words)
  }
  const goesOn = status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${have}-`) === true
  const handle = await open(partial, goesOn ? 'a' : 'w')
  let loaded = goesOn ? have : 0
  try {
    for await (const piece of pieces(size - loaded)) {
      await handle.write(piece)
      loaded += piece.length
      progress(loaded)
    }
    await handle.sync()
  } catch (error) {
    // a file that is longer than it was listed is another file
    if ((error as Error).message.includes('sends more than')) {
      await rm(partial, { force: true })
      throw new Refused((error as Error).message)
    }
    throw error
  } finally {
    await handle.close()
  }
  if (loaded < size) throw new Error(`${loaded} of ${size} bytes came; what is there is kept for another try`)
}

async function digestOf(path: string, size: number, algorithm: ObjectName['algorithm']): Promise<string> {
  const hash = createHash(algorithm)
  if (algorithm === 'sha1') hash.update(`blob ${size}\0`)
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  return hash.digest('hex')
}

/** Removes what was begun a week ago or before and has not come since, by the clock, which may be wrong: not what still comes. */
export async function removeOldPartials(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith('.incomplete')) continue
    const path = join(folder, name)
    const found = await stat(path).catch(() => null)
    if (!found || Date.now() - found.mtimeMs <= LEFT_AFTER_MS) continue
    const unlock = await lockOf(path.replace(/\.incomplete$/, ''))
    if (!unlock) continue
    await rm(path, { force: true })
    await unlock()
  }
}
