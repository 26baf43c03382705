// embedding: Y[m] = layernorm(word[id[m]] + position[index of m in its sequence] + type[type[m]])
// Contract   kernels/embedding/contract.ts      Twin  shaders/embedding.wgsl
// Layout     tables row-major, f32 or u8 with one scale and one offset per row (value = offset + scale * byte)
// Plan       a thread owns a range of tokens; the row is summed in place in Y and normalised there
// Needs      nothing of C
// Source     own derivation

import { madd } from './lib/simd'
import { normalizeRow } from './row-ops'
import { pointer, real, sliceBegin, word } from './tape'

/** A table in a record: kind (0: f32, 1: u8), data, scales f32 [rows], offsets f32 [rows]. */
const TABLE_WORDS: i32 = 4

/** Record: M, C, B, offsets i32 [B + 1], ids, types, word table, position table, type table, gamma, beta, epsilon, y */
export function embedding(record: usize, thread: i32, threads: i32): void {
  const M = word(record, 0), C = word(record, 1), B = word(record, 2)
  const offsets = pointer(record, 3), ids = pointer(record, 4), types = pointer(record, 5)
  const gamma = pointer(record, 18), beta = pointer(record, 19)
  const epsilon = real(record, 20)
  const y = pointer(record, 21)
  const first = sliceBegin(M, thread, threads), last = sliceBegin(M, thread + 1, threads)
  let b = 0
  for (let m = first; m < last; m++) {
    while (b + 1 < B && load<i32>(offsets + (<usize>b << 2), 4) <= m) b++
    const to = y + (<usize>m * <usize>C << 2)
    const position = m - load<i32>(offsets + (<usize>b << 2))
    memory.fill(to, 0, <usize>C << 2)
    addRow(record, 6, load<i32>(ids + (<usize>m << 2)), C, to)
    addRow(record, 6 + TABLE_WORDS, position, C, to)
    addRow(record, 6 + 2 * TABLE_WORDS, load<i32>(types + (<usize>m << 2)), C, to)
    normalizeRow(to, C, gamma, beta, epsilon)
  }
}

/** Adds row `row` of the table that begins at argument `table` to y [C]. */
function addRow(record: usize, table: i32, row: i32, C: i32, y: usize): void {
  const data = pointer(record, table + 1)
  const end = y + (<usize>C << 2)
  const vectorEnd = y + (<usize>(C & ~3) << 2)
  if (word(record, table) == 0) {
    let x = data + (<usize>row * <usize>C << 2)
    for (; y < vectorEnd; y += 16, x += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(x)))
    for (; y < end; y += 4, x += 4) store<f32>(y, load<f32>(y) + load<f32>(x))
    return
  }
  let x = data + <usize>row * <usize>C
  const scale = load<f32>(pointer(record, table + 2) + (<usize>row << 2))
  const offset = load<f32>(pointer(record, table + 3) + (<usize>row << 2))
  const scales = f32x4.splat(scale), base = f32x4.splat(offset)
  for (; y < vectorEnd; y += 16, x += 4) {
    const words = i16x8.extend_low_i8x16_u(v128.load32_zero(x))
    const values = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(words))
    v128.store(y, f32x4.add(v128.load(y), madd(values, scales, base)))
  }
  for (; y < end; y += 4, x += 1) store<f32>(y, load<f32>(y) + (offset + scale * <f32>load<u8>(x)))
}
