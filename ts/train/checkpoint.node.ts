// A training state as a file, for Node. It is written under a temporary name and renamed: what is there is whole.
//
//   "cktrain2" | u32 length of the header | header, JSON | arrays, each from a multiple of 8 bytes on | SHA-256 of all before
//
// The header holds the state with { "$": n } in the place of array n, and for each array its type and length. Files of
// version 0.1 begin with "cktrain1" and have no digest at their end.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { fileSource, writeWhole } from '../io/folder.node.ts'
import type { ByteSource } from '../io/safetensors.ts'
import { checkStateShape } from './check-state.ts'
import type { TrainState } from './state.ts'

const MAGIC = 'cktrain2'
const MAGIC_OF_0_1 = 'cktrain1'
const DIGEST_BYTES = 32
/** Longest header taken for one: losses of ten million steps. */
const MAX_HEADER_BYTES = 256e6
/** Values inside values of a state: best, parameters, words are three. */
const MAX_DEPTH = 8

const TYPES = { f32: Float32Array, f64: Float64Array, i32: Int32Array, u8: Uint8Array }
type ArrayType = keyof typeof TYPES
type StoredArray = InstanceType<(typeof TYPES)[ArrayType]>

interface Header {
  state: unknown
  arrays: { type: ArrayType; length: number }[]
}

const typeOf = (array: StoredArray): ArrayType => {
  const found = Object.entries(TYPES).find(([, type]) => array instanceof type)
  if (!found) throw new Error(`a checkpoint cannot hold ${(array as object).constructor.name}`)
  return found[0] as ArrayType
}

const paddingOf = (bytes: number): number => (8 - (bytes % 8)) % 8

/** Writes a state. @throws where the file cannot be written; an earlier one is left as it was then */
export async function writeCheckpoint(path: string, state: TrainState): Promise<void> {
  const arrays: StoredArray[] = []
  const json = JSON.stringify({ state }, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? { $: arrays.push(value as StoredArray) - 1 } : value,
  )
  const listed = JSON.stringify(arrays.map((array) => ({ type: typeOf(array), length: array.length })))
  const words = new TextEncoder().encode(`${json.slice(0, -1)},"arrays":${listed}}`)
  // spaces after JSON are JSON
  const header = new Uint8Array(words.length + paddingOf(MAGIC.length + 4 + words.length)).fill(0x20)
  header.set(words)
  const length = new Uint8Array(Uint32Array.of(header.length).buffer)
  await writeWhole(path, digested([MAGIC, length, header], arrays))
}

/** The parts of a file, and behind them their SHA-256. */
function* digested(start: (Uint8Array | string)[], arrays: StoredArray[]): Generator<Uint8Array | string> {
  const hash = createHash('sha256')
  for (const part of start) {
    hash.update(part)
    yield part
  }
  for (const { buffer, byteOffset, byteLength } of arrays)
    for (const part of [new Uint8Array(buffer, byteOffset, byteLength), new Uint8Array(paddingOf(byteLength))]) {
      hash.update(part)
      yield part
    }
  yield hash.digest()
}

export interface ReadCheckpoint {
  state: TrainState
  /** what its reader should know: that it has no checksum; else null */
  note: string | null
}

/**
 * Reads a state back, the same bits.
 * @returns null where there is no such file
 * @throws where the file is none of `writeCheckpoint`'s, is cut off or damaged, or holds no state
 */
export async function readCheckpoint(path: string): Promise<ReadCheckpoint | null> {
  const source = await fileSource(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (!source) return null
  const refuse = (what: string): Error => new Error(`${path} ${what}; remove it and train anew`)
  try {
    const magic = new Uint8Array(Math.min(MAGIC.length, source.size))
    await source.read(0, magic)
    const version = new TextDecoder().decode(magic)
    if (version !== MAGIC && version !== MAGIC_OF_0_1) throw refuse('is no checkpoint')
    const end = source.size - (version === MAGIC ? DIGEST_BYTES : 0)
    const state = await readState(source, end, refuse)
    if (version === MAGIC_OF_0_1) {
      const note = `${path} is of version 0.1 and has no checksum: that it is undamaged cannot be seen`
      return { state: checked(state, refuse), note }
    }
    const digest = new Uint8Array(DIGEST_BYTES)
    await source.read(end, digest)
    if (!(await digestOf(path, end)).equals(digest)) throw refuse('is damaged: its checksum differs')
    return { state: checked(state, refuse), note: null }
  } finally {
    await source.close()
  }
}

async function digestOf(path: string, bytes: number): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path, { end: bytes - 1 })) hash.update(piece as Buffer)
  return hash.digest()
}

function checked(state: unknown, refuse: (what: string) => Error): TrainState {
  try {
    checkStateShape(state)
  } catch (error) {
    throw refuse(`holds no state of a training (${(error as Error).message})`)
  }
  return state
}

/** The state in the bytes up to `end`. */
async function readState(source: ByteSource, end: number, refuse: (what: string) => Error): Promise<unknown> {
  let at = MAGIC.length
  const take = async (bytes: number, what: string): Promise<Uint8Array> => {
    if (at + bytes > end) throw refuse(`is cut off: it ends inside ${what}`)
    const into = new Uint8Array(bytes)
    await source.read(at, into)
    at += bytes
    return into
  }
  const headerBytes = new DataView((await take(4, 'its first bytes')).buffer).getUint32(0, true)
  if (headerBytes > MAX_HEADER_BYTES) throw refuse(`has a header of ${headerBytes} bytes`)
  const header = parseHeader(new TextDecoder().decode(await take(headerBytes, 'its header')))
  if (!header) throw refuse('has a header that is not JSON with a state and a list of arrays')
  const arrays: StoredArray[] = []
  for (const { type, length } of header.arrays) {
    const bytes = await take(length * TYPES[type].BYTES_PER_ELEMENT, 'its arrays')
    arrays.push(new TYPES[type](bytes.buffer as ArrayBuffer, 0, length))
    at += paddingOf(bytes.length)
  }
  if (at !== end) throw refuse(`has ${end - at} bytes more than its header says`)
  return fill(header.state, arrays, refuse)
}

function parseHeader(text: string): Header | null {
  try {
    const { state, arrays } = JSON.parse(text) as { state?: unknown; arrays?: unknown }
    if (!Array.isArray(arrays) || !arrays.every(isListed)) return null
    return { state, arrays }
  } catch {
    return null
  }
}

const isListed = (entry: unknown): entry is Header['arrays'][number] => {
  const { type, length } = (entry ?? {}) as { type?: unknown; length?: unknown }
  return (
    typeof type === 'string' && Object.hasOwn(TYPES, type) && Number.isSafeInteger(length) && (length as number) >= 0
  )
}

/** Removes the file, where there is one. */
export const removeCheckpoint = (path: string): Promise<void> => rm(path, { force: true })

/** The value with arrays in the places that name them. */
function fill(value: unknown, arrays: StoredArray[], refuse: (what: string) => Error, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) throw refuse(`has values inside values, more than ${MAX_DEPTH} deep`)
  if (Array.isArray(value)) return value.map((part) => fill(part, arrays, refuse, depth + 1))
  if ('$' in value) {
    const { $: at } = value
    if (!Number.isSafeInteger(at) || !Object.hasOwn(arrays, at as number))
      throw refuse(`names the array ${String(at)}, and there are ${arrays.length}`)
    return arrays[at as number]
  }
  const filled = Object.entries(value).map(([name, part]) => [name, fill(part, arrays, refuse, depth + 1)] as const)
  return Object.fromEntries(filled)
}
