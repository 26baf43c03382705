// What a linear layer or an embedding table can be. These are the host-side, device-neutral forms: the compression
// makes them, model files store them, every device packs them into its own layout at load.
//
// Dimensions: N outputs, K inputs. Matrices are row-major [N, K], the layout of PyTorch and Hugging Face files.

import { INT8_MAX_K, LARGEST_ACTIVATION_SCALE, SMALLEST_ACTIVATION_SCALE } from './quantization.ts'

/** Dense f32: y = x W^T. */
export interface DenseWeight {
  kind: 'f32'
  N: number
  K: number
  /** f32 [N, K] */
  data: Float32Array
}

/** Dense int8, symmetric per output channel: W[n,k] = scales[n] * data[n,k], data in [-127, 127]. */
export interface Int8Weight {
  kind: 'int8'
  N: number
  K: number
  /** s8 [N, K] in [-127, 127]; -128 never occurs */
  data: Int8Array
  /** f32 [N] */
  scales: Float32Array
  /** calibrated scale of the inputs, f32; each row has its own (quantize-law.ts) where there is none */
  activationScale?: number
}

/** Whether a layer of that weight multiplies in int8. */
export const isInt8 = ({ kind }: { kind: string }): boolean => kind === 'int8' || kind === 'int8-1x4'

/** A tile of sparse weights that the GPU skips whole: csr and int8-1x4 hold such zeros as any others. */
export const TILE_OUTPUTS = 16
export const TILE_INPUTS = 32

/** Unstructured sparse f32 in compressed sparse rows; columns rise strictly within a row. */
export interface CsrWeight {
  kind: 'csr'
  N: number
  K: number
  /** [N + 1], first 0, last Z */
  rowOffsets: Uint32Array
  /** [Z], each < K; K <= 65536 */
  columns: Uint16Array
  /** f32 [Z] */
  values: Float32Array
}

/** Sparse int8 in blocks of 1x4 along K; block columns rise strictly within a row. K % 4 == 0. */
export interface Int8BlockWeight {
  kind: 'int8-1x4'
  N: number
  K: number
  /** [N + 1] in blocks, first 0, last the number of blocks Zb */
  rowOffsets: Uint32Array
  /** [Zb] block column, i.e. k / 4 */
  columns: Uint16Array
  /** s8 [Zb, 4] in [-127, 127] */
  values: Int8Array
  /** f32 [N] */
  scales: Float32Array
  /** calibrated scale of the inputs, f32; each row has its own (quantize-law.ts) where there is none */
  activationScale?: number
}

/**
 * Vector-wise n:m sparse f32: of every m inputs n are kept, the same ones for each group of `group` outputs
 * (the last group may be smaller). K % m == 0. P = K * n / m inputs kept per group.
 */
export interface NmWeight {
  kind: 'nm'
  N: number
  K: number
  n: number
  m: number
  /** outputs that share one index list; 32 */
  group: number
  /** [ceil(N / group), P], rising within a group */
  indices: Uint16Array
  /** f32 [N, P]: values[o, p] = W[o, indices[floor(o / group), p]] */
  values: Float32Array
}

/** A linear layer that runs as one kernel. */
export type LeafWeight = DenseWeight | Int8Weight | CsrWeight | Int8BlockWeight | NmWeight

/** Low rank: y = (((x F0^T) F1^T) ...), two or three factors applied left to right; factors[i].N == factors[i+1].K. */
export interface ChainWeight {
  kind: 'chain'
  N: number
  K: number
  factors: LeafWeight[]
}

export type LinearWeight = LeafWeight | ChainWeight

/** An embedding table [rows, width]. int8 rows: value = offsets[row] + scales[row] * data[row, c], data in 0..255. */
export type EmbeddingTable =
  | { kind: 'f32'; rows: number; width: number; data: Float32Array }
  | { kind: 'int8'; rows: number; width: number; data: Uint8Array; scales: Float32Array; offsets: Float32Array }

