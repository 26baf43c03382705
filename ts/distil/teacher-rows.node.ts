// What a teacher says of texts, logits or vectors, on disk: reading many texts with a large model takes longer than training a small one.
//
//   4 bytes   "CKTL"
//   u32       version of this layout
//   32 bytes  SHA-256 of teacher and token ids
//   u32 u32   texts, numbers of each
//   f32       logits [texts, labels] or vectors [texts, C]
//   32 bytes  SHA-256 of all bytes before
// All numbers are little-endian.

import { createHash, type Hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../io/folder.node.ts'
import type { ModelWeights } from '../model/weights.ts'

const MAGIC = 'CKTL'
const VERSION = 1
const HASH_BYTES = 32
const HEADER_BYTES = 4 + 4 + HASH_BYTES + 8

export interface CachedRows {
  /** where the file is kept; made where it is missing */
  folder: string
  /** in any storage format; its weights and its configuration decide whether a file fits */
  teacher: ModelWeights
  /** token ids of each text as the teacher reads them */
  sequences: readonly Int32Array[]
  /** their token types; all 0 where not given */
  types?: readonly Int32Array[]
  /** numbers of each text */
  width: number
  /** f32 [texts, width], called where no file fits */
  compute: () => Promise<Float32Array>
  /** told where a file was there and not usable */
  note?: (text: string) => void
}

/**
 * A teacher's logits f32 [texts, labels]: from the file that an earlier call with the same weights and token ids left in
 * `folder`, else computed and written there, whole or not at all. A file that is damaged or not of this kind is never
 * used: it is reported and replaced.
 *
 * @throws where the teacher has no classifier, what was computed is not finite or of the wrong length, or the folder
 * cannot be written
 */
export async function cachedTeacherLogits(options: Omit<CachedRows, 'width'>): Promise<Float32Array> {
  const { classifier } = options.teacher
  if (!classifier) throw new Error('teacher logits: the teacher has no classifier; give one that has')
  return cachedTeacherRows('logits', { ...options, width: classifier.weight.N })
}

/** The same of what is not logits: a teacher's vectors f32 [texts, width]. */
export async function cachedTeacherRows(
  what: 'logits' | 'vectors',
  { folder, teacher, sequences, types, width, compute, note }: CachedRows,
): Promise<Float32Array> {
  const key = teacherKey(teacher, sequences, types)
  const path = join(folder, `teacher-${what}-${key.toString('hex', 0, 8)}.bin`)
  const found = await readWhole(path)
  if (found) {
    const rows = decode(found, key, sequences.length, width)
    if (rows) return rows
    note?.(`${path} is damaged or was not written by this program; the teacher reads the texts again`)
  }
  const rows = await compute()
  if (rows.length !== sequences.length * width || !rows.every(Number.isFinite))
    throw new Error(
      `teacher ${what}: ${rows.length} numbers, expected ${sequences.length} texts x ${width}, all finite`,
    )
  await writeWhole(path, encode(rows, key, sequences.length, width))
  return rows
}

/** SHA-256 of a teacher's weights and of the token ids and types it reads. */
export function teacherKey(
  teacher: ModelWeights,
  sequences: readonly Int32Array[],
  types?: readonly Int32Array[],
): Buffer {
  const hash = createHash('sha256')
  addTo(hash, [VERSION, teacher, sequences, ...(types ? [types] : [])])
  return hash.digest()
}

/** Every value goes in with its kind and length, so that no two structures give the same bytes. */
function addTo(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.byteLength};`)
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, of]) => of !== undefined)
    hash.update(`{${entries.length};`)
    for (const [name, of] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(`${JSON.stringify(name)}:`)
      addTo(hash, of)
    }
  } else hash.update(`${JSON.stringify(value)};`)
}

async function readWhole(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function* encode(numbers: Float32Array, key: Buffer, rows: number, width: number): Generator<Uint8Array> {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(MAGIC, 0, 'latin1')
  header.writeUInt32LE(VERSION, 4)
  key.copy(header, 8)
  header.writeUInt32LE(rows, HEADER_BYTES - 8)
  header.writeUInt32LE(width, HEADER_BYTES - 4)
  const body = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  yield header
  yield body
  yield createHash('sha256').update(header).update(body).digest()
}

/** The numbers of a file, or null where it is not whole, or not of this key and size. */
function decode(file: Buffer, key: Buffer, rows: number, width: number): Float32Array | null {
  const end = HEADER_BYTES + rows * width * 4
  if (file.length !== end + HASH_BYTES) return null
  const isOurs =
    file.toString('latin1', 0, 4) === MAGIC &&
    file.readUInt32LE(4) === VERSION &&
    file.subarray(8, 8 + HASH_BYTES).equals(key) &&
    file.readUInt32LE(HEADER_BYTES - 8) === rows &&
    file.readUInt32LE(HEADER_BYTES - 4) === width &&
    createHash('sha256').update(file.subarray(0, end)).digest().equals(file.subarray(end))
  if (!isOurs) return null
  const numbers = new Float32Array(rows * width)
  new Uint8Array(numbers.buffer).set(file.subarray(HEADER_BYTES, end))
  return numbers
}
