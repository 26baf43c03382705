// int8 micro-kernel by relaxed dot for engines that run pairs of vectors as one of 256 bits:
// sums[rows][16] i32 = start[16] + A[rows,K] bytes . B[K,16] s8, rows = 1..6.
// Layout   as tile-int8-relaxed.ts, B one packed panel [K/4][16][4] s8, sums [rows][16] i32
// Plan     tile-wide.ts; 6x16 where the engine adds in place (vpdpbusd)
// Needs    as tile-int8-relaxed.ts

import { OF_BYTES, tileWide } from './tile-wide'

export function tile_int8_relaxed_1x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_BYTES, 1, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_2x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_BYTES, 2, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_3x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_BYTES, 3, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_4x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_BYTES, 4, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_5x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_BYTES, 5, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_6x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tileWide(OF_BYTES, 6, a, aStride, b, bEnd, start, sums)
}

/** sums[rows][16] = start[16] + A . B; `b` to `bEnd` is the panel. */
// @ts-ignore: decorator
@inline
export function tileInt8RelaxedWide(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  switch (rows) {
    case 1: tile_int8_relaxed_1x16(a, aStride, b, bEnd, start, sums); break
    case 2: tile_int8_relaxed_2x16(a, aStride, b, bEnd, start, sums); break
    case 3: tile_int8_relaxed_3x16(a, aStride, b, bEnd, start, sums); break
    case 4: tile_int8_relaxed_4x16(a, aStride, b, bEnd, start, sums); break
    case 5: tile_int8_relaxed_5x16(a, aStride, b, bEnd, start, sums); break
    default: tile_int8_relaxed_6x16(a, aStride, b, bEnd, start, sums)
  }
}
