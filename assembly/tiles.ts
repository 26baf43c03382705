// Made by scripts/generate-assembly.ts from the rows of kernels/{dense-matmul,int8-matmul}/variants*.ts; do not edit.

import { RELAXED, WIDE } from './lib/simd'
import { tileF32 } from './lib/tile-f32'
import { tileF32Wide } from './lib/tile-f32-wide'
import { tileInt8I16 } from './lib/tile-int8-i16'
import { tileInt8I16Wide } from './lib/tile-int8-i16-wide'
import { tileInt8Relaxed } from './lib/tile-int8-relaxed'
import { tileInt8RelaxedWide } from './lib/tile-int8-relaxed-wide'

/** Rows of a dense tile. */
// @ts-ignore: decorator
@inline
export function denseTileRows(tile: i32): i32 {
  return 6
}

/** Columns of a dense tile. */
// @ts-ignore: decorator
@inline
export function denseTileColumns(tile: i32): i32 {
  if (WIDE && tile == 16) return 16
  return 8
}

/** sums f32 [rows][columns] (+)= A[rows,K] f32 . B[K,columns] f32 */
// @ts-ignore: decorator
@inline
export function runDenseTile(tile: i32, rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  if (WIDE && tile == 16) return tileF32Wide(rows, a, aStride, b, K, sums, continues)
  return tileF32(rows, a, aStride, b, K, sums, continues)
}

/** Rows of an int8 tile. */
// @ts-ignore: decorator
@inline
export function int8TileRows(tile: i32): i32 {
  if (WIDE && tile == 16) return 6
  if (WIDE && tile == 17) return 5
  if (RELAXED && tile == 0) return 6
  return 5
}

/** Columns of an int8 tile. */
// @ts-ignore: decorator
@inline
export function int8TileColumns(tile: i32): i32 {
  if (WIDE && tile == 16) return 16
  if (WIDE && tile == 17) return 16
  if (RELAXED && tile == 0) return 8
  return 8
}

/** log2 of the bytes of an element of A. */
// @ts-ignore: decorator
@inline
export function int8TileShift(tile: i32): i32 {
  if (WIDE && tile == 16) return 0
  if (WIDE && tile == 17) return 1
  if (RELAXED && tile == 0) return 0
  return 1
}

/** sums i32 [rows][columns] = start[columns] + A[rows,K] . B[K,columns] s8; `out` a Finish for tiles of one panel, else [rows][columns] */
// @ts-ignore: decorator
@inline
export function runInt8Tile(tile: i32, rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  if (WIDE && tile == 16) return tileInt8RelaxedWide(rows, a, aStride, b, bEnd, start, out)
  if (WIDE && tile == 17) return tileInt8I16Wide(rows, a, aStride, b, bEnd, start, out)
  if (RELAXED && tile == 0) return tileInt8Relaxed(rows, a, aStride, b, bEnd, start, out)
  return tileInt8I16(rows, a, aStride, b, bEnd, start, out)
}
