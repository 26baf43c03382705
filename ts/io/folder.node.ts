// Model folders on disk, for Node.

import { createHash } from 'node:crypto'
import { constants, createReadStream, type Stats } from 'node:fs'
import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { checkedText, isModelFile, MAX_TEXT_BYTES, type ModelFiles } from './folder.ts'
import type { ByteSource } from './safetensors.ts'

export { keptOnDisk } from './kept-files.node.ts'
export { writeWhole, type Parts } from './write.node.ts'
export { recoverFolder, writeFolder } from './write-folder.node.ts'

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

/** @throws where it is a pipe or a device, which may have no end, or no one who writes to it */
async function fileStat(path: string): Promise<Stats> {
  const found = await stat(path)
  if (!found.isFile())
    throw new Error(`${path} is a ${found.isDirectory() ? 'folder' : 'pipe or a device'}, expected a file`)
  return found
}

/** How long a pipe may wait for who writes to it. */
const PIPE_MS = 10_000

/**
 * A file, or what comes out of a pipe, as a whole.
 * @param most bytes
 * @throws where there are more, no one writes to the pipe, or it is a device
 */
export async function readBounded(path: string, most: number): Promise<Uint8Array> {
  const found = await stat(path)
  const refuseSize = (megabytes: string): never => {
    throw new Error(`it has ${megabytes} MB, expected at most ${most / 1e6}; take a sample of it`)
  }
  if (found.isFile()) return found.size > most ? refuseSize((found.size / 1e6).toFixed(0)) : readFile(path)
  if (!found.isFIFO())
    throw Object.assign(new Error('it is a device, expected a file'), found.isDirectory() && { code: 'EISDIR' })
  const handle = await openPipe(path)
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    for await (const piece of handle.createReadStream({ autoClose: false })) {
      pieces.push(piece as Buffer)
      bytes += (piece as Buffer).length
      if (bytes > most) refuseSize(`more than ${most / 1e6}`)
    }
  } finally {
    await handle.close()
  }
  return Buffer.concat(pieces)
}

async function openPipe(path: string): Promise<FileHandle> {
  let isLate = false
  // opening waits for a writer, without a way to stop but to be one
  const timer = setTimeout(() => {
    isLate = true
    void open(path, constants.O_WRONLY | constants.O_NONBLOCK).then((writer) => writer.close())
  }, PIPE_MS)
  const handle = await open(path, 'r')
  clearTimeout(timer)
  if (!isLate) return handle
  await handle.close()
  throw new Error(`nothing has written to this pipe for ${PIPE_MS / 1000} s`)
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
        const { size } = await fileStat(path)
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
  const { size } = await fileStat(path)
  const handle = await open(path, 'r')
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
