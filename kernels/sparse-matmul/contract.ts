import type { Contract } from '../program/contract.ts'

export const SPARSE_MATMUL: Contract = {
  op: 'sparse-matmul',
  formula: 'y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the sum over the stored weights alone',
  operands: {
    x: 'f32 [M, K]; for 1x4 blocks quantized as in int8-matmul',
    csr: 'rowOffsets u32 [N + 1], columns u16 [Z] rising within a row, values f32 [Z]',
    'int8-1x4': 'rowOffsets u32 [N + 1], block columns u16 [Zb], values s8 [Zb, 4], scales f32 [N]',
    nm: 'n of every m inputs, one list u16 [ceil(N / 32), P] for 32 outputs, values f32 [N, P], P = K n / m',
    bias: 'f32 [N] or none',
    residual: 'f32 [M, N] or none',
    y: 'f32 [M, N], row-major; another buffer than x and residual',
  },
  requires: [
    '1 <= K <= 65536 (u16 columns)',
    'N >= 1; M >= 0',
    'rising columns',
    'K % 4 == 0 for 1x4, K % m == 0 for n:m',
  ],
  promises: [
    'every element of y is written, an empty row gives activation(bias)',
    'nothing else is touched, the old y is never read',
    'the i32 sums of 1x4 blocks are exact and the same on every backend',
    'int8-1x4: a row of x with NaN or infinity gives NaN in that row of y, and in no other',
  ],
  range: 'f32: the bound of dense-matmul with the number of stored weights in the row for K; int8 as in int8-matmul',
}
