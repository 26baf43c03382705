// A training state as a file, for Node. It is written under a temporary name and renamed: what is there is whole.
//
//   "cktrain1" | u32 length of the header | header, JSON | arrays, each from a multiple of 8 bytes on
//
// The header holds the state with { "$": n } in the place of array n, and for each array its type and length.

import { rm } from 'node:fs/promises'
import { fileSource, writeWhole } from '../io/folder.node.ts'
import type { TrainState } from './state.ts'

const MAGIC = 'cktrain1'
/** Longest header taken for one: losses of ten million steps. */
const MAX_HEADER_BYTES = 256e6

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
  const parts: (Uint8Array | string)[] = [MAGIC, length, header]
  for (const { buffer, byteOffset, byteLength } of arrays)
    parts.push(new Uint8Array(buffer, byteOffset, byteLength), new Uint8Array(paddingOf(byteLength)))
  await writeWhole(path, parts)
}

/**
 * Reads a state back, the same bits.
 * @returns null where there is no such file
 * @throws where the file is none of `writeCheckpoint`'s, or is cut off
 */
export async function readCheckpoint(path: string): Promise<TrainState | null> {
  const source = await fileSource(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (!source) return null
  const refuse = (what: string): Error => new Error(`${path} ${what}; remove it and train anew`)
  try {
    let at = 0
    const take = async (bytes: number, what: string): Promise<Uint8Array> => {
      if (at + bytes > source.size) throw refuse(`is cut off: it ends inside ${what}`)
      const into = new Uint8Array(bytes)
      await source.read(at, into)
      at += bytes
      return into
    }
    const start = await take(MAGIC.length + 4, 'its first bytes')
    if (new TextDecoder().decode(start.subarray(0, MAGIC.length)) !== MAGIC) throw refuse('is no checkpoint')
    const headerBytes = new DataView(start.buffer).getUint32(MAGIC.length, true)
    if (headerBytes > MAX_HEADER_BYTES) throw refuse(`has a header of ${headerBytes} bytes`)
    const header = parseHeader(new TextDecoder().decode(await take(headerBytes, 'its header')))
    if (!header) throw refuse('has a header that is not JSON')
    const arrays: StoredArray[] = []
    for (const { type, length } of header.arrays) {
      const bytes = await take(length * TYPES[type].BYTES_PER_ELEMENT, 'its arrays')
      arrays.push(new TYPES[type](bytes.buffer as ArrayBuffer, 0, length))
      at += paddingOf(bytes.length)
    }
    return fill(header.state, arrays) as TrainState
  } finally {
    await source.close()
  }
}

function parseHeader(text: string): Header | null {
  try {
    return JSON.parse(text) as Header
  } catch {
    return null
  }
}

/** Removes the file, where there is one. */
export const removeCheckpoint = (path: string): Promise<void> => rm(path, { force: true })

/** The value with arrays in the places that name them. */
function fill(value: unknown, arrays: StoredArray[]): unknown {
  if (Array.isArray(value)) return value.map((part) => fill(part, arrays))
  if (typeof value !== 'object' || value === null) return value
  if ('$' in value) return arrays[value.$ as number]
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fill(part, arrays)]))
}
