// f32 micro-kernel with A by columns: sums[6][8] = A[depth,6]^T . B[depth,8]. What products over tokens need (dW = dY^T X).
// Layout   A six f32 side by side per step of depth; B one packed panel [depth][8]; sums [6][8]
// Plan     12 sums + 2 of B + 1 splat of A = 15 vector registers; one address for A. Not unrolled: two steps at a time
//          made V8 spill four registers in the loop
// Needs    always six columns readable: callers pad, and drop the rows that are not there

import { PANEL_BYTES } from '../abi'
import { madd } from '../lib/simd'

/** @param aStride bytes from one step of depth to the next; TILE_COLUMN_BYTES where A is packed */
export function tile_f32_transposed_6x8(a: usize, aStride: usize, b: usize, depth: i32, sums: usize): void {
  const zero = f32x4.splat(0.0)
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero, c50 = zero, c51 = zero
  const end = b + <usize>depth * PANEL_BYTES
  while (b != end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    let s = v128.load32_splat(a); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01)
    s = v128.load32_splat(a, 4); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11)
    s = v128.load32_splat(a, 8); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21)
    s = v128.load32_splat(a, 12); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31)
    s = v128.load32_splat(a, 16); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41)
    s = v128.load32_splat(a, 20); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51)
    a += aStride
    b += PANEL_BYTES
  }
  v128.store(sums, c00); v128.store(sums, c01, 16)
  v128.store(sums, c10, 32); v128.store(sums, c11, 48)
  v128.store(sums, c20, 64); v128.store(sums, c21, 80)
  v128.store(sums, c30, 96); v128.store(sums, c31, 112)
  v128.store(sums, c40, 128); v128.store(sums, c41, 144)
  v128.store(sums, c50, 160); v128.store(sums, c51, 176)
}
