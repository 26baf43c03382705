// Inner loops of the sparse kernels: sums[w] += one row of W, within one K block, times one token block; vectors along
// tokens.
// Layout   x one block of w tokens: f32 [K][w]; i16 [K/4][2][w][2]; bytes [K/4][w][4] (blocks.ts); sums [w]
//          columns u16, of one K block of a row; values f32 [Z], or s8 [Zb][4], or the same widened to i16 [Zb][4]
// Plan     w / 4 sums stay in registers while the row's non-zeros stream by: at w = 32, per non-zero, 1 splat, 8 loads,
//          8 multiply-adds; 8 sums + 1 splat + 1 product fit easily. Four tokens or fewer have two sums, for even and odd
//          entries, since one would wait for itself. A single row, x [K] as it comes, has its vectors along the row's
//          entries, whose inputs are loaded lane by lane: its sums [4] are parts of one
// Needs    nothing of the row's length; block kernels: exact in i32 as in kernels/int8-matmul/contract.ts

import { madd, RELAXED } from './simd'

/** What rows are of, and how products are summed: f32; bytes, by relaxed dot; i16. */
// @ts-ignore: decorator
@inline
export const OF_F32: i32 = 0
// @ts-ignore: decorator
@inline
export const OF_BYTES: i32 = 1
// @ts-ignore: decorator
@inline
const OF_I16: i32 = 2

/** sum + the products of a splat of weights and a vector of inputs */
// @ts-ignore: decorator
@inline
export function step(kind: i32, s: v128, x: v128, sum: v128): v128 {
  if (kind == OF_F32) return madd(s, x, sum)
  if (kind == OF_BYTES) return RELAXED ? i32x4.relaxed_dot_i8x16_i7x16_add_s(s, x, sum) : sum
  return i32x4.add(sum, i32x4.dot_i16x8_s(s, x))
}

/** w = 8, 16 or 32 tokens. */
// @ts-ignore: decorator
@inline
function row(kind: i32, w: i32, x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  if (kind == OF_BYTES && !RELAXED) return
  const zero = i32x4.splat(0)
  let c0 = v128.load(sums), c1 = v128.load(sums, 16), c2 = zero, c3 = zero, c4 = zero, c5 = zero, c6 = zero, c7 = zero
  if (w > 8) { c2 = v128.load(sums, 32); c3 = v128.load(sums, 48) }
  if (w > 16) { c4 = v128.load(sums, 64); c5 = v128.load(sums, 80); c6 = v128.load(sums, 96); c7 = v128.load(sums, 112) }
  const isI16 = kind == OF_I16
  // log2 of the bytes of a column
  const shift: usize = (w == 32 ? 7 : w == 16 ? 6 : 5) + (isI16 ? 1 : 0)
  while (column != end) {
    const at = x + (<usize>load<u16>(column) << shift)
    let s = v128.load32_splat(value)
    c0 = step(kind, s, v128.load(at), c0); c1 = step(kind, s, v128.load(at, 16), c1)
    if (w > 8) { c2 = step(kind, s, v128.load(at, 32), c2); c3 = step(kind, s, v128.load(at, 48), c3) }
    if (w > 16) {
      c4 = step(kind, s, v128.load(at, 64), c4); c5 = step(kind, s, v128.load(at, 80), c5)
      c6 = step(kind, s, v128.load(at, 96), c6); c7 = step(kind, s, v128.load(at, 112), c7)
    }
    if (isI16) {
      // the other two K of the block
      s = v128.load32_splat(value, 4)
      if (w == 8) { c0 = step(kind, s, v128.load(at, 32), c0); c1 = step(kind, s, v128.load(at, 48), c1) }
      if (w == 16) {
        c0 = step(kind, s, v128.load(at, 64), c0); c1 = step(kind, s, v128.load(at, 80), c1)
        c2 = step(kind, s, v128.load(at, 96), c2); c3 = step(kind, s, v128.load(at, 112), c3)
      }
      if (w == 32) {
        c0 = step(kind, s, v128.load(at, 128), c0); c1 = step(kind, s, v128.load(at, 144), c1)
        c2 = step(kind, s, v128.load(at, 160), c2); c3 = step(kind, s, v128.load(at, 176), c3)
        c4 = step(kind, s, v128.load(at, 192), c4); c5 = step(kind, s, v128.load(at, 208), c5)
        c6 = step(kind, s, v128.load(at, 224), c6); c7 = step(kind, s, v128.load(at, 240), c7)
      }
    }
    column += 2
    value += isI16 ? 8 : 4
  }
  v128.store(sums, c0); v128.store(sums, c1, 16)
  if (w > 8) { v128.store(sums, c2, 32); v128.store(sums, c3, 48) }
  if (w > 16) { v128.store(sums, c4, 64); v128.store(sums, c5, 80); v128.store(sums, c6, 96); v128.store(sums, c7, 112) }
}

