// n:m micro-kernel: sums[rows][8] = X[rows, index] . B[P,8], rows = 4..6: the dense tile over gathered inputs; and the same for two
// panels of one list of inputs, for engines that run pairs of vectors as one of 256 bits.
// Layout   x one token block f32 [K][w] (blocks.ts) at the tile's first token; index u16 [P]; B one panel [P][8]
// Plan     the token block makes the gather free: the tile's tokens of one input are side by side
//          Two panels: registers and turns as in tile-wide.ts
// Needs    blocks are cut into tiles of 4 to 6 tokens (32 = 6 6 5 5 5 5, 16 = 6 5 5, 8 = 4 4, 4)

import { PANEL_BYTES, ZEROS_ADDRESS } from '../abi'
import { madd } from './simd'

// @ts-ignore: decorator
@inline
function tile(rows: i32, x: usize, shift: usize, index: usize, end: usize, b: usize, sums: usize): void {
  const zero = f32x4.splat(0.0)
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero, c50 = zero, c51 = zero
  while (index != end) {
    const a = x + (<usize>load<u16>(index) << shift)
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    let s = v128.load32_splat(a)
    c00 = madd(s, b0, c00); c01 = madd(s, b1, c01)
    s = v128.load32_splat(a, 4); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11)
    s = v128.load32_splat(a, 8); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21)
    s = v128.load32_splat(a, 12); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31)
    if (rows > 4) { s = v128.load32_splat(a, 16); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41) }
    if (rows > 5) { s = v128.load32_splat(a, 20); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51) }
    index += 2
    b += PANEL_BYTES
  }
  v128.store(sums, c00); v128.store(sums, c01, 16)
  v128.store(sums, c10, 32); v128.store(sums, c11, 48)
  v128.store(sums, c20, 64); v128.store(sums, c21, 80)
  v128.store(sums, c30, 96); v128.store(sums, c31, 112)
  if (rows > 4) { v128.store(sums, c40, 128); v128.store(sums, c41, 144) }
  if (rows > 5) { v128.store(sums, c50, 160); v128.store(sums, c51, 176) }
}

export function tile_nm_4x8(x: usize, shift: usize, index: usize, end: usize, b: usize, sums: usize): void {
  tile(4, x, shift, index, end, b, sums)
}
export function tile_nm_5x8(x: usize, shift: usize, index: usize, end: usize, b: usize, sums: usize): void {
  tile(5, x, shift, index, end, b, sums)
}
export function tile_nm_6x8(x: usize, shift: usize, index: usize, end: usize, b: usize, sums: usize): void {
  tile(6, x, shift, index, end, b, sums)
}

// @ts-ignore: decorator
@inline
function tileOfTwo(rows: i32, x: usize, shift: usize, index: usize, end: usize, b: usize, other: usize, sums: usize, otherSums: usize): void {
  const z0 = v128.load(ZEROS_ADDRESS), z1 = v128.load(ZEROS_ADDRESS, 16)
  let c00 = z0, c01 = z1, c02 = z0, c03 = z1
  let c10 = z0, c11 = z1, c12 = z0, c13 = z1
  let c20 = z0, c21 = z1, c22 = z0, c23 = z1
  let c30 = z0, c31 = z1, c32 = z0, c33 = z1
  let c40 = z0, c41 = z1, c42 = z0, c43 = z1
  let c50 = z0, c51 = z1, c52 = z0, c53 = z1
  while (index != end) {
    let a = x + (<usize>load<u16>(index) << shift)
    let b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(other), b3 = v128.load(other, 16)
    let s = v128.load32_splat(a); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01); c02 = madd(s, b2, c02); c03 = madd(s, b3, c03)
    s = v128.load32_splat(a, 4); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); c12 = madd(s, b2, c12); c13 = madd(s, b3, c13)
    s = v128.load32_splat(a, 8); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); c22 = madd(s, b2, c22); c23 = madd(s, b3, c23)
    s = v128.load32_splat(a, 12); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); c32 = madd(s, b2, c32); c33 = madd(s, b3, c33)
    if (rows > 4) { s = v128.load32_splat(a, 16); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); c42 = madd(s, b2, c42); c43 = madd(s, b3, c43) }
    if (rows > 5) { s = v128.load32_splat(a, 20); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); c52 = madd(s, b2, c52); c53 = madd(s, b3, c53) }
    if (index + 2 == end) break
    a = x + (<usize>load<u16>(index, 2) << shift)
    b0 = v128.load(b, 32); b1 = v128.load(b, 48); b2 = v128.load(other, 32); b3 = v128.load(other, 48)
    s = v128.load32_splat(a); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01); c02 = madd(s, b2, c02); c03 = madd(s, b3, c03)
    s = v128.load32_splat(a, 4); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); c12 = madd(s, b2, c12); c13 = madd(s, b3, c13)
    s = v128.load32_splat(a, 8); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); c22 = madd(s, b2, c22); c23 = madd(s, b3, c23)
    s = v128.load32_splat(a, 12); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); c32 = madd(s, b2, c32); c33 = madd(s, b3, c33)
    if (rows > 4) { s = v128.load32_splat(a, 16); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); c42 = madd(s, b2, c42); c43 = madd(s, b3, c43) }
    if (rows > 5) { s = v128.load32_splat(a, 20); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); c52 = madd(s, b2, c52); c53 = madd(s, b3, c53) }
    index += 4
    b += 2 * PANEL_BYTES
    other += 2 * PANEL_BYTES
  }
  v128.store(sums, c01, 16); v128.store(sums, c00); v128.store(otherSums, c03, 16); v128.store(otherSums, c02)
  v128.store(sums, c11, 48); v128.store(sums, c10, 32); v128.store(otherSums, c13, 48); v128.store(otherSums, c12, 32)
  v128.store(sums, c21, 80); v128.store(sums, c20, 64); v128.store(otherSums, c23, 80); v128.store(otherSums, c22, 64)
  v128.store(sums, c31, 112); v128.store(sums, c30, 96); v128.store(otherSums, c33, 112); v128.store(otherSums, c32, 96)
  if (rows > 4) { v128.store(sums, c41, 144); v128.store(sums, c40, 128); v128.store(otherSums, c43, 144); v128.store(otherSums, c42, 128) }
  if (rows > 5) { v128.store(sums, c51, 176); v128.store(sums, c50, 160); v128.store(otherSums, c53, 176); v128.store(otherSums, c52, 160) }
}

export function tile_nm_4x16(
  x: usize, shift: usize, index: usize, end: usize, b: usize, other: usize, sums: usize, otherSums: usize,
): void {
  tileOfTwo(4, x, shift, index, end, b, other, sums, otherSums)
}
export function tile_nm_5x16(
  x: usize, shift: usize, index: usize, end: usize, b: usize, other: usize, sums: usize, otherSums: usize,
): void {
  tileOfTwo(5, x, shift, index, end, b, other, sums, otherSums)
}
export function tile_nm_6x16(
  x: usize, shift: usize, index: usize, end: usize, b: usize, other: usize, sums: usize, otherSums: usize,
): void {
  tileOfTwo(6, x, shift, index, end, b, other, sums, otherSums)
}
