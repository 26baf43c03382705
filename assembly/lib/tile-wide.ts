// The body of all tiles of 16 columns, for engines that run pairs of vectors as one of 256 bits:
// sums[rows][16] = start + A[rows,K] . B[K,16], rows = 1..6.
// Layout   A row-major with a stride in bytes; B one packed panel, of f32 [K][16], bytes [K/4][16][4], bytes or i16 [K/2][16][2]
// Plan     6x16: 24 sums + 4 of B + 1 splat of A are 12 + 2 + 1 registers where neighbours are joined, and spill where they
//          are not: kernels of the wide module alone. What is joined begins at stores to neighbouring addresses, and needs
//          one splat for both halves and loads that are neighbours too (docs/wasm-wide.md). Two steps along K a turn with a
//          branch between: without it the optimizer joins the steps of each sum, and the loop spills. `dot_i16x8_s` needs a
//          register for its product: five rows. Widening loads are joined only at offsets that are not 0, so that `b` begins
//          8 bytes early
// Needs    no alignment; what a kind needs of K is in the tiles' own files

import { madd, RELAXED } from './simd'

/** How products are summed, and of what. */
// @ts-ignore: decorator
@inline
export const OF_F32: i32 = 0
/** bytes by relaxed dot, four K a step */
// @ts-ignore: decorator
@inline
export const OF_BYTES: i32 = 1
/** A i16 and B bytes, two K a step */
// @ts-ignore: decorator
@inline
export const OF_I16_AND_BYTES: i32 = 2
/** i16, two K a step */
// @ts-ignore: decorator
@inline
export const OF_I16: i32 = 3

/** sum + the products of a splat of A and a vector of B */
// @ts-ignore: decorator
@inline
function step(kind: i32, s: v128, b: v128, sum: v128): v128 {
  if (kind == OF_F32) return madd(s, b, sum)
  // B first: the operand that is i8 by the specification
  if (kind == OF_BYTES) return RELAXED ? i32x4.relaxed_dot_i8x16_i7x16_add_s(b, s, sum) : sum
  return i32x4.add(sum, i32x4.dot_i16x8_s(s, b))
}

/**
 * @param kind how products are summed
 * @param bEnd where the panel ends
 * @param start 16 sums that each row begins with, or, of f32, [rows][16]
 */
