// f32 micro-kernel for engines that run pairs of vectors as one of 256 bits: sums[rows][16] (+)= A[rows,K] . B[K,16], rows = 1..6.
// Layout   as tile-f32.ts, B one packed panel [K][16], sums [rows][16]
// Plan     tile-wide.ts; one to three rows take four or two K at a time in sums of their own, as in tile-f32.ts: 8, 8 and 12
//          registers
// Needs    nothing of K; no alignment

import { ZEROS_ADDRESS } from '../abi'
import { madd } from './simd'
import { OF_F32, tileWide } from './tile-wide'

/** Of a line of 16 f32. */
const LINE_BYTES: usize = 64

// Four to six rows.
// @ts-ignore: decorator
@inline
function tile(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tileWide(OF_F32, rows, a, aStride, b, b + <usize>K * LINE_BYTES, continues ? sums : ZEROS_ADDRESS, sums)
}

// One row: four K at a time.
export function tile_f32_1x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  const zero = f32x4.splat(0.0)
  const from = continues ? sums : ZEROS_ADDRESS
  let c00 = v128.load(from), c01 = v128.load(from, 16), c02 = v128.load(from, 32), c03 = v128.load(from, 48)
  let c10 = zero, c11 = zero, c12 = zero, c13 = zero
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero
  let c30 = zero, c31 = zero, c32 = zero, c33 = zero
  const foursEnd = b + <usize>(K & ~3) * LINE_BYTES, end = b + <usize>K * LINE_BYTES
  while (b != foursEnd) {
    let s = v128.load32_splat(a)
    c00 = madd(s, v128.load(b), c00); c01 = madd(s, v128.load(b, 16), c01); c02 = madd(s, v128.load(b, 32), c02); c03 = madd(s, v128.load(b, 48), c03)
    s = v128.load32_splat(a, 4)
    c10 = madd(s, v128.load(b, 64), c10); c11 = madd(s, v128.load(b, 80), c11); c12 = madd(s, v128.load(b, 96), c12); c13 = madd(s, v128.load(b, 112), c13)
    s = v128.load32_splat(a, 8)
    c20 = madd(s, v128.load(b, 128), c20); c21 = madd(s, v128.load(b, 144), c21); c22 = madd(s, v128.load(b, 160), c22); c23 = madd(s, v128.load(b, 176), c23)
    s = v128.load32_splat(a, 12)
    c30 = madd(s, v128.load(b, 192), c30); c31 = madd(s, v128.load(b, 208), c31); c32 = madd(s, v128.load(b, 224), c32); c33 = madd(s, v128.load(b, 240), c33)
    a += 16
    b += 4 * LINE_BYTES
  }
  while (b != end) {
    const s = v128.load32_splat(a)
    c00 = madd(s, v128.load(b), c00); c01 = madd(s, v128.load(b, 16), c01); c02 = madd(s, v128.load(b, 32), c02); c03 = madd(s, v128.load(b, 48), c03)
    a += 4
    b += LINE_BYTES
  }
  v128.store(sums, f32x4.add(f32x4.add(c01, c11), f32x4.add(c21, c31)), 16)
  v128.store(sums, f32x4.add(f32x4.add(c00, c10), f32x4.add(c20, c30)))
  v128.store(sums, f32x4.add(f32x4.add(c03, c13), f32x4.add(c23, c33)), 48)
  v128.store(sums, f32x4.add(f32x4.add(c02, c12), f32x4.add(c22, c32)), 32)
}