/** An embedding table's rows as f32 [rows, width]. An f32 table gives its own array. */
export function denseTable(table: EmbeddingTable): Float32Array {
  if (table.kind === 'f32') return table.data
  const { rows, width } = table
  const data = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++)
    for (let i = row * width; i < (row + 1) * width; i++)
      data[i] = table.offsets[row] + table.scales[row] * table.data[i]
  return data
}

/**
 * Checks a weight against its own rules: kinds of arrays, lengths, index order, ranges.
 * @param name of the tensor or layer, for the message
 * @throws TypeError where an array is of another kind, RangeError where a number or a length is not right
 */
export function checkLinearWeight(weight: LinearWeight, name: string): void {
  if (typeof weight !== 'object' || weight === null)
    throw new TypeError(`${name}: the weight is ${String(weight)}, expected an object with kind, N and K`)
  const { N, K } = weight
  const where = `${name}: ${weight.kind} weight [${N}, ${K}] is not valid: `
  const fail = (found: string): never => {
    throw new RangeError(where + found)
  }
  const array = (what: string, found: unknown, Kind: ArrayKind, length?: number): void => {
    checkArray(found, Kind, `${where}${what}`)
    if (length !== undefined && found.length !== length)
      fail(`${what} has ${found.length} elements, expected ${length}`)
  }
  // what would be left alone is refused: the result would be of other weights
  const zero = Object.keys(weight).find((key) => /^zero_?point/i.test(key))
  if (zero !== undefined)
    fail(
      `it has ${zero}; int8 weights are symmetric here, w = scale * q. Subtract the zero points and quantize again: quantizeWeight(w, N, K)`,
    )
  for (const [what, size] of Object.entries({ N, K }))
    if (!Number.isSafeInteger(size) || size < 1) fail(`${what} is ${size}, expected a whole number from 1`)
  switch (weight.kind) {
    case 'f32':
      array('data', weight.data, Float32Array, N * K)
      break
    case 'int8':
      if (K > INT8_MAX_K) fail(`K is above ${INT8_MAX_K}: i32 sums could overflow`)
      array('data', weight.data, Int8Array, N * K)
      array('scales', weight.scales, Float32Array, N)
      checkScales(weight, fail)
      if (weight.data.includes(-128)) fail('data holds -128; int8 weights lie in [-127, 127]')
      break
    case 'csr':
      array('rowOffsets', weight.rowOffsets, Uint32Array, N + 1)
      array('columns', weight.columns, Uint16Array)
      checkRows(weight.rowOffsets, weight.columns, N, K, fail)
      array('values', weight.values, Float32Array, weight.columns.length)
      break
    case 'int8-1x4':
      if (K % 4 !== 0) fail(`K = ${K} is not a multiple of 4`)
      if (K > INT8_MAX_K) fail(`K is above ${INT8_MAX_K}: i32 sums could overflow`)
      array('rowOffsets', weight.rowOffsets, Uint32Array, N + 1)
      array('columns', weight.columns, Uint16Array)
      checkRows(weight.rowOffsets, weight.columns, N, K / 4, fail)
      array('values', weight.values, Int8Array, weight.columns.length * 4)
      array('scales', weight.scales, Float32Array, N)
      checkScales(weight, fail)
      if (weight.values.includes(-128)) fail('values hold -128; int8 weights lie in [-127, 127]')
      break
    case 'nm':
      checkNm(weight, array, fail)
      break
    case 'chain':
      checkChain(weight, name, fail)
      break
    default:
      throw new TypeError(
        `${name}: the weight is of kind '${String((weight as { kind: unknown }).kind)}', expected f32, int8, csr, int8-1x4, nm or chain`,
      )
  }
}

type ArrayKind =
  | Float32ArrayConstructor
  | Int8ArrayConstructor
  | Int32ArrayConstructor
  | Uint16ArrayConstructor
  | Uint32ArrayConstructor

/**
 * Asserts that a value is a typed array of one kind: another kind, or a plain array, would be read as other numbers.
 * @throws TypeError
 */
