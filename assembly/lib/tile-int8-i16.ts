// int8 micro-kernel by i32x4.dot_i16x8_s: sums[rows][8] i32 = start[8] + A[rows,K] i16 . B[K,8] s8, rows = 1..5, finished as f32
// (finish.ts); and the same with B of i16, rows = 4..5, for attention, which takes the sums.
// Layout   A row-major i16, K padded to 8 with zeros; B one packed panel [K/2][8][2] s8 or i16; `out` a Finish, or sums [rows][8] i32
// Plan     5x8: 10 sums + 2 of B widened + 1 splat of two A + 1 product = 14 of V8's 15 vector registers; per step of two
//          K 10 dots, 10 adds, 2 loads (s8: widening), 5 splats. A sixth row would spill
// Needs    K % 4 == 0; s8: exact in i32 up to K = 133144 (kernels/int8-matmul/contract.ts `range`); i16: operands so small
//          that a sum fits i32 (kernels/attention/contract.ts)

import { Finish, finishIntegerRow } from './finish'

// @ts-ignore: decorator
@inline
function loadPairs(isOfI16: bool, b: usize): v128 {
  return isOfI16 ? v128.load(b) : v128.load_ext<i8>(b)
}

// @ts-ignore: decorator
@inline
function tile(isOfI16: bool, rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  let a1: usize = 0, a2: usize = 0, a3: usize = 0, a4: usize = 0
  if (rows > 1) a1 = a + aStride
  if (rows > 2) a2 = a1 + aStride
  if (rows > 3) a3 = a2 + aStride
  if (rows > 4) a4 = a3 + aStride
  const start0 = v128.load(start), start1 = v128.load(start, 16)
  let c00 = start0, c01 = start1, c10 = start0, c11 = start1, c20 = start0, c21 = start1
  let c30 = start0, c31 = start1, c40 = start0, c41 = start1
  // bytes of four outputs, two K each
  const four: usize = isOfI16 ? 16 : 8
  while (b != bEnd) {
    let b0 = loadPairs(isOfI16, b), b1 = loadPairs(isOfI16, b + four)
    let s = v128.load32_splat(a)
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, b0)); c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, b1))
    if (rows > 1) { s = v128.load32_splat(a1); c10 = i32x4.add(c10, i32x4.dot_i16x8_s(s, b0)); c11 = i32x4.add(c11, i32x4.dot_i16x8_s(s, b1)) }
    if (rows > 2) { s = v128.load32_splat(a2); c20 = i32x4.add(c20, i32x4.dot_i16x8_s(s, b0)); c21 = i32x4.add(c21, i32x4.dot_i16x8_s(s, b1)) }
    if (rows > 3) { s = v128.load32_splat(a3); c30 = i32x4.add(c30, i32x4.dot_i16x8_s(s, b0)); c31 = i32x4.add(c31, i32x4.dot_i16x8_s(s, b1)) }
    if (rows > 4) { s = v128.load32_splat(a4); c40 = i32x4.add(c40, i32x4.dot_i16x8_s(s, b0)); c41 = i32x4.add(c41, i32x4.dot_i16x8_s(s, b1)) }
    if (b + 2 * four == bEnd) break
    b0 = loadPairs(isOfI16, b + 2 * four); b1 = loadPairs(isOfI16, b + 3 * four)
    s = v128.load32_splat(a, 4)
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, b0)); c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, b1))
    if (rows > 1) { s = v128.load32_splat(a1, 4); c10 = i32x4.add(c10, i32x4.dot_i16x8_s(s, b0)); c11 = i32x4.add(c11, i32x4.dot_i16x8_s(s, b1)) }
    if (rows > 2) { s = v128.load32_splat(a2, 4); c20 = i32x4.add(c20, i32x4.dot_i16x8_s(s, b0)); c21 = i32x4.add(c21, i32x4.dot_i16x8_s(s, b1)) }
    if (rows > 3) { s = v128.load32_splat(a3, 4); c30 = i32x4.add(c30, i32x4.dot_i16x8_s(s, b0)); c31 = i32x4.add(c31, i32x4.dot_i16x8_s(s, b1)) }
    if (rows > 4) { s = v128.load32_splat(a4, 4); c40 = i32x4.add(c40, i32x4.dot_i16x8_s(s, b0)); c41 = i32x4.add(c41, i32x4.dot_i16x8_s(s, b1)) }
    b += 4 * four
    a += 8
    if (rows > 1) a1 += 8
    if (rows > 2) a2 += 8
    if (rows > 3) a3 += 8
    if (rows > 4) a4 += 8
  }
  if (!isOfI16) {
    const to = changetype<Finish>(out)
    finishIntegerRow(to, 0, c00, c01)
    if (rows > 1) finishIntegerRow(to, 1, c10, c11)
    if (rows > 2) finishIntegerRow(to, 2, c20, c21)
    if (rows > 3) finishIntegerRow(to, 3, c30, c31)
    if (rows > 4) finishIntegerRow(to, 4, c40, c41)
    return
  }
  v128.store(out, c00); v128.store(out, c01, 16)
  if (rows > 1) { v128.store(out, c10, 32); v128.store(out, c11, 48) }
  if (rows > 2) { v128.store(out, c20, 64); v128.store(out, c21, 80) }
  if (rows > 3) { v128.store(out, c30, 96); v128.store(out, c31, 112) }
  if (rows > 4) { v128.store(out, c40, 128); v128.store(out, c41, 144) }
}

export function tile_int8_i16_1x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tile(false, 1, a, aStride, b, bEnd, start, out)
}
export function tile_int8_i16_2x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tile(false, 2, a, aStride, b, bEnd, start, out)
}
export function tile_int8_i16_3x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tile(false, 3, a, aStride, b, bEnd, start, out)
}
export function tile_int8_i16_4x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tile(false, 4, a, aStride, b, bEnd, start, out)
}
export function tile_int8_i16_5x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tile(false, 5, a, aStride, b, bEnd, start, out)
}

export function tile_i16_4x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tile(true, 4, a, aStride, b, bEnd, start, out)
}
export function tile_i16_5x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tile(true, 5, a, aStride, b, bEnd, start, out)
}

/** Finishes start[8] + A . B; `b` to `bEnd` is the panel, `out` a Finish. */
// @ts-ignore: decorator
@inline
export function tileInt8I16(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  switch (rows) {
    case 1: tile_int8_i16_1x8(a, aStride, b, bEnd, start, out); break
    case 2: tile_int8_i16_2x8(a, aStride, b, bEnd, start, out); break
    case 3: tile_int8_i16_3x8(a, aStride, b, bEnd, start, out); break
    case 4: tile_int8_i16_4x8(a, aStride, b, bEnd, start, out); break
    default: tile_int8_i16_5x8(a, aStride, b, bEnd, start, out)
  }
}

/** sums[rows][8] at `out` = start[8] + A . B with a panel of i16, for 4 or 5 rows: what 16 rows and more are cut into. */
// @ts-ignore: decorator
@inline
export function tileI16(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  if (rows == 4) tile_i16_4x8(a, aStride, b, bEnd, start, out)
  else tile_i16_5x8(a, aStride, b, bEnd, start, out)
}
