// Sliced ELLPACK for the GPU: csr and 1x4 blocks as shaders/sparse-matmul.{sell,block}-*.wgsl read them.
//
// Columns (outputs) have places, sorted by length inside windows of 256 of one layer, so that the 32 of a slice are
// almost equally long. Entries go in pairs, for columns of x are u16. A slice takes as many pairs as its longest place:
//
//   words of pair t    [slice start + 96 t]  32 words: columns of x of both entries, the second in the upper half
//                                            32 words: values of the first entries, f32 bits or 4 s8
//                                            32 words: values of the second entries
//
// so that 32 neighbouring threads read 32 neighbouring words. No pair lies in two tiles of 1024 columns of x, which the
// tiled kernels stage one after the other: an entry without a partner repeats its column with the value 0.

import { columnStarts, type LinearPart } from '../webgpu/linear.ts'
import type { CsrWeight, Int8BlockWeight } from '../program/weights.ts'

export type RowsWeight = CsrWeight | Int8BlockWeight

/** Places of a slice. */
const SLICE = 32
/** Places that are sorted among themselves: those of a workgroup of the tiled kernels, whose outputs stay together. */
const WINDOW = 256
/** Columns of x that the tiled kernels stage at once: f32, or words of 4 s8. */
const STAGED = 1024
/** Words of a pair of a slice. */
const PAIR_WORDS = 3 * SLICE

export interface Sell {
  /** [columns] by place: its column, the word of its first pair, and how many pairs it has */
  columnOf: Uint32Array
  startOf: Uint32Array
  pairsOf: Uint32Array
  /** of all slices */
  words: number
}

/** True where entries z and z + 1 of a row that ends at `end` make a pair. */
const arePaired = (columns: Uint16Array, z: number, end: number): boolean =>
  z + 1 < end && Math.floor(columns[z] / STAGED) === Math.floor(columns[z + 1] / STAGED)

/** Where everything will be. */
export function planSell(parts: LinearPart<RowsWeight>[]): Sell {
  const { starts, columns } = columnStarts(parts)
  const lengths = new Uint32Array(columns)
  parts.forEach(({ weight }, i) => {
    for (let n = 0; n < weight.N; n++) {
      const end = weight.rowOffsets[n + 1]
      for (let z = weight.rowOffsets[n]; z < end; z += arePaired(weight.columns, z, end) ? 2 : 1)
        lengths[starts[i] + n]++
    }
  })
  const columnOf = Uint32Array.from({ length: columns }, (_, column) => column)
  starts.forEach((start, i) => {
    const end = starts[i + 1] ?? columns
    for (let first = start; first < end; first += WINDOW)
      columnOf.subarray(first, Math.min(end, first + WINDOW)).sort((a, b) => lengths[b] - lengths[a] || a - b)
  })
  const pairsOf = columnOf.map((column) => lengths[column])
  const startOf = new Uint32Array(columns)
  let words = 0
  // the first place of a slice is its longest
  for (let place = 0; place < columns; place += SLICE) {
    for (let lane = 0; lane < SLICE; lane++) startOf[place + lane] = words + lane
    words += pairsOf[place] * PAIR_WORDS
  }
  return { columnOf, startOf, pairsOf, words }
}

/** The values as words: f32 bits, or 4 s8 of a block. */
export function valueWords({ columns, values }: RowsWeight): Uint32Array {
  // bytes of a file that was read whole may lie anywhere
  const aligned = values.byteOffset % 4 === 0 ? values : values.slice()
  return new Uint32Array(aligned.buffer, aligned.byteOffset, columns.length)
}

/** Writes the slices into `packed` [words], which holds zeros. */
export function packSell(packed: Uint32Array, parts: LinearPart<RowsWeight>[], { columnOf, startOf }: Sell): void {
  const { starts } = columnStarts(parts)
  const words = parts.map(({ weight }) => valueWords(weight))
  columnOf.forEach((column, place) => {
    const part = starts.findLastIndex((start) => start <= column)
    const { N, rowOffsets, columns } = parts[part].weight
    const n = column - starts[part]
    if (n >= N) return
    const end = rowOffsets[n + 1]
    for (let z = rowOffsets[n], at = startOf[place]; z < end; at += PAIR_WORDS) {
      const isPaired = arePaired(columns, z, end)
      packed[at] = columns[z] | (columns[isPaired ? z + 1 : z] << 16)
      packed[at + SLICE] = words[part][z]
      packed[at + 2 * SLICE] = isPaired ? words[part][z + 1] : 0
      z += isPaired ? 2 : 1
    }
  })
}
