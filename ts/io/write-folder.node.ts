// Writes a folder whole, for Node: it is made beside its place, then renamed into it. Where a folder is in the place
// already, it moves aside in one step and the new one comes in the next: whoever looks finds the old one, the new one or,
// in between, none; `recoverFolder` ends what was killed in between.

import {
  access,
  chmod,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { takeLock } from './lock.node.ts'
import { SUMS_FILE } from './sums.ts'
import {
  leftBeside,
  makeFolder,
  placeOf,
  syncFolder,
  temporaryOf,
  writeNew,
  replaceFile,
  type Parts,
} from './write.node.ts'

/** What a disk answers that has no hard links, or no more of them. */
const NO_LINKS = new Set<unknown>(['EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS', 'EXDEV'])

type Files = [name: string, parts: Parts][]

/**
 * Puts a folder back whose writer was killed between its two renames: the new one, which was complete, or else the old.
 * @returns what was put into the place, or null where there was nothing to do
 */
export async function recoverFolder(folder: string): Promise<'new' | 'old' | null> {
  const { place } = await placeOf(folder)
  const base = basename(place)
  const isWriting = (await readdir(dirname(place)).catch(() => [])).some(
    (name) => name.startsWith(`${base}.`) && /\.(new|old)$/.test(name),
  )
  if (!isWriting) return null
  const unlock = await takeLock(lockOf(place), true)
  try {
    return await putBack(folder, place)
  } finally {
    await unlock()
  }
}

async function putBack(folder: string, place: string): Promise<'new' | 'old' | null> {
  // another process may have put it there in the meantime
  if (await lstat(place).catch(() => null)) return 'new'
  const left = (await leftBeside(place)).reverse()
  const whole = left.find(({ kind }) => kind === 'new') ?? left.find(({ kind }) => kind === 'old')
  if (!whole) return null
  try {
    await rename(whole.path, place)
  } catch (error) {
    throw new Error(
      `${folder} was being replaced when its writer was stopped, and ${whole.path} cannot be put in its place (${(error as Error).message}); rename it by hand`,
      { cause: error },
    )
  }
  return whole.kind === 'new' ? 'new' : 'old'
}

const lockOf = (place: string): string => `${place}.lock`

/**
 * Writes a folder of these files and SHA256SUMS. A folder that is there is replaced as a whole; its other files stay, but
 * for those that `stale` names.
 *
 * @returns bytes by file name
 * @throws where the disk refuses: the folder is then what it was; or where it cannot be replaced as a whole (the root of a
 *   mounted disk, a folder that may not be renamed) and holds a model
 */
export async function writeFolder(folder: string, files: Files, stale: string[] = []): Promise<Record<string, number>> {
  try {
    await recoverFolder(folder)
    const { place, found } = await placeOf(folder)
    if (found && !found.isDirectory()) throw new Error('it is a file, expected a folder')
    await makeFolder(dirname(place))
    for (const { path } of await leftBeside(place)) await rm(path, { recursive: true, force: true })
    if (found && !(await canMove(place, found.dev))) return await writeInPlace(place, files, stale)
    return await replace(place, files, stale)
  } catch (error) {
    throw new Error(`${folder} could not be written (${(error as Error).message}); nothing was changed`, {
      cause: error,
    })
  }
}

/** Whether a folder can be renamed: not the root of a disk, nor in a folder that may not be written. */
async function canMove(place: string, device: number): Promise<boolean> {
  const parent = dirname(place)
  if ((await stat(parent)).dev !== device) return false
  return access(parent, constants.W_OK).then(
    () => true,
    () => false,
  )
}

async function replace(place: string, files: Files, stale: string[]): Promise<Record<string, number>> {
  const making = temporaryOf(place, 'tmp')
  const made = making.replace(/tmp$/, 'new')
  try {
    await mkdir(making)
    const bytes = await fill(making, files, writeNew)
    // one writer after the other from here on: the later one's folder stays
    const unlock = await takeLock(lockOf(place), true)
    try {
      const old = await lstat(place).catch(() => null)
      if (old) {
        await linkOthers(place, making, new Set([...files.map(([name]) => name), ...stale, SUMS_FILE]))
        await chmod(making, old.mode & 0o7777)
      }
      await syncFolder(making)
      await rename(making, made)
      await swap(made, place, old !== null)
    } finally {
      await unlock()
    }
    return bytes
  } catch (error) {
    for (const path of [making, made]) await rm(path, { recursive: true, force: true }).catch(() => {})
    throw error
  }
}

/** Renames `made` to `place`; what is there goes aside and is removed. */
async function swap(made: string, place: string, isThere: boolean): Promise<void> {
  const aside = temporaryOf(place, 'old')
  if (isThere) await rename(place, aside)
  try {
    await rename(made, place)
  } catch (error) {
    if (isThere) await rename(aside, place)
    throw error
  }
  await syncFolder(dirname(place))
  await rm(aside, { recursive: true, force: true })
}

/** Makes the files and their digests by `write`. @returns bytes by file name */
async function fill(
  folder: string,
  files: Files,
  write: (path: string, parts: Parts) => Promise<{ bytes: number; sha256: string }>,
): Promise<Record<string, number>> {
  const bytes: Record<string, number> = {}
  const sums: string[] = []
  for (const [name, parts] of files) {
    await makeFolder(dirname(join(folder, name)))
    const written = await write(join(folder, name), parts)
    bytes[name] = written.bytes
    sums.push(`${written.sha256}  ${name}\n`)
  }
  bytes[SUMS_FILE] = (await write(join(folder, SUMS_FILE), sums)).bytes
  return bytes
}

/** The entries of `from` that `except` does not name, in `to` as well: the same files, without a copy where that can be. */
async function linkOthers(from: string, to: string, except: ReadonlySet<string>, below = ''): Promise<void> {
  for (const entry of await readdir(join(from, below), { withFileTypes: true })) {
    const name = below ? `${below}/${entry.name}` : entry.name
    if (except.has(name)) continue
    const [source, target] = [join(from, name), join(to, name)]
    if (entry.isDirectory()) {
      await makeFolder(target)
      await linkOthers(from, to, except, name)
    } else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else if (entry.isFile())
      await link(source, target).catch((error: unknown) => {
        if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error
        return copyFile(source, target)
      })
    else throw new Error(`${source} is neither a file nor a folder; remove it`)
  }
}

/** Into a folder that cannot be renamed, config.json last: without it there is no model. */
async function writeInPlace(place: string, files: Files, stale: string[]): Promise<Record<string, number>> {
  if (await lstat(join(place, 'config.json')).catch(() => null))
    throw new Error(
      'it holds a model and cannot be renamed, being the root of a disk or in a folder that may not be written; choose a folder inside it, or remove its config.json first',
    )
  for (const name of [...stale, SUMS_FILE]) await rm(join(place, name), { force: true })
  return fill(place, files, replaceFile)
}