export function checkArray<Kind extends ArrayKind>(
  found: unknown,
  Kind: Kind,
  where: string,
): asserts found is InstanceType<Kind> {
  // not instanceof: arrays of other realms (frames, test runners) are as good
  if (
    ArrayBuffer.isView(found) &&
    (found as unknown as { [Symbol.toStringTag]: string })[Symbol.toStringTag] === Kind.name
  )
    return
  const what = typeof found === 'object' && found !== null ? (found.constructor?.name ?? 'an object') : String(found)
  throw new TypeError(`${where} is ${what}, expected ${Kind.name}`)
}

type Fail = (found: string) => never
type CheckArray = (what: string, found: unknown, Kind: ArrayKind, length?: number) => void

function checkNm({ N, K, n, m, group, indices, values }: NmWeight, array: CheckArray, fail: Fail): void {
  for (const [what, size] of Object.entries({ n, m, group }))
    if (!Number.isSafeInteger(size) || size < 1) fail(`${what} is ${size}, expected a whole number from 1`)
  if (n > m) fail(`n = ${n} is above m = ${m}`)
  if (K % m !== 0) fail(`K = ${K} is not a multiple of m = ${m}`)
  const P = (K / m) * n
  array('indices', indices, Uint16Array, Math.ceil(N / group) * P)
  array('values', values, Float32Array, N * P)
  for (let i = 0; i < indices.length; i++) {
    const inBlock = Math.floor((i % P) / n)
    if (Math.floor(indices[i] / m) !== inBlock || (i % n !== 0 && indices[i] <= indices[i - 1]))
      fail(`index ${indices[i]} at ${i} is out of order or outside its group of ${m}`)
  }
}

function checkChain({ N, K, factors }: ChainWeight, name: string, fail: Fail): void {
  if (!Array.isArray(factors)) fail(`factors is ${String(factors)}, expected a list`)
  if (factors.length < 2 || factors.length > 3) fail(`${factors.length} factors, expected 2 or 3`)
  if (factors[0].K !== K || factors[factors.length - 1].N !== N) fail('outer sizes differ from the factors')
  factors.forEach((factor, i) => {
    if (i > 0 && factor.K !== factors[i - 1].N) fail(`factor ${i} has K = ${factor.K}, expected ${factors[i - 1].N}`)
    checkLinearWeight(factor, `${name} factor ${i}`)
  })
}

function checkScales({ scales, activationScale }: Int8Weight | Int8BlockWeight, fail: Fail): void {
  const bad = findBadScale(scales)
  if (bad >= 0) fail(`scales holds ${scales[bad]} at ${bad}, expected a finite number from 0`)
  if (!isActivationScale(activationScale)) fail(`activationScale is ${activationScale}, ${EXPECTED_SCALE}`)
}

const EXPECTED_SCALE = 'expected an f32 from 2^-100 to 2^100'

const isActivationScale = (scale: number | undefined): boolean =>
  scale === undefined ||
  (scale >= SMALLEST_ACTIVATION_SCALE && scale <= LARGEST_ACTIVATION_SCALE && scale === Math.fround(scale))

/** @throws RangeError where a scale that was given is none that rows can be quantized with */
export function checkActivationScale(name: string, scale: number | undefined): void {
  if (!isActivationScale(scale)) throw new RangeError(`${name} is ${scale}, ${EXPECTED_SCALE}`)
}

/** The first scale that is negative or not finite; -1 where there is none. */
export const findBadScale = (scales: Float32Array): number =>
  scales.findIndex((scale) => !(scale >= 0 && scale < Infinity))

function checkRows(rowOffsets: Uint32Array, columns: Uint16Array, N: number, width: number, fail: Fail): void {
  if (rowOffsets[0] !== 0 || rowOffsets[N] !== columns.length)
    fail(`rowOffsets runs from ${rowOffsets[0]} to ${rowOffsets[N]}, expected 0 to ${columns.length}`)
  for (let row = 0; row < N; row++) {
    if (rowOffsets[row] > rowOffsets[row + 1]) fail(`rowOffsets falls at row ${row}`)
    for (let z = rowOffsets[row]; z < rowOffsets[row + 1]; z++) {
      if (columns[z] >= width) fail(`column ${columns[z]} in row ${row} is not below ${width}`)
      if (z > rowOffsets[row] && columns[z] <= columns[z - 1]) fail(`columns of row ${row} do not rise strictly`)
    }
  }
}
