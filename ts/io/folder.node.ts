// Model folders on disk, for Node.

import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkedText, isModelFile, MAX_TEXT_BYTES, type ModelFiles } from './folder.ts'
import type { ByteSource } from './safetensors.ts'

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

/** True where there is anything at `path`. */
export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** True where `path` is a folder. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** SHA-256 of the names and contents of a model folder's files, 16 hex digits; other files are no part of it. */
export async function folderDigest(folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const name of (await readdir(folder)).filter(isModelFile).sort()) {
    hash.update(`${JSON.stringify(name)}:`)
    for await (const piece of createReadStream(join(folder, name))) hash.update(piece as Buffer)
  }
  return hash.digest('hex').slice(0, 16)
}

/** The files of a folder. */
export function folderFiles(folder: string): ModelFiles {
  return {
    where: folder,
    text: async (name) => {
      const path = join(folder, name)
      try {
        const { size } = await stat(path)
        if (size > MAX_TEXT_BYTES) throw new Error(`${path} has ${size} bytes, expected at most ${MAX_TEXT_BYTES}`)
        return checkedText(await readFile(path, 'utf8'), path)
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    list: () => readdir(folder, { recursive: true }),
    open: async (name) => {
      try {
        return await fileSource(join(folder, name))
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
  }
}

/** One file, read in place: only what is asked for comes into memory. */
export async function fileSource(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r')
  const { size } = await handle.stat()
  return {
    name: path,
    size,
    read: async (position, into) => {
      let done = 0
      while (done < into.length) {
        const { bytesRead } = await handle.read(into, done, into.length - done, position + done)
        if (bytesRead === 0) throw new Error(`${path} ended at byte ${position + done} while it was read`)
        done += bytesRead
      }
    },
    close: () => handle.close(),
  }
}

/** Pieces of a file, in memory or as they come. */
export type Parts = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>

/**
 * Writes parts one after another into a temporary file beside `path`, then renames it: `path` is whole or untouched.
 * Every file that the package writes is written by this function.
 * @returns bytes written
 */
export async function writeWhole(path: string, parts: Parts): Promise<number> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${randomUUID()}.tmp`
  const handle = await open(temporary, 'wx')
  let written = 0
  try {
    for await (const part of parts) {
      const bytes = typeof part === 'string' ? new TextEncoder().encode(part) : part
      // pieces of 64 MiB: Node refuses writes of 2^31 bytes
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, at, Math.min(1 << 26, bytes.length - at))
        at += bytesWritten
        written += bytesWritten
      }
    }
    await handle.sync()
    await handle.close()
    await rename(temporary, path)
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(temporary, { force: true })
    throw new Error(`${path} could not be written (${(error as Error).message}); nothing was changed`, { cause: error })
  }
  return written
}

/**
 * Writes the files of a folder in order. A new folder is made under a temporary name and renamed when it is complete.
 *
 * @param stale files that go before the last one is written
 * @returns bytes by file name
 */
export async function writeFolder(
  folder: string,
  files: [name: string, parts: (Uint8Array | string)[]][],
  stale: string[] = [],
): Promise<Record<string, number>> {
  const isNew = !(await isFolder(folder))
  const target = isNew ? `${folder.replace(/[/\\]+$/, '')}.${randomUUID()}.tmp` : folder
  const bytes: Record<string, number> = {}
  try {
    for (const [i, [name, parts]] of files.entries()) {
      if (i === files.length - 1) for (const other of stale) await rm(join(target, other), { force: true })
      bytes[name] = await writeWhole(join(target, name), parts)
    }
    if (isNew) await rename(target, folder)
  } catch (error) {
    if (isNew) await rm(target, { recursive: true, force: true })
    throw error
  }
  return bytes
}