/** 4 tokens of f32 or of bytes. */
// @ts-ignore: decorator
@inline
function rowOfFour(kind: i32, x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  if (kind == OF_BYTES && !RELAXED) return
  let c0 = v128.load(sums), c1 = i32x4.splat(0)
  for (const pairs = column + ((end - column) & ~3); column != pairs; column += 4, value += 8) {
    c0 = step(kind, v128.load32_splat(value), v128.load(x + (<usize>load<u16>(column) << 4)), c0)
    c1 = step(kind, v128.load32_splat(value, 4), v128.load(x + (<usize>load<u16>(column, 2) << 4)), c1)
  }
  if (column != end) c0 = step(kind, v128.load32_splat(value), v128.load(x + (<usize>load<u16>(column) << 4)), c0)
  v128.store(sums, kind == OF_F32 ? f32x4.add(c0, c1) : i32x4.add(c0, c1))
}

export function csr_row_32(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_F32, 32, x, column, end, value, sums)
}
export function csr_row_16(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_F32, 16, x, column, end, value, sums)
}
export function csr_row_8(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_F32, 8, x, column, end, value, sums)
}
export function csr_row_4(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  rowOfFour(OF_F32, x, column, end, value, sums)
}
export function block_row_i16_32(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_I16, 32, x, column, end, value, sums)
}
export function block_row_i16_16(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_I16, 16, x, column, end, value, sums)
}
export function block_row_i16_8(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_I16, 8, x, column, end, value, sums)
}
export function block_row_relaxed_32(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_BYTES, 32, x, column, end, value, sums)
}
export function block_row_relaxed_16(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_BYTES, 16, x, column, end, value, sums)
}
export function block_row_relaxed_8(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_BYTES, 8, x, column, end, value, sums)
}
export function block_row_relaxed_4(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  rowOfFour(OF_BYTES, x, column, end, value, sums)
}

/** 4 tokens. */
export function block_row_i16_4(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  let c0 = v128.load(sums), c1 = i32x4.splat(0)
  for (; column != end; column += 2, value += 8) {
    const at = x + (<usize>load<u16>(column) << 5)
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v128.load32_splat(value), v128.load(at)))
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v128.load32_splat(value, 4), v128.load(at, 16)))
  }
  v128.store(sums, i32x4.add(c0, c1))
}

/** One row x [K]: inputs of the four entries whose columns begin at `column`. */
// @ts-ignore: decorator
@inline
function gatherFour(x: usize, column: usize): v128 {
  const four = load<u64>(column)
  let a = v128.load32_zero(x + ((<usize>four & 0xffff) << 2))
  a = v128.load32_lane(x + ((<usize>(four >> 16) & 0xffff) << 2), a, 1)
  a = v128.load32_lane(x + ((<usize>(four >> 32) & 0xffff) << 2), a, 2)
  return v128.load32_lane(x + (<usize>(four >> 48) << 2), a, 3)
}

/** One row x [K]. */
export function csr_row_1(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  let c0 = v128.load(sums), c1 = f32x4.splat(0.0)
  const eights = column + ((end - column) & ~15)
  for (; column != eights; column += 16, value += 32) {
    c0 = madd(gatherFour(x, column), v128.load(value), c0)
    c1 = madd(gatherFour(x, column + 8), v128.load(value, 16), c1)
  }
  if (end - column >= 8) {
    c0 = madd(gatherFour(x, column), v128.load(value), c0)
    column += 8
    value += 16
  }
  for (; column != end; column += 2, value += 4)
    c1 = madd(v128.load32_zero(x + (<usize>load<u16>(column) << 2)), v128.load32_zero(value), c1)
  v128.store(sums, f32x4.add(c0, c1))
}

/** One row, i16 [K]: two blocks to a vector. */
export function block_row_i16_1(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  let c0 = v128.load(sums), c1 = i32x4.splat(0)
  for (const fours = column + ((end - column) & ~7); column != fours; column += 8, value += 32) {
    const four = load<u64>(column)
    const a = v128.load64_lane(x + ((<usize>(four >> 16) & 0xffff) << 3), v128.load64_zero(x + ((<usize>four & 0xffff) << 3)), 1)
    const b = v128.load64_lane(x + (<usize>(four >> 48) << 3), v128.load64_zero(x + ((<usize>(four >> 32) & 0xffff) << 3)), 1)
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v128.load(value), a))
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v128.load(value, 16), b))
  }
  for (; column != end; column += 2, value += 8)
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v128.load64_zero(value), v128.load64_zero(x + (<usize>load<u16>(column) << 3))))
  v128.store(sums, i32x4.add(c0, c1))
}

/** One row, bytes [K]: four blocks to a vector. */
export function block_row_relaxed_1(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  if (!RELAXED) return
  let c0 = v128.load(sums), c1 = i32x4.splat(0)
  const eights = column + ((end - column) & ~15)
  for (; column != eights; column += 16, value += 32) {
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(value), gatherFour(x, column), c0)
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(value, 16), gatherFour(x, column + 8), c1)
  }
  for (; column != end; column += 2, value += 4)
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(
      v128.load32_zero(value), v128.load32_zero(x + (<usize>load<u16>(column) << 2)), c0,
    )
  v128.store(sums, i32x4.add(c0, c1))
}
