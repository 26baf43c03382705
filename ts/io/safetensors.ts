// The safetensors format: u64 header length, a JSON header { name: { dtype, shape, data_offsets } }, then the tensors'
// bytes, little-endian, row-major. Everything a header claims is checked against the file before memory is taken for it.

/** Random access to the bytes of one file, wherever it is. */
export interface ByteSource {
  /** for messages: path, address or what the caller called it */
  name: string
  size: number
  /** Fills `into` from `position`; the range was checked to lie inside `size`. */
  read(position: number, into: Uint8Array): Promise<void>
  /** The bytes in place, where they are in memory already: saves the copy. */
  view?(position: number, length: number): Uint8Array<ArrayBuffer>
  /** Says that these bytes are not read again: where they lie in memory they may go. */
  release?(position: number, length: number): void
  close(): Promise<void>
}

export type Dtype =
  'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | 'BOOL'

const DTYPE_BYTES: Record<Dtype, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
}

/** What one stored element takes, in bytes. */
export const dtypeBytes = (dtype: Dtype): number => DTYPE_BYTES[dtype]

/** What a tensor is in memory: F16 and BF16 as their 16 bits. */
export type StoredArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array

export interface TensorEntry {
  name: string
  dtype: Dtype
  shape: number[]
  /** position in the file, and bytes */
  start: number
  length: number
}

export interface SafetensorsFile {
  source: ByteSource
  tensors: Map<string, TensorEntry>
  metadata: Record<string, string>
  /** bytes before the first tensor: length field and JSON */
  headerBytes: number
}

/** The reference implementation refuses longer headers too. */
const MAX_HEADER_BYTES = 100_000_000

const POINTER = 'version https://git-lfs.github.com/spec/'

/** What git leaves in place of a large file where git-lfs is not installed. */
export const isPointer = (text: string): boolean => text.startsWith(POINTER)

export const pointerError = (where: string): Error =>
  new Error(
    `${where}: it is a Git LFS pointer, not the file itself; fetch the file: git lfs install, then git lfs pull`,
  )

/** A file that is in memory as a whole. */
export function memorySource(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>, name = 'buffer'): ByteSource {
  const whole = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  return {
    name,
    size: whole.length,
    read: async (position, into) => into.set(whole.subarray(position, position + into.length)),
    view: (position, length) => whole.subarray(position, position + length),
    close: async () => {},
  }
}