// Two and three rows: two K at a time.
// @ts-ignore: decorator
@inline
function tileOfPairs(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  const zero = f32x4.splat(0.0)
  const from = continues ? sums : ZEROS_ADDRESS
  let c00 = v128.load(from), c01 = v128.load(from, 16), c02 = v128.load(from, 32), c03 = v128.load(from, 48)
  let c10 = v128.load(from, 64), c11 = v128.load(from, 80), c12 = v128.load(from, 96), c13 = v128.load(from, 112)
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero
  let d00 = zero, d01 = zero, d02 = zero, d03 = zero
  let d10 = zero, d11 = zero, d12 = zero, d13 = zero
  let d20 = zero, d21 = zero, d22 = zero, d23 = zero
  if (rows > 2) { c20 = v128.load(from, 128); c21 = v128.load(from, 144); c22 = v128.load(from, 160); c23 = v128.load(from, 176) }
  let a1 = a + aStride, a2 = rows > 2 ? a1 + aStride : 0
  const pairsEnd = b + <usize>(K & ~1) * LINE_BYTES
  while (b != pairsEnd) {
    let b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    let s = v128.load32_splat(a); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01); c02 = madd(s, b2, c02); c03 = madd(s, b3, c03)
    s = v128.load32_splat(a1); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); c12 = madd(s, b2, c12); c13 = madd(s, b3, c13)
    if (rows > 2) { s = v128.load32_splat(a2); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); c22 = madd(s, b2, c22); c23 = madd(s, b3, c23) }
    b0 = v128.load(b, 64); b1 = v128.load(b, 80); b2 = v128.load(b, 96); b3 = v128.load(b, 112)
    s = v128.load32_splat(a, 4); d00 = madd(s, b0, d00); d01 = madd(s, b1, d01); d02 = madd(s, b2, d02); d03 = madd(s, b3, d03)
    s = v128.load32_splat(a1, 4); d10 = madd(s, b0, d10); d11 = madd(s, b1, d11); d12 = madd(s, b2, d12); d13 = madd(s, b3, d13)
    if (rows > 2) { s = v128.load32_splat(a2, 4); d20 = madd(s, b0, d20); d21 = madd(s, b1, d21); d22 = madd(s, b2, d22); d23 = madd(s, b3, d23) }
    a += 8
    a1 += 8
    if (rows > 2) a2 += 8
    b += 2 * LINE_BYTES
  }
  if (K & 1) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    let s = v128.load32_splat(a); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01); c02 = madd(s, b2, c02); c03 = madd(s, b3, c03)
    s = v128.load32_splat(a1); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); c12 = madd(s, b2, c12); c13 = madd(s, b3, c13)
    if (rows > 2) { s = v128.load32_splat(a2); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); c22 = madd(s, b2, c22); c23 = madd(s, b3, c23) }
  }
  v128.store(sums, f32x4.add(c01, d01), 16); v128.store(sums, f32x4.add(c00, d00)); v128.store(sums, f32x4.add(c03, d03), 48); v128.store(sums, f32x4.add(c02, d02), 32)
  v128.store(sums, f32x4.add(c11, d11), 80); v128.store(sums, f32x4.add(c10, d10), 64); v128.store(sums, f32x4.add(c13, d13), 112); v128.store(sums, f32x4.add(c12, d12), 96)
  if (rows > 2) { v128.store(sums, f32x4.add(c21, d21), 144); v128.store(sums, f32x4.add(c20, d20), 128); v128.store(sums, f32x4.add(c23, d23), 176); v128.store(sums, f32x4.add(c22, d22), 160) }
}

export function tile_f32_2x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tileOfPairs(2, a, aStride, b, K, sums, continues)
}
export function tile_f32_3x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tileOfPairs(3, a, aStride, b, K, sums, continues)
}
export function tile_f32_4x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tile(4, a, aStride, b, K, sums, continues)
}
export function tile_f32_5x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tile(5, a, aStride, b, K, sums, continues)
}
export function tile_f32_6x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tile(6, a, aStride, b, K, sums, continues)
}

/** sums[rows][16] = A[rows,K] . B[K,16], added to what is stored there where `continues`; see tileF32. */
// @ts-ignore: decorator
@inline
export function tileF32Wide(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  switch (rows) {
    case 1: tile_f32_1x16(a, aStride, b, K, sums, continues); break
    case 2: tile_f32_2x16(a, aStride, b, K, sums, continues); break
    case 3: tile_f32_3x16(a, aStride, b, K, sums, continues); break
    case 4: tile_f32_4x16(a, aStride, b, K, sums, continues); break
    case 5: tile_f32_5x16(a, aStride, b, K, sums, continues); break
    default: tile_f32_6x16(a, aStride, b, K, sums, continues)
  }
}
