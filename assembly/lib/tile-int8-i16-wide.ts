// int8 micro-kernel by i32x4.dot_i16x8_s for engines that run pairs of vectors as one of 256 bits:
// sums[rows][16] i32 = start[16] + A[rows,K] i16 . B[K,16] s8, rows = 1..5; and the same with B of i16, rows = 4..5, for attention.
// Layout   as tile-int8-i16.ts, B one packed panel [K/2][16][2] s8 or i16, sums [rows][16] i32
// Plan     tile-wide.ts; 5x16: 20 sums + 4 of B + 1 splat of two A + 2 products are 10 + 2 + 1 + 1 registers
// Needs    as tile-int8-i16.ts

import { OF_I16, OF_I16_AND_BYTES, tileWide } from './tile-wide'

export function tile_int8_i16_1x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_I16_AND_BYTES, 1, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_2x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_I16_AND_BYTES, 2, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_3x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_I16_AND_BYTES, 3, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_4x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_I16_AND_BYTES, 4, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_5x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_I16_AND_BYTES, 5, a, aStride, b, bEnd, start, sums)
}

export function tile_i16_4x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_I16, 4, a, aStride, b, bEnd, start, sums)
}
export function tile_i16_5x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_I16, 5, a, aStride, b, bEnd, start, sums)
}

/** sums[rows][16] = start[16] + A . B; `b` to `bEnd` is the panel. */
// @ts-ignore: decorator
@inline
export function tileInt8I16Wide(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  switch (rows) {
    case 1: tile_int8_i16_1x16(a, aStride, b, bEnd, start, sums); break
    case 2: tile_int8_i16_2x16(a, aStride, b, bEnd, start, sums); break
    case 3: tile_int8_i16_3x16(a, aStride, b, bEnd, start, sums); break
    case 4: tile_int8_i16_4x16(a, aStride, b, bEnd, start, sums); break
    default: tile_int8_i16_5x16(a, aStride, b, bEnd, start, sums)
  }
}

/** The same with a panel of i16, for 4 or 5 rows; see tileI16. */
// @ts-ignore: decorator
@inline
export function tileI16Wide(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  if (rows == 4) tile_i16_4x16(a, aStride, b, bEnd, start, sums)
  else tile_i16_5x16(a, aStride, b, bEnd, start, sums)
}
