// Data files from the disk as text (Node only).

import type { DataFile } from './dataset-rows.ts'
import { BUILTIN_REVIEWS } from './reviews/reviews.ts'

// Above this a string cannot hold the file.
const MAX_FILE_BYTES = 512e6

/**
 * The files that are named, joined by commas, with their text.
 * @throws where a name is empty, or a file is missing, too large or not UTF-8
 */
export async function readFiles(source: string): Promise<DataFile[]> {
  const paths = source.split(',').map((path) => path.trim())
  if (paths.includes('')) throw new Error(`data: '${source}' has an empty file name; expected files joined by commas`)
  return Promise.all(paths.map(async (path) => ({ path, content: await readText(path) })))
}

async function readText(path: string): Promise<string> {
  const { readFile, stat } = await import('node:fs/promises')
  let bytes: Uint8Array
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES)
      throw new Error(
        `it has ${(size / 1e6).toFixed(0)} MB, expected at most ${MAX_FILE_BYTES / 1e6}; take a sample of it`,
      )
    bytes = await readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const found = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw new Error(`${path}: not read: ${found}; expected a CSV, TSV, JSONL or JSON file, or ${BUILTIN_REVIEWS}`, {
      cause: error,
    })
  }
  return decodeUtf8(bytes, path)
}

/** @throws with the first line that is not UTF-8 and how to convert the file */
function decodeUtf8(bytes: Uint8Array, path: string): string {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    return decoder.decode(bytes)
  } catch {
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
      throw new Error(`${path}: it is UTF-16, expected UTF-8; convert it: iconv -f UTF-16 -t UTF-8`)
    let line = 1
    for (let start = 0; start < bytes.length; line++) {
      const found = bytes.indexOf(10, start)
      const end = found < 0 ? bytes.length : found
      try {
        decoder.decode(bytes.subarray(start, end))
      } catch {
        break
      }
      start = end + 1
    }
    throw new Error(
      `${path}: line ${line} is not UTF-8, the only encoding that is read; convert the file: ` +
        'iconv -f WINDOWS-1251 -t UTF-8, or whatever encoding it has',
    )
  }
}