// @ts-ignore: decorator
@inline
export function tileWide(kind: i32, rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  let a1: usize = 0, a2: usize = 0, a3: usize = 0, a4: usize = 0, a5: usize = 0
  if (rows > 1) a1 = a + aStride
  if (rows > 2) a2 = a1 + aStride
  if (rows > 3) a3 = a2 + aStride
  if (rows > 4) a4 = a3 + aStride
  if (rows > 5) a5 = a4 + aStride
  const isWidened = kind == OF_I16_AND_BYTES
  const lineBytes: usize = isWidened ? 32 : 64
  if (isWidened) { b -= 8; bEnd -= 8 }
  const s0 = v128.load(start), s1 = v128.load(start, 16), s2 = v128.load(start, 32), s3 = v128.load(start, 48)
  let c00 = s0, c01 = s1, c02 = s2, c03 = s3
  let c10 = s0, c11 = s1, c12 = s2, c13 = s3
  let c20 = s0, c21 = s1, c22 = s2, c23 = s3
  let c30 = s0, c31 = s1, c32 = s2, c33 = s3
  let c40 = s0, c41 = s1, c42 = s2, c43 = s3
  let c50 = s0, c51 = s1, c52 = s2, c53 = s3
  if (kind == OF_F32) {
    if (rows > 1) { c10 = v128.load(start, 64); c11 = v128.load(start, 80); c12 = v128.load(start, 96); c13 = v128.load(start, 112) }
    if (rows > 2) { c20 = v128.load(start, 128); c21 = v128.load(start, 144); c22 = v128.load(start, 160); c23 = v128.load(start, 176) }
    if (rows > 3) { c30 = v128.load(start, 192); c31 = v128.load(start, 208); c32 = v128.load(start, 224); c33 = v128.load(start, 240) }
    if (rows > 4) { c40 = v128.load(start, 256); c41 = v128.load(start, 272); c42 = v128.load(start, 288); c43 = v128.load(start, 304) }
    if (rows > 5) { c50 = v128.load(start, 320); c51 = v128.load(start, 336); c52 = v128.load(start, 352); c53 = v128.load(start, 368) }
  }
  while (b != bEnd) {
    let b0 = s0, b1 = s1, b2 = s2, b3 = s3
    if (isWidened) { b0 = v128.load_ext<i8>(b, 8); b1 = v128.load_ext<i8>(b, 16); b2 = v128.load_ext<i8>(b, 24); b3 = v128.load_ext<i8>(b, 32) }
    else { b0 = v128.load(b); b1 = v128.load(b, 16); b2 = v128.load(b, 32); b3 = v128.load(b, 48) }
    let s = v128.load32_splat(a); c00 = step(kind, s, b0, c00); c01 = step(kind, s, b1, c01); c02 = step(kind, s, b2, c02); c03 = step(kind, s, b3, c03)
    if (rows > 1) { s = v128.load32_splat(a1); c10 = step(kind, s, b0, c10); c11 = step(kind, s, b1, c11); c12 = step(kind, s, b2, c12); c13 = step(kind, s, b3, c13) }
    if (rows > 2) { s = v128.load32_splat(a2); c20 = step(kind, s, b0, c20); c21 = step(kind, s, b1, c21); c22 = step(kind, s, b2, c22); c23 = step(kind, s, b3, c23) }
    if (rows > 3) { s = v128.load32_splat(a3); c30 = step(kind, s, b0, c30); c31 = step(kind, s, b1, c31); c32 = step(kind, s, b2, c32); c33 = step(kind, s, b3, c33) }
    if (rows > 4) { s = v128.load32_splat(a4); c40 = step(kind, s, b0, c40); c41 = step(kind, s, b1, c41); c42 = step(kind, s, b2, c42); c43 = step(kind, s, b3, c43) }
    if (rows > 5) { s = v128.load32_splat(a5); c50 = step(kind, s, b0, c50); c51 = step(kind, s, b1, c51); c52 = step(kind, s, b2, c52); c53 = step(kind, s, b3, c53) }
    if (b + lineBytes == bEnd) break
    if (isWidened) { b0 = v128.load_ext<i8>(b, 40); b1 = v128.load_ext<i8>(b, 48); b2 = v128.load_ext<i8>(b, 56); b3 = v128.load_ext<i8>(b, 64) }
    else { b0 = v128.load(b, 64); b1 = v128.load(b, 80); b2 = v128.load(b, 96); b3 = v128.load(b, 112) }
    s = v128.load32_splat(a, 4); c00 = step(kind, s, b0, c00); c01 = step(kind, s, b1, c01); c02 = step(kind, s, b2, c02); c03 = step(kind, s, b3, c03)
    if (rows > 1) { s = v128.load32_splat(a1, 4); c10 = step(kind, s, b0, c10); c11 = step(kind, s, b1, c11); c12 = step(kind, s, b2, c12); c13 = step(kind, s, b3, c13) }
    if (rows > 2) { s = v128.load32_splat(a2, 4); c20 = step(kind, s, b0, c20); c21 = step(kind, s, b1, c21); c22 = step(kind, s, b2, c22); c23 = step(kind, s, b3, c23) }
    if (rows > 3) { s = v128.load32_splat(a3, 4); c30 = step(kind, s, b0, c30); c31 = step(kind, s, b1, c31); c32 = step(kind, s, b2, c32); c33 = step(kind, s, b3, c33) }
    if (rows > 4) { s = v128.load32_splat(a4, 4); c40 = step(kind, s, b0, c40); c41 = step(kind, s, b1, c41); c42 = step(kind, s, b2, c42); c43 = step(kind, s, b3, c43) }
    if (rows > 5) { s = v128.load32_splat(a5, 4); c50 = step(kind, s, b0, c50); c51 = step(kind, s, b1, c51); c52 = step(kind, s, b2, c52); c53 = step(kind, s, b3, c53) }
    a += 8
    if (rows > 1) a1 += 8
    if (rows > 2) a2 += 8
    if (rows > 3) a3 += 8
    if (rows > 4) a4 += 8
    if (rows > 5) a5 += 8
    b += 2 * lineBytes
  }
  v128.store(sums, c01, 16); v128.store(sums, c00); v128.store(sums, c03, 48); v128.store(sums, c02, 32)
  if (rows > 1) { v128.store(sums, c11, 80); v128.store(sums, c10, 64); v128.store(sums, c13, 112); v128.store(sums, c12, 96) }
  if (rows > 2) { v128.store(sums, c21, 144); v128.store(sums, c20, 128); v128.store(sums, c23, 176); v128.store(sums, c22, 160) }
  if (rows > 3) { v128.store(sums, c31, 208); v128.store(sums, c30, 192); v128.store(sums, c33, 240); v128.store(sums, c32, 224) }
  if (rows > 4) { v128.store(sums, c41, 272); v128.store(sums, c40, 256); v128.store(sums, c43, 304); v128.store(sums, c42, 288) }
  if (rows > 5) { v128.store(sums, c51, 336); v128.store(sums, c50, 320); v128.store(sums, c53, 368); v128.store(sums, c52, 352) }
}
