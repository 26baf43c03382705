// Sparse rows for engines that run pairs of vectors as one of 256 bits: 32 tokens are 4 sums there, too few to hide the latency
// of a multiply-add, so that every other weight has sums of its own. Layouts as in sparse-rows.ts.

import { OF_BYTES, OF_F32, step } from './sparse-rows'

// @ts-ignore: decorator
@inline
function row(kind: i32, x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  let c0 = v128.load(sums), c1 = v128.load(sums, 16), c2 = v128.load(sums, 32), c3 = v128.load(sums, 48), c4 = v128.load(sums, 64), c5 = v128.load(sums, 80), c6 = v128.load(sums, 96), c7 = v128.load(sums, 112)
  const zero = i32x4.splat(0)
  let d0 = zero, d1 = zero, d2 = zero, d3 = zero, d4 = zero, d5 = zero, d6 = zero, d7 = zero
  for (const pairs = column + ((end - column) & ~3); column != pairs; column += 4, value += 8) {
    let at = x + (<usize>load<u16>(column) << 7)
    let s = v128.load32_splat(value)
    c0 = step(kind, s, v128.load(at), c0); c1 = step(kind, s, v128.load(at, 16), c1)
    c2 = step(kind, s, v128.load(at, 32), c2); c3 = step(kind, s, v128.load(at, 48), c3)
    c4 = step(kind, s, v128.load(at, 64), c4); c5 = step(kind, s, v128.load(at, 80), c5)
    c6 = step(kind, s, v128.load(at, 96), c6); c7 = step(kind, s, v128.load(at, 112), c7)
    at = x + (<usize>load<u16>(column, 2) << 7)
    s = v128.load32_splat(value, 4)
    d0 = step(kind, s, v128.load(at), d0); d1 = step(kind, s, v128.load(at, 16), d1)
    d2 = step(kind, s, v128.load(at, 32), d2); d3 = step(kind, s, v128.load(at, 48), d3)
    d4 = step(kind, s, v128.load(at, 64), d4); d5 = step(kind, s, v128.load(at, 80), d5)
    d6 = step(kind, s, v128.load(at, 96), d6); d7 = step(kind, s, v128.load(at, 112), d7)
  }
  if (column != end) {
    const at = x + (<usize>load<u16>(column) << 7)
    const s = v128.load32_splat(value)
    c0 = step(kind, s, v128.load(at), c0); c1 = step(kind, s, v128.load(at, 16), c1)
    c2 = step(kind, s, v128.load(at, 32), c2); c3 = step(kind, s, v128.load(at, 48), c3)
    c4 = step(kind, s, v128.load(at, 64), c4); c5 = step(kind, s, v128.load(at, 80), c5)
    c6 = step(kind, s, v128.load(at, 96), c6); c7 = step(kind, s, v128.load(at, 112), c7)
  }
  storePair(kind, sums, c0, d0, c1, d1)
  storePair(kind, sums + 32, c2, d2, c3, d3)
  storePair(kind, sums + 64, c4, d4, c5, d5)
  storePair(kind, sums + 96, c6, d6, c7, d7)
}

/** The sums of both chains, the higher address first: the order in which an engine joins stores. */
// @ts-ignore: decorator
@inline
function storePair(kind: i32, to: usize, c0: v128, d0: v128, c1: v128, d1: v128): void {
  v128.store(to, kind == OF_F32 ? f32x4.add(c1, d1) : i32x4.add(c1, d1), 16)
  v128.store(to, kind == OF_F32 ? f32x4.add(c0, d0) : i32x4.add(c0, d0))
}

/** 32 tokens, f32. */
export function csr_row_wide_32(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_F32, x, column, end, value, sums)
}
/** 32 tokens, bytes. */
export function block_row_relaxed_wide_32(x: usize, column: usize, end: usize, value: usize, sums: usize): void {
  row(OF_BYTES, x, column, end, value, sums)
}
