// Model folders on disk, for Node.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkedText, isModelFile, MAX_TEXT_BYTES, type ModelFiles } from './folder.ts'
import type { ByteSource } from './safetensors.ts'

export { keptOnDisk } from './kept-files.node.ts'
export { writeWhole, type Parts } from './write.node.ts'
export { recoverFolder, SUMS_FILE, writeFolder } from './write-folder.node.ts'

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
