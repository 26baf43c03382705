// embedding: Y[m] = layernorm(word[id[m]] + position[index of m in its sequence] + type[type[m]])
// Contract   kernels/embedding/contract.ts      GPU  shaders/embedding.wgsl
// Layout     tables row-major, f32 or u8 with one scale and one offset per row (value = offset + scale * byte)
// Plan       a thread owns a range of tokens; the row is summed in place in Y and normalised there
// Needs      nothing of C
// Source     own derivation

import { EmbeddingRecord } from './abi'
import { madd } from './lib/simd'
import { normalizeRow } from './row-ops'
import { sliceBegin } from './tape'

export function embedding(record: usize, thread: i32, threads: i32): void {
  const args = changetype<EmbeddingRecord>(record)
  const M = args.M, C = args.C, B = args.B
  const offsets = args.offsets, ids = args.ids, types = args.types
  const gamma = args.gamma, beta = args.beta
  const epsilon = args.epsilon
  const y = args.y
  const first = sliceBegin(M, thread, threads), last = sliceBegin(M, thread + 1, threads)
  let b = 0
  for (let m = first; m < last; m++) {
    while (b + 1 < B && load<i32>(offsets + (<usize>b << 2), 4) <= m) b++
    const to = y + (<usize>m * <usize>C << 2)
    const position = m - load<i32>(offsets + (<usize>b << 2))
    memory.fill(to, 0, <usize>C << 2)
    addRow(args.word, args.wordScales, args.wordOffsets, load<i32>(ids + (<usize>m << 2)), C, to)
    addRow(args.position, args.positionScales, args.positionOffsets, position, C, to)
    addRow(args.type, args.typeScales, args.typeOffsets, load<i32>(types + (<usize>m << 2)), C, to)
    normalizeRow(to, C, gamma, beta, epsilon)
  }
}

/** Adds row `row` of a table to y [C]: f32, or u8 where there are `tableScales`. */
function addRow(data: usize, tableScales: usize, tableOffsets: usize, row: i32, C: i32, y: usize): void {
  const end = y + (<usize>C << 2)
  const vectorEnd = y + (<usize>(C & ~3) << 2)
  if (tableScales == 0) {
    let x = data + (<usize>row * <usize>C << 2)
    for (; y < vectorEnd; y += 16, x += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(x)))
    for (; y < end; y += 4, x += 4) store<f32>(y, load<f32>(y) + load<f32>(x))
    return
  }
  let x = data + <usize>row * <usize>C
  const scale = load<f32>(tableScales + (<usize>row << 2))
  const offset = load<f32>(tableOffsets + (<usize>row << 2))
  const scales = f32x4.splat(scale), base = f32x4.splat(offset)
  for (; y < vectorEnd; y += 16, x += 4) {
    const words = i16x8.extend_low_i8x16_u(v128.load32_zero(x))
    const values = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(words))
    v128.store(y, f32x4.add(v128.load(y), madd(values, scales, base)))
  }
  for (; y < end; y += 4, x += 1) store<f32>(y, load<f32>(y) + (offset + scale * <f32>load<u8>(x)))
}
