// f32 micro-kernel: sums[rows][8] (+)= A[rows,K] . B[K,8], rows = 1..6.
// Layout   A row-major with a stride in bytes, read at one f32 per row; B one packed panel [K][8]; sums [rows][8]
// Plan     6x8: 12 sums + 2 of B + 1 splat of A = 15 vector registers, all that V8 gives on x64. Not unrolled along K:
//          the optimizer would join the steps of each sum, all of B would be live at once, and the loop would spill
//          (measured: 36 for 45 Gop/s). One to three rows have too few sums to hide the latency of madd, so they take four
//          or two K at a time in sums of their own, folded at the end: 8, 8 and 12 sums
// Needs    nothing of K; no alignment

import { PANEL_BYTES } from '../abi'
import { madd } from './simd'

/** Tiles that M rows are cut into, of sizes that differ by one at most: a last tile of 1 row would run at half speed. */
// @ts-ignore: decorator
@inline
export function tileCount(rows: i32, tileRows: i32): i32 {
  return (rows + tileRows - 1) / tileRows
}

/** First row of tile `index` of `count`. */
// @ts-ignore: decorator
@inline
export function tileBegin(rows: i32, count: i32, index: i32): i32 {
  const least = rows / count
  const longer = rows - least * count
  return index * least + min(index, longer)
}

// Four to six rows.
// @ts-ignore: decorator
@inline
function tile(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  let a1 = a + aStride, a2 = a1 + aStride, a3 = a2 + aStride
  let a4: usize = 0, a5: usize = 0
  const zero = f32x4.splat(0.0)
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero, c50 = zero, c51 = zero
  if (rows > 4) a4 = a3 + aStride
  if (rows > 5) a5 = a4 + aStride
  if (continues) {
    c00 = v128.load(sums); c01 = v128.load(sums, 16)
    c10 = v128.load(sums, 32); c11 = v128.load(sums, 48)
    c20 = v128.load(sums, 64); c21 = v128.load(sums, 80)
    c30 = v128.load(sums, 96); c31 = v128.load(sums, 112)
    if (rows > 4) { c40 = v128.load(sums, 128); c41 = v128.load(sums, 144) }
    if (rows > 5) { c50 = v128.load(sums, 160); c51 = v128.load(sums, 176) }
  }
  const end = b + <usize>K * PANEL_BYTES
  while (b != end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    let s = v128.load32_splat(a)
    c00 = madd(s, b0, c00); c01 = madd(s, b1, c01)
    s = v128.load32_splat(a1); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); a1 += 4
    s = v128.load32_splat(a2); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); a2 += 4
    s = v128.load32_splat(a3); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); a3 += 4
    if (rows > 4) { s = v128.load32_splat(a4); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); a4 += 4 }
    if (rows > 5) { s = v128.load32_splat(a5); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); a5 += 4 }
    b += PANEL_BYTES
    a += 4
  }
  v128.store(sums, c00); v128.store(sums, c01, 16)
  v128.store(sums, c10, 32); v128.store(sums, c11, 48)
  v128.store(sums, c20, 64); v128.store(sums, c21, 80)
  v128.store(sums, c30, 96); v128.store(sums, c31, 112)
  if (rows > 4) { v128.store(sums, c40, 128); v128.store(sums, c41, 144) }
  if (rows > 5) { v128.store(sums, c50, 160); v128.store(sums, c51, 176) }
}

// One row: four K at a time.
export function tile_f32_1x8(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  const zero = f32x4.splat(0.0)
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero, c30 = zero, c31 = zero
  if (continues) { c00 = v128.load(sums); c01 = v128.load(sums, 16) }
  const foursEnd = b + <usize>(K & ~3) * PANEL_BYTES, end = b + <usize>K * PANEL_BYTES
  while (b != foursEnd) {
    let s = v128.load32_splat(a)
    c00 = madd(s, v128.load(b), c00); c01 = madd(s, v128.load(b, 16), c01)
    s = v128.load32_splat(a, 4)
    c10 = madd(s, v128.load(b, 32), c10); c11 = madd(s, v128.load(b, 48), c11)
    s = v128.load32_splat(a, 8)
    c20 = madd(s, v128.load(b, 64), c20); c21 = madd(s, v128.load(b, 80), c21)
    s = v128.load32_splat(a, 12)
    c30 = madd(s, v128.load(b, 96), c30); c31 = madd(s, v128.load(b, 112), c31)
    a += 16
    b += 4 * PANEL_BYTES
  }
  while (b != end) {
    const s = v128.load32_splat(a)
    c00 = madd(s, v128.load(b), c00); c01 = madd(s, v128.load(b, 16), c01)
    a += 4
    b += PANEL_BYTES
  }
  v128.store(sums, f32x4.add(f32x4.add(c00, c10), f32x4.add(c20, c30)))
  v128.store(sums, f32x4.add(f32x4.add(c01, c11), f32x4.add(c21, c31)), 16)
}

