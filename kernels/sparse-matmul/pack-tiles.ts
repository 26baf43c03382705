// Tiles of 16 outputs x 32 inputs for the GPU: csr and 1x4 blocks whose stored positions are whole tiles, as
// shaders/sparse-matmul.tile-*.wgsl read them.
//
// 16 outputs are a strip. Strips go by their number of tiles, most first, so that the last workgroups are short ones:
//
//   lists     [strips][3] first column of the strip, its first tile, how many tiles;  [tiles] which 32 inputs
//   values    f32 [tiles][32 inputs][16 columns], or s8 [tiles][8][16 columns][4 inputs], in the order of the strips

import { columnStarts, type LinearPart } from '../webgpu/linear.ts'
import { TILE_INPUTS, TILE_OUTPUTS } from '../program/weights.ts'
import { valueWords, type RowsWeight } from './pack-sell.ts'

/** Stored columns that a row of a tile takes: inputs, or blocks of 4. */
const tileWidth = ({ kind }: RowsWeight): number => (kind === 'csr' ? TILE_INPUTS : TILE_INPUTS / 4)

/** True where the stored positions are whole tiles, as pruning in tiles leaves them. Columns rise within a row. */
export function isTileSparse(weight: RowsWeight): boolean {
  const { N, K, rowOffsets, columns } = weight
  if (N % TILE_OUTPUTS !== 0 || K % TILE_INPUTS !== 0) return false
  const width = tileWidth(weight)
  for (let strip = 0; strip < N; strip += TILE_OUTPUTS) {
    const from = rowOffsets[strip]
    const count = rowOffsets[strip + 1] - from
    if (count % width !== 0) return false
    for (let z = from; z < from + count; z += width)
      if (columns[z] % width !== 0 || columns[z + width - 1] !== columns[z] + width - 1) return false
    for (let n = strip + 1; n < strip + TILE_OUTPUTS; n++) {
      const own = rowOffsets[n]
      if (rowOffsets[n + 1] - own !== count) return false
      for (let i = 0; i < count; i++) if (columns[own + i] !== columns[from + i]) return false
    }
  }
  return true
}

interface Strip {
  part: number
  /** its first output within the part */
  n: number
  /** and among the columns of all parts */
  column: number
  tiles: number
}

export interface Strips {
  strips: Strip[]
  /** of all strips */
  tiles: number
  /** stored columns of a tile's row: 32 inputs, or 8 blocks */
  width: number
}

/** The strips of all parts, those with the most tiles first; the parts are tile-sparse and of one kind. */
export function planTiles(parts: LinearPart<RowsWeight>[]): Strips {
  const { starts } = columnStarts(parts)
  const width = tileWidth(parts[0].weight)
  const strips: Strip[] = []
  parts.forEach(({ weight: { N, rowOffsets } }, part) => {
    for (let n = 0; n < N; n += TILE_OUTPUTS) {
      const tiles = (rowOffsets[n + 1] - rowOffsets[n]) / width
      strips.push({ part, n, column: starts[part] + n, tiles })
    }
  })
  strips.sort((a, b) => b.tiles - a.tiles || a.column - b.column)
  return { strips, tiles: strips.reduce((sum, { tiles }) => sum + tiles, 0), width }
}

export const listWords = ({ strips, tiles }: Strips): number => strips.length * 3 + tiles

/** Writes the lists into `packed` [listWords]. */
export function packTileLists(packed: Uint32Array, parts: LinearPart<RowsWeight>[], { strips, width }: Strips): void {
  let tile = 0
  strips.forEach(({ part, n, column, tiles }, i) => {
    packed.set([column, tile, tiles], i * 3)
    const { rowOffsets, columns } = parts[part].weight
    for (let t = 0; t < tiles; t++, tile++)
      packed[strips.length * 3 + tile] = columns[rowOffsets[n] + t * width] / width
  })
}

/** Writes the values into `packed` [tiles * width * 16] words. */
export function packTiles(packed: Uint32Array, parts: LinearPart<RowsWeight>[], { strips, width }: Strips): void {
  const words = parts.map(({ weight }) => valueWords(weight))
  let first = 0
  for (const { part, n, tiles } of strips) {
    const { rowOffsets } = parts[part].weight
    for (let o = 0; o < TILE_OUTPUTS; o++) {
      const from = rowOffsets[n + o]
      for (let i = 0; i < tiles * width; i++) packed[first + i * TILE_OUTPUTS + o] = words[part][from + i]
    }
    first += tiles * width * TILE_OUTPUTS
  }
}
