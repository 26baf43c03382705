// n:m micro-kernel: sums[rows][8] = X[rows, index] . B[P,8], rows = 4..6: the dense tile over gathered inputs.
// Layout   x one token block f32 [K][w] (blocks.ts) at the tile's first token; index u16 [P]; B one panel [P][8]
// Plan     the token block makes the gather free: the tile's tokens of one input are side by side
// Needs    blocks are cut into tiles of 4 to 6 tokens (32 = 6 6 5 5 5 5, 16 = 6 5 5, 8 = 4 4, 4)

import { PANEL_BYTES } from '../abi'
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
