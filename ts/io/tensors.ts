// Tensors of a safetensors file as arrays: as they are stored, or any float type as f32.

import { reusedPlace, type Place } from '../../kernels/program/stored-weights.ts'
import { dtypeBytes, type Dtype, type SafetensorsFile, type StoredArray, type TensorEntry } from './safetensors.ts'

/** One read of at most this many bytes: Node refuses 2^31 and more at once. */
const PIECE_BYTES = 1 << 26
/** Of floats, which are looked at after each piece: about a second-level cache. */
const FLOAT_PIECE_BYTES = 1 << 24

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const

/** The tensor as it is stored (F16 and BF16 as their 16 bits), without a second copy where that can be. */
export async function readStored(file: SafetensorsFile, entry: TensorEntry, place?: Place): Promise<StoredArray> {
  const bytesEach = dtypeBytes(entry.dtype)
  const Ctor = ARRAYS[entry.dtype]
  const inPlace = place ? undefined : file.source.view?.(entry.start, entry.length)
  const isThere = inPlace !== undefined && inPlace.byteOffset % bytesEach === 0
  const bytes = isThere ? inPlace : (place ?? freshPlace)(entry.length)
  if (!isThere)
    for (let at = 0; at < entry.length; at += PIECE_BYTES)
      await file.source.read(entry.start + at, bytes.subarray(at, at + PIECE_BYTES))
  return new Ctor(bytes.buffer as ArrayBuffer, bytes.byteOffset, entry.length / bytesEach)
}

/**
 * The tensor as f32, whatever float type it is stored in; where `place` says, if it is given.
 * @throws where the stored type is no float or a value is NaN or infinite
 */
export async function readFloats(file: SafetensorsFile, entry: TensorEntry, place?: Place): Promise<Float32Array> {
  const { dtype, start, length } = entry
  const refuse = (floats: Float32Array): never => {
    const bad = floats.findIndex((x) => !Number.isFinite(x))
    throw new Error(
      `${file.source.name}: tensor '${entry.name}' holds ${floats[bad]} at element ${bad}; weights must be finite`,
    )
  }
  if (dtype === 'F32' && !place && file.source.view) {
    const floats = (await readStored(file, entry)) as Float32Array
    return areFinite(floats) ? floats : refuse(floats)
  }
  const decode = DECODERS[dtype]
  if (!decode) throw new Error(`${file.source.name}: tensor '${entry.name}' is ${dtype}, expected F32, F16 or BF16`)
  const elements = length / dtypeBytes(dtype)
  const bytes = (place ?? freshPlace)(elements * 4)
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, elements)
  // piece by piece: one is decoded and checked while the next is read, and other types need two pieces beside
  const bytesEach = dtypeBytes(dtype)
  const most = FLOAT_PIECE_BYTES / bytesEach
  const scratch = [reusedPlace(), reusedPlace()]
  const read = async (from: number): Promise<{ piece: Float32Array; stored: Uint8Array }> => {
    const piece = floats.subarray(from, Math.min(elements, from + most))
    const pieceBytes = piece.length * bytesEach
    const stored =
      dtype === 'F32'
        ? new Uint8Array(piece.buffer, piece.byteOffset, pieceBytes)
        : scratch[(from / most) % 2](pieceBytes)
    if (pieceBytes > 0) await file.source.read(start + from * bytesEach, stored)
    return { piece, stored }
  }
  let isSound = true
  let next = read(0)
  for (let from = 0; from < elements; from += most) {
    const { piece, stored } = await next
    next = read(from + most)
    decode(stored, piece)
    isSound = areFinite(piece) && isSound
  }
  await next
  return isSound ? floats : refuse(floats)
}

const freshPlace: Place = (bytes) => new Uint8Array(bytes)

/** True where no exponent is all ones, which is what NaN and infinities have. */
function areFinite(floats: Float32Array): boolean {
  const bits = new Int32Array(floats.buffer, floats.byteOffset, floats.length)
  // with the sign off, adding one to such an exponent carries into the sign bit
  let carries = 0
  const whole = bits.length - (bits.length % 4)
  for (let i = 0; i < whole; i += 4) {
    carries |= (bits[i] & 0x7fffffff) + 0x00800000
    carries |= (bits[i + 1] & 0x7fffffff) + 0x00800000
    carries |= (bits[i + 2] & 0x7fffffff) + 0x00800000
    carries |= (bits[i + 3] & 0x7fffffff) + 0x00800000
  }
  for (let i = whole; i < bits.length; i++) carries |= (bits[i] & 0x7fffffff) + 0x00800000
  return carries >= 0
}

/** From the bytes of each stored type, of the right length and alignment, to f32. */
const DECODERS: Partial<Record<Dtype, (stored: Uint8Array, floats: Float32Array) => void>> = {
  // read where it belongs
  F32: () => {},
  F64: ({ buffer, byteOffset }, floats) => floats.set(new Float64Array(buffer, byteOffset, floats.length)),
  F16: ({ buffer, byteOffset }, floats) => {
    const bits = new Uint16Array(buffer, byteOffset, floats.length)
    const table = halfTable()
    for (let i = 0; i < bits.length; i++) floats[i] = table[bits[i]]
  },
  // the upper half of an f32
  BF16: ({ buffer, byteOffset }, floats) => {
    const bits = new Uint16Array(buffer, byteOffset, floats.length)
    const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length)
    for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16
  },
}

/** f32 of all 65,536 IEEE binary16 values. */
let halves: Float32Array | undefined
function halfTable(): Float32Array {
  if (halves) return halves
  halves = new Float32Array(65536)
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31
    const fraction = bits & 1023
    const magnitude =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction === 0
            ? Infinity
            : NaN
          : (1 + fraction / 1024) * 2 ** (exponent - 15)
    halves[bits] = bits >> 15 ? -magnitude : magnitude
  }
  return halves
}
