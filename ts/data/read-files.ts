// Data files from the disk (Node only): as text, unpacked where they are gzip.

import { endingOf, type DataFile } from './dataset-rows.ts'
import { BUILTIN } from './builtin.ts'

// Above this a string cannot hold the file.
const MAX_FILE_BYTES = 512e6
const MB = 1e6

/** What files of other formats begin with, and what to do about them. */
const OTHER_FORMATS: [start: string, what: string][] = [
  ['PK\x03\x04', 'it is a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV UTF-8'],
  ['\xd0\xcf\x11\xe0', 'it is an Excel workbook; save the sheet as CSV UTF-8'],
  ['BZh', 'it is packed by bzip2; unpack it first: bunzip2'],
  ['\xfd7zXZ', 'it is packed by xz; unpack it first: unxz'],
  ['\x28\xb5\x2f\xfd', 'it is packed by zstd; unpack it first: unzstd'],
  ['ARROW1', 'it is an Arrow file; convert it to Parquet, CSV or JSONL'],
  ['SQLite format 3', 'it is an SQLite database; export the table as CSV'],
  ['version https://git-lfs.github.com/spec/', 'it is a Git LFS pointer, not the file itself; fetch it: git lfs pull'],
]

/**
 * The files that are named, joined by commas, with their contents.
 * @param most bytes of a file, packed or unpacked
 * @throws where a name is empty, or a file is missing, too large, or of a format or encoding that is not read
 */
export async function readFiles(source: string, most = MAX_FILE_BYTES): Promise<DataFile[]> {
  const paths = source.split(',').map((path) => path.trim())
  if (paths.includes('')) throw new Error(`data: '${source}' has an empty file name; expected files joined by commas`)
  return Promise.all(paths.map((path) => readDataFile(path, most)))
}

async function readDataFile(path: string, most: number): Promise<DataFile> {
  const stored = await readBytes(path, most)
  const isPacked = stored[0] === 0x1f && stored[1] === 0x8b
  const bytes = isPacked ? await unpack(stored, path, most) : stored
  const start = String.fromCharCode(...bytes.subarray(0, 64))
  const ending = endingOf(path)
  if (start.startsWith('PAR1')) {
    const { readParquet } = await import('./parquet.ts')
    return { path, ending, content: await readParquet(bytes, path) }
  }
  if (ending === 'parquet') throw new Error(`${path}: it is no Parquet file (these begin with PAR1); fetch it again`)
  const other = OTHER_FORMATS.find(([magic]) => start.startsWith(magic))
  if (other) throw new Error(`${path}: ${other[1]}`)
  return { path, ending, ...decode(bytes, path) }
}

/** A file's bytes as they are stored. @throws where there is no such file, or it has more than `most` bytes */
export async function readBytes(path: string, most = MAX_FILE_BYTES): Promise<Uint8Array> {
  const { readBounded } = await import('../io/folder.node.ts')
  try {
    return await readBounded(path, most)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const found = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw new Error(`${path}: not read: ${found}; expected a CSV, TSV, JSONL, JSON or Parquet file, or ${BUILTIN}`, {
      cause: error,
    })
  }
}

/** What is in a gzip file. A small one may unpack to any size: it stops at the limit. */
async function unpack(bytes: Uint8Array, path: string, most: number): Promise<Uint8Array> {
  const { gunzip } = await import('node:zlib')
  return new Promise((resolve, reject) =>
    gunzip(bytes, { maxOutputLength: most }, (error, unpacked) => {
      if (!error) return resolve(unpacked)
      const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      const found = isLarge
        ? `unpacked it has more than ${most / MB} MB; take a sample of it`
        : `it is not a whole gzip file (${error.message}); fetch it again`
      reject(new Error(`${path}: ${found}`, { cause: error }))
    }),
  )
}

/**
 * UTF-8, or UTF-16 where a byte order mark says so, as Excel's "Unicode text" has it.
 * @throws with the first line that is not UTF-8 and how to convert the file
 */
function decode(bytes: Uint8Array, path: string): Pick<DataFile, 'content' | 'note'> {
  const mark = (bytes[0] << 8) | bytes[1]
  const isWide = mark === 0xfffe && bytes[2] === 0 && bytes[3] === 0
  const wide = isWide ? null : mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : null
  const content = wide ? new TextDecoder(wide).decode(bytes) : decodeUtf8(bytes, path)
  if (!content.includes('\0'))
    return { content, ...(wide && { note: `${path}: it is ${wide.toUpperCase()} by its byte order mark: decoded.` }) }
  const line = content.slice(0, content.indexOf('\0')).split('\n').length
  throw new Error(
    `${path}: line ${line} holds NUL, which no text has; is it UTF-16 or UTF-32? Convert it: iconv -f UTF-16 -t UTF-8`,
  )
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    return decoder.decode(bytes)
  } catch {
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