/**
 * Reads and checks the header.
 *
 * @throws where the length, the JSON, an entry's dtype, shape or offsets are not right, tensors overlap or leave holes,
 * or the file is shorter than its header says; the message names the file and the tensor
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const refuse = (what: string): never => {
    throw new Error(`${source.name}: not a valid safetensors file: ${what}`)
  }
  if (source.size < 8) refuse(`${source.size} bytes, expected at least 8 for the header length`)
  const prefix = new Uint8Array(8)
  await source.read(0, prefix)
  // as a length of a header these eight letters are no number that a file could have
  if (POINTER.startsWith(String.fromCharCode(...prefix))) throw pointerError(source.name)
  const declared = new DataView(prefix.buffer).getBigUint64(0, true)
  if (declared > BigInt(Math.min(MAX_HEADER_BYTES, source.size - 8)))
    refuse(
      `header length ${declared}, but the file has ${source.size} bytes; the file is truncated or of another format`,
    )
  const headerLength = Number(declared)
  const text = new Uint8Array(headerLength)
  await source.read(8, text)
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text))
  } catch (error) {
    refuse(`header is not JSON (${(error as Error).message})`)
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) refuse('header is not a JSON object')

  const base = 8 + headerLength
  const dataBytes = source.size - base
  const tensors = new Map<string, TensorEntry>()
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(header as Record<string, unknown>)) {
    if (/\p{Surrogate}/u.test(name)) refuse(`the name ${JSON.stringify(name)} is no text`)
    if (name === '__metadata__') metadata = checkMetadata(value ?? {}, refuse)
    else tensors.set(name, checkEntry(name, value, base, dataBytes, refuse))
  }
  const inOrder = [...tensors.values()].sort((a, b) => a.start - b.start || a.length - b.length)
  let end = base
  for (const entry of inOrder) {
    if (entry.start < end)
      refuse(`tensor '${entry.name}' at ${entry.start - base} overlaps the one before, which ends at ${end - base}`)
    if (entry.start > end) refuse(`${entry.start - end} bytes before tensor '${entry.name}' belong to no tensor`)
    end = entry.start + entry.length
  }
  if (end !== source.size) refuse(`tensors end at byte ${end}, the file has ${source.size}`)
  return { source, tensors, metadata, headerBytes: base }
}

function checkMetadata(value: unknown, refuse: (what: string) => never): Record<string, string> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isRecord || Object.values(value).some((one) => typeof one !== 'string'))
    return refuse(`__metadata__ is ${JSON.stringify(value).slice(0, 100)}, expected strings by name`)
  return value as Record<string, string>
}

function checkEntry(
  name: string,
  value: unknown,
  base: number,
  dataBytes: number,
  refuse: (what: string) => never,
): TensorEntry {
  const entry = (value ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown }
  const { dtype, shape, data_offsets: offsets } = entry
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype))
    return refuse(
      `tensor '${name}' has type ${JSON.stringify(dtype)}, expected one of ${Object.keys(DTYPE_BYTES).join(', ')}`,
    )
  const isCount = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0
  if (!Array.isArray(shape) || !shape.every(isCount))
    return refuse(`tensor '${name}' has shape ${JSON.stringify(shape)}`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1])
    return refuse(`tensor '${name}' has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`)
  const [begin, end] = offsets as [number, number]
  if (end > dataBytes)
    return refuse(
      `tensor '${name}' ends at byte ${end} of the data, the file holds ${dataBytes}; the file is truncated`,
    )
  const expected = shape.reduce((product, dim) => product * dim, 1) * DTYPE_BYTES[dtype as Dtype]
  if (end - begin !== expected)
    return refuse(
      `tensor '${name}' ${dtype} [${shape.join(', ')}] needs ${expected} bytes, its offsets give ${end - begin}`,
    )
  return { name, dtype: dtype as Dtype, shape: shape as number[], start: base + begin, length: end - begin }
}

// ---- writing ----

export interface TensorToWrite {
  name: string
  dtype: Dtype
  shape: number[]
  data: StoredArray
}

export interface SafetensorsPlan {
  /** length field and JSON, padded with spaces so that the first tensor starts at a multiple of 8 */
  header: Uint8Array<ArrayBuffer>
  /** the tensors' bytes in file order; no copies */
  parts: Uint8Array[]
  bytes: number
}

/** Bytes of the header that `planSafetensors` makes: part of a model file's size. */
export const headerBytesOf = (tensors: Omit<TensorToWrite, 'data'>[], metadata: Record<string, string> = {}): number =>
  layOut(tensors, metadata).header.length

/**
 * Lays a file out: wider types first, so that every tensor is aligned to its own element without holes (the format
 * allows none).
 *
 * @throws where a name repeats or a shape does not match its data
 */
export function planSafetensors(tensors: TensorToWrite[], metadata: Record<string, string> = {}): SafetensorsPlan {
  for (const { name, shape, dtype, data } of tensors) {
    const elements = shape.reduce((product, dim) => product * dim, 1)
    if (data.length !== elements || data.BYTES_PER_ELEMENT !== DTYPE_BYTES[dtype])
      throw new Error(
        `tensor '${name}': shape [${shape.join(', ')}] of ${dtype} does not match ${data.length} elements of ${data.BYTES_PER_ELEMENT} bytes`,
      )
  }
  const { header, order, bytes } = layOut(tensors, metadata)
  const parts = order.map((t) => new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength))
  return { header, parts, bytes: header.length + bytes }
}

function layOut<T extends Omit<TensorToWrite, 'data'>>(tensors: T[], metadata: Record<string, string>) {
  const order = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype])
  const entries: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } }
  let bytes = 0
  for (const { name, dtype, shape } of order) {
    if (Object.hasOwn(entries, name)) throw new Error(`tensor '${name}' is given twice`)
    const end = bytes + shape.reduce((product, dim) => product * dim, 1) * DTYPE_BYTES[dtype]
    entries[name] = { dtype, shape, data_offsets: [bytes, end] }
    bytes = end
  }
  const json = new TextEncoder().encode(JSON.stringify(entries))
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true)
  header.set(json, 8)
  return { header, order, bytes }
}

/** The whole file in memory, for the browser and for small models. */
export function encodeSafetensors(
  tensors: TensorToWrite[],
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const { header, parts, bytes } = planSafetensors(tensors, metadata)
  const result = new Uint8Array(bytes)
  result.set(header)
  let at = header.length
  for (const part of parts) {
    result.set(part, at)
    at += part.length
  }
  return result
}
