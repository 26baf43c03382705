// Sparse rows for engines that run pairs of vectors as one of 256 bits: 32 tokens of f32 are 4 sums there, too few to hide the
// latency of a multiply-add, so that every other weight has sums of its own. Layouts as in sparse-rows.ts.

import { madd, RELAXED } from './simd'

/** 32 tokens, f32. */
export function csr_row_wide_32(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  let c0 = v128.load(sums), c1 = v128.load(sums, 16), c2 = v128.load(sums, 32), c3 = v128.load(sums, 48), c4 = v128.load(sums, 64), c5 = v128.load(sums, 80), c6 = v128.load(sums, 96), c7 = v128.load(sums, 112)
  const zero = f32x4.splat(0.0)
  let d0 = zero, d1 = zero, d2 = zero, d3 = zero, d4 = zero, d5 = zero, d6 = zero, d7 = zero
  for (const pairs = column + ((end - column) & ~3); column != pairs; column += 4, value += 8) {
    let at = x + (<usize>load<u16>(column) << 7)
    let s = v128.load32_splat(value)
    c0 = madd(s, v128.load(at), c0)
    c1 = madd(s, v128.load(at, 16), c1)
    c2 = madd(s, v128.load(at, 32), c2)
    c3 = madd(s, v128.load(at, 48), c3)
    c4 = madd(s, v128.load(at, 64), c4)
    c5 = madd(s, v128.load(at, 80), c5)
    c6 = madd(s, v128.load(at, 96), c6)
    c7 = madd(s, v128.load(at, 112), c7)
    at = x + (<usize>load<u16>(column, 2) << 7)
    s = v128.load32_splat(value, 4)
    d0 = madd(s, v128.load(at), d0)
    d1 = madd(s, v128.load(at, 16), d1)
    d2 = madd(s, v128.load(at, 32), d2)
    d3 = madd(s, v128.load(at, 48), d3)
    d4 = madd(s, v128.load(at, 64), d4)
    d5 = madd(s, v128.load(at, 80), d5)
    d6 = madd(s, v128.load(at, 96), d6)
    d7 = madd(s, v128.load(at, 112), d7)
  }
  if (column != end) {
    const at = x + (<usize>load<u16>(column) << 7)
    const s = v128.load32_splat(value)
    c0 = madd(s, v128.load(at), c0)
    c1 = madd(s, v128.load(at, 16), c1)
    c2 = madd(s, v128.load(at, 32), c2)
    c3 = madd(s, v128.load(at, 48), c3)
    c4 = madd(s, v128.load(at, 64), c4)
    c5 = madd(s, v128.load(at, 80), c5)
    c6 = madd(s, v128.load(at, 96), c6)
    c7 = madd(s, v128.load(at, 112), c7)
  }
  v128.store(sums, f32x4.add(c1, d1), 16)
  v128.store(sums, f32x4.add(c0, d0))
  v128.store(sums, f32x4.add(c3, d3), 48)
  v128.store(sums, f32x4.add(c2, d2), 32)
  v128.store(sums, f32x4.add(c5, d5), 80)
  v128.store(sums, f32x4.add(c4, d4), 64)
  v128.store(sums, f32x4.add(c7, d7), 112)
  v128.store(sums, f32x4.add(c6, d6), 96)
}

/** 32 tokens, bytes. */
export function block_row_relaxed_wide_32(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  if (!RELAXED) return
  let c0 = v128.load(sums), c1 = v128.load(sums, 16), c2 = v128.load(sums, 32), c3 = v128.load(sums, 48), c4 = v128.load(sums, 64), c5 = v128.load(sums, 80), c6 = v128.load(sums, 96), c7 = v128.load(sums, 112)
  const zero = i32x4.splat(0)
  let d0 = zero, d1 = zero, d2 = zero, d3 = zero, d4 = zero, d5 = zero, d6 = zero, d7 = zero
  for (const pairs = column + ((end - column) & ~3); column != pairs; column += 4, value += 8) {
    let at = x + (<usize>load<u16>(column) << 7)
    let s = v128.load32_splat(value)
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at), c0)
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 16), c1)
    c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 32), c2)
    c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 48), c3)
    c4 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 64), c4)
    c5 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 80), c5)
    c6 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 96), c6)
    c7 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 112), c7)
    at = x + (<usize>load<u16>(column, 2) << 7)
    s = v128.load32_splat(value, 4)
    d0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at), d0)
    d1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 16), d1)
    d2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 32), d2)
    d3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 48), d3)
    d4 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 64), d4)
    d5 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 80), d5)
    d6 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 96), d6)
    d7 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 112), d7)
  }
  if (column != end) {
    const at = x + (<usize>load<u16>(column) << 7)
    const s = v128.load32_splat(value)
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at), c0)
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 16), c1)
    c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 32), c2)
    c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 48), c3)
    c4 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 64), c4)
    c5 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 80), c5)
    c6 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 96), c6)
    c7 = i32x4.relaxed_dot_i8x16_i7x16_add_s(s, v128.load(at, 112), c7)
  }
  v128.store(sums, i32x4.add(c1, d1), 16)
  v128.store(sums, i32x4.add(c0, d0))
  v128.store(sums, i32x4.add(c3, d3), 48)
  v128.store(sums, i32x4.add(c2, d2), 32)
  v128.store(sums, i32x4.add(c5, d5), 80)
  v128.store(sums, i32x4.add(c4, d4), 64)
  v128.store(sums, i32x4.add(c7, d7), 112)
  v128.store(sums, i32x4.add(c6, d6), 96)
}
