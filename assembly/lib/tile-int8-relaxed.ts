// int8 micro-kernel by relaxed dot: sums[rows][8] i32 = start[8] + A[rows,K] bytes . B[K,8] s8, rows = 1..6, finished as f32
// (finish.ts).
// Layout   A row-major bytes, K padded to 8; B one packed panel [K/4][8][4] s8; `out` a Finish
// Plan     6x8: 12 sums + 2 of B + 1 splat of four A = 15 vector registers where the engine adds in place (vpdpbusd, sdot).
//          Four of K at a time: the compiler would turn two sums of one accumulator into one expression, which keeps the
//          columns of both steps in registers, and V8 would spill
// Needs    K % 4 == 0; an engine on which the dot is exact for A's range: u8 (then start = -128 column sums) or s8
//          (kernels/wasm/dot-strategy.ts probes). B is the first operand: the one that is i8 by the specification

import { Finish, finishIntegerRow } from './finish'
import { RELAXED } from './simd'

// @ts-ignore: decorator
@inline
function tileRelaxed(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  if (!RELAXED) return
  let a1: usize = 0, a2: usize = 0, a3: usize = 0, a4: usize = 0, a5: usize = 0
  if (rows > 1) a1 = a + aStride
  if (rows > 2) a2 = a1 + aStride
  if (rows > 3) a3 = a2 + aStride
  if (rows > 4) a4 = a3 + aStride
  if (rows > 5) a5 = a4 + aStride
  const start0 = v128.load(start), start1 = v128.load(start, 16)
  let c00 = start0, c01 = start1, c10 = start0, c11 = start1, c20 = start0, c21 = start1
  let c30 = start0, c31 = start1, c40 = start0, c41 = start1, c50 = start0, c51 = start1
  while (b != bEnd) {
    let b0 = v128.load(b), b1 = v128.load(b, 16)
    let s = v128.load32_splat(a)
    c00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c00); c01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c01)
    if (rows > 1) { s = v128.load32_splat(a1); c10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c10); c11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c11) }
    if (rows > 2) { s = v128.load32_splat(a2); c20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c20); c21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c21) }
    if (rows > 3) { s = v128.load32_splat(a3); c30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c30); c31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c31) }
    if (rows > 4) { s = v128.load32_splat(a4); c40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c40); c41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c41) }
    if (rows > 5) { s = v128.load32_splat(a5); c50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c50); c51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c51) }
    b += 32
    a += 4
    if (rows > 1) a1 += 4
    if (rows > 2) a2 += 4
    if (rows > 3) a3 += 4
    if (rows > 4) a4 += 4
    if (rows > 5) a5 += 4
  }
  const to = changetype<Finish>(out)
  finishIntegerRow(to, 0, c00, c01)
  if (rows > 1) finishIntegerRow(to, 1, c10, c11)
  if (rows > 2) finishIntegerRow(to, 2, c20, c21)
  if (rows > 3) finishIntegerRow(to, 3, c30, c31)
  if (rows > 4) finishIntegerRow(to, 4, c40, c41)
  if (rows > 5) finishIntegerRow(to, 5, c50, c51)
}

export function tile_int8_relaxed_1x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tileRelaxed(1, a, aStride, b, bEnd, start, out)
}
export function tile_int8_relaxed_2x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tileRelaxed(2, a, aStride, b, bEnd, start, out)
}
export function tile_int8_relaxed_3x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tileRelaxed(3, a, aStride, b, bEnd, start, out)
}
export function tile_int8_relaxed_4x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tileRelaxed(4, a, aStride, b, bEnd, start, out)
}
export function tile_int8_relaxed_5x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tileRelaxed(5, a, aStride, b, bEnd, start, out)
}
export function tile_int8_relaxed_6x8(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  tileRelaxed(6, a, aStride, b, bEnd, start, out)
}

/** Finishes start[8] + A . B; `b` to `bEnd` is the panel, `out` a Finish. */
// @ts-ignore: decorator
@inline
export function tileInt8Relaxed(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize): void {
  switch (rows) {
    case 1: tile_int8_relaxed_1x8(a, aStride, b, bEnd, start, out); break
    case 2: tile_int8_relaxed_2x8(a, aStride, b, bEnd, start, out); break
    case 3: tile_int8_relaxed_3x8(a, aStride, b, bEnd, start, out); break
    case 4: tile_int8_relaxed_4x8(a, aStride, b, bEnd, start, out); break
    case 5: tile_int8_relaxed_5x8(a, aStride, b, bEnd, start, out); break
    default: tile_int8_relaxed_6x8(a, aStride, b, bEnd, start, out)
  }
}
