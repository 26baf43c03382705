import type { Contract } from '../program/contract.ts'

export const EMBEDDING: Contract = {
  op: 'embedding',
  formula: 'y[M,C] = layernorm(word[ids[m]] + position[m - start of its sequence] + type[types[m]])',
  operands: {
    tables: 'f32 [rows, C], or u8 [rows, C] with f32 scale and offset per row: value = offset + scale q',
    ids: 'i32 [M], types i32 [M], offsets i32 [B + 1]',
    y: 'f32 [M, C]',
  },
  requires: ['ids and types inside their tables (checkBatch)', 'no sequence longer than the position table'],
  promises: ['every element of y is written, nothing else is touched', 'int8 tables stay int8 on the device'],
  range: 'the bound of layernorm over an exact sum of three',
}
