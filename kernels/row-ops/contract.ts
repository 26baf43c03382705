import type { Contract } from '../program/contract.ts'

export const ROW_OPS: Contract = {
  op: 'row-ops',
  formula:
    'layernorm: y = (s - mean) / sqrt(variance + epsilon) gamma + beta, s = x + residual; ' +
    'first-token: y[b] = x[offsets[b]]; mean-pool: y[b] = mean of the rows of sequence b, over its L2 norm where asked',
  operands: {
    x: 'f32 [M, C]',
    residual: 'f32 [M, C] or none (layernorm)',
    offsets: 'i32 [B + 1] (first-token, mean-pool)',
    y: 'f32 [M, C] or [B, C]; another buffer than x and residual',
  },
  requires: ['C >= 1', 'no empty sequence'],
  promises: ['every element of y is written, nothing else is touched'],
  range: 'two passes over the row: the mean is off by at most (C / 4 + 6) 2^-24 of the largest element',
}
