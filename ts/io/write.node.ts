// Writes files whole, for Node. What is being written has a temporary name beside its place that says who writes it:
//
//   PLACE.<host>-<pid>-<start>-<random>.tmp   in the making        .new   complete, not yet in its place
//                                      .old   what was in the place before
//
// so that what a killed process left behind is told from what another one is making.

import { createHash, randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

export type TemporaryKind = 'tmp' | 'new' | 'old'

/** Pieces of a file, in memory or as they come. */
export type Parts = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>

/** Names without the host of their writer are of version 0.1, and those of other hosts cannot be asked for: by age. */
const LEFT_AFTER_MS = 24 * 3600 * 1000
/** Node refuses writes of 2^31 bytes and more. */
const PIECE_BYTES = 1 << 26

const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
const START = Math.floor(performance.timeOrigin).toString(36)

const TEMPORARY = /^(?:\.lock)?\.([0-9a-f]{8})-(\d+)-([0-9a-z]+)-[0-9a-f]{8}\.(tmp|new|old)$/
const TEMPORARY_OF_0_1 = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/

/** This process: host, number, start. */
export const writer = (): string => `${HOST}-${process.pid}-${START}`

export const temporaryOf = (place: string, kind: TemporaryKind): string =>
  `${place}.${writer()}-${randomBytes(4).toString('hex')}.${kind}`

/** Whether the process that calls itself so is there; one of another host counts as there. */
export function isWriterThere(name: string): boolean {
  const [host, pid, start] = name.split('-')
  if (host !== HOST) return true
  return Number(pid) === process.pid ? start === START : isRunning(Number(pid))
}

/** Whether a process of this host is there; a number that another process has taken since counts as there. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** What writers that are no longer there left beside `place`, oldest first. */
export async function leftBeside(place: string): Promise<{ path: string; kind: TemporaryKind }[]> {
  const folder = dirname(place)
  const base = basename(place)
  const left: { path: string; kind: TemporaryKind; at: number }[] = []
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(`${base}.`)) continue
    const rest = name.slice(base.length)
    const [, host, pid, start, kind = 'tmp'] = TEMPORARY.exec(rest) ?? []
    if (!host && !TEMPORARY_OF_0_1.test(rest)) continue
    const path = join(folder, name)
    const at = (await stat(path).catch(() => null))?.mtimeMs
    if (at === undefined) continue
    const isOld = Date.now() - at > LEFT_AFTER_MS
    const isLeft = host === HOST ? !isWriterThere(`${host}-${pid}-${start}`) : isOld
    if (isLeft) left.push({ path, kind: kind as TemporaryKind, at })
  }
  return left.sort((a, b) => a.at - b.at)
}

/**
 * The place that a path names, through links.
 * @throws where its last part is neither a file nor a folder: a device must not be replaced by a file
 */
export async function placeOf(path: string): Promise<{ place: string; found: Stats | null }> {
  const place = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return resolve(path)
    throw error
  })
  const found = await stat(place).catch(() => null)
  if (found && !found.isFile() && !found.isDirectory())
    throw new Error('it is a device or a pipe, expected a file or a folder')
  return { place, found }
}

/** Makes a new file of `parts`; what is there when this returns is on the disk. @returns bytes, SHA-256 in hex */
export async function writeNew(path: string, parts: Parts): Promise<{ bytes: number; sha256: string }> {
  const handle = await open(path, 'wx')
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const part of parts) {
      const whole = typeof part === 'string' ? new TextEncoder().encode(part) : part
      hash.update(whole)
      for (let at = 0; at < whole.length;) {
        const { bytesWritten } = await handle.write(whole, at, Math.min(PIECE_BYTES, whole.length - at))
        at += bytesWritten
        bytes += bytesWritten
      }
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

/**
 * Makes a folder and those above it, one after another: Node's own way to make them all never ends in a pseudo file system
 * such as /proc, and says of a read-only disk that there is no such folder.
 * @throws what the system says of the first that cannot be made
 */
export async function makeFolder(folder: string): Promise<void> {
  if (await isDirectory(folder)) return
  const above = dirname(folder)
  if (above !== folder) await makeFolder(above)
  await mkdir(folder).catch(async (error: unknown) => {
    // another process made it
    if (!(await isDirectory(folder))) throw error
  })
}

const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() ?? false

/** As `makeFolder`, for a run that will write there. @throws in a sentence */
export async function makeRunFolder(folder: string): Promise<void> {
  await makeFolder(folder).catch((error: Error) => {
    throw new Error(`${folder} cannot be made (${error.message}); choose a folder that can be written`, {
      cause: error,
    })
  })
}

/** Puts the names of a folder on the disk, where the system can. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

/**
 * Writes parts one after another into a temporary file beside `path`, then renames it: `path` is whole or untouched.
 * Every file that the package writes is written by this function or, in a model's folder, by `writeFolder`.
 * @returns bytes written
 */
export const writeWhole = async (path: string, parts: Parts): Promise<number> => (await replaceFile(path, parts)).bytes

/** As `writeWhole`. @returns bytes, SHA-256 in hex */
export async function replaceFile(path: string, parts: Parts): Promise<{ bytes: number; sha256: string }> {
  let temporary: string | null = null
  try {
    const { place, found } = await placeOf(path)
    if (found?.isDirectory()) throw new Error('it is a folder, expected a file')
    await makeFolder(dirname(place))
    for (const left of await leftBeside(place)) await rm(left.path, { recursive: true, force: true })
    temporary = temporaryOf(place, 'tmp')
    const written = await writeNew(temporary, parts)
    await rename(temporary, place)
    await syncFolder(dirname(place))
    return written
  } catch (error) {
    if (temporary) await rm(temporary, { force: true }).catch(() => {})
    throw new Error(`${path} could not be written (${(error as Error).message}); nothing was changed`, { cause: error })
  }
}