// Two and three rows: two K at a time.
// @ts-ignore: decorator
@inline
function tileOfPairs(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  const zero = f32x4.splat(0.0)
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero
  let d00 = zero, d01 = zero, d10 = zero, d11 = zero, d20 = zero, d21 = zero
  let a1 = a + aStride, a2 = rows > 2 ? a1 + aStride : 0
  if (continues) {
    c00 = v128.load(sums); c01 = v128.load(sums, 16)
    c10 = v128.load(sums, 32); c11 = v128.load(sums, 48)
    if (rows > 2) { c20 = v128.load(sums, 64); c21 = v128.load(sums, 80) }
  }
  const pairsEnd = b + <usize>(K & ~1) * PANEL_BYTES
  while (b != pairsEnd) {
    let b0 = v128.load(b), b1 = v128.load(b, 16)
    let s = v128.load32_splat(a)
    c00 = madd(s, b0, c00); c01 = madd(s, b1, c01)
    s = v128.load32_splat(a1); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11)
    if (rows > 2) { s = v128.load32_splat(a2); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21) }
    b0 = v128.load(b, 32); b1 = v128.load(b, 48)
    s = v128.load32_splat(a, 4)
    d00 = madd(s, b0, d00); d01 = madd(s, b1, d01)
    s = v128.load32_splat(a1, 4); d10 = madd(s, b0, d10); d11 = madd(s, b1, d11)
    if (rows > 2) { s = v128.load32_splat(a2, 4); d20 = madd(s, b0, d20); d21 = madd(s, b1, d21) }
    a += 8
    a1 += 8
    if (rows > 2) a2 += 8
    b += 2 * PANEL_BYTES
  }
  if (K & 1) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    let s = v128.load32_splat(a)
    c00 = madd(s, b0, c00); c01 = madd(s, b1, c01)
    s = v128.load32_splat(a1); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11)
    if (rows > 2) { s = v128.load32_splat(a2); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21) }
  }
  v128.store(sums, f32x4.add(c00, d00)); v128.store(sums, f32x4.add(c01, d01), 16)
  v128.store(sums, f32x4.add(c10, d10), 32); v128.store(sums, f32x4.add(c11, d11), 48)
  if (rows > 2) { v128.store(sums, f32x4.add(c20, d20), 64); v128.store(sums, f32x4.add(c21, d21), 80) }
}

// One function per size, so that each loop gets registers of its own and the counts in codegen.json tell them apart.
export function tile_f32_2x8(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tileOfPairs(2, a, aStride, b, K, sums, continues)
}
export function tile_f32_3x8(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tileOfPairs(3, a, aStride, b, K, sums, continues)
}
export function tile_f32_4x8(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tile(4, a, aStride, b, K, sums, continues)
}
export function tile_f32_5x8(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tile(5, a, aStride, b, K, sums, continues)
}
export function tile_f32_6x8(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  tile(6, a, aStride, b, K, sums, continues)
}

/**
 * sums[rows][8] = A[rows,K] . B[K,8], added to what is stored there where `continues`.
 *
 * @param a f32 [rows, K], rows `aStride` bytes apart
 * @param b f32 [K][8]
 */
// @ts-ignore: decorator
@inline
export function tileF32(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  switch (rows) {
    case 1: tile_f32_1x8(a, aStride, b, K, sums, continues); break
    case 2: tile_f32_2x8(a, aStride, b, K, sums, continues); break
    case 3: tile_f32_3x8(a, aStride, b, K, sums, continues); break
    case 4: tile_f32_4x8(a, aStride, b, K, sums, continues); break
    case 5: tile_f32_5x8(a, aStride, b, K, sums, continues); break
    default: tile_f32_6x8(a, aStride, b, K, sums, continues)
  }
}
