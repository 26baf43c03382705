import type { Contract } from '../program/contract.ts'

export const DENSE_MATMUL: Contract = {
  op: 'dense-matmul',
  formula: 'y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N]',
  operands: {
    x: 'f32 [M, K], row-major',
    W: 'f32 [N, K], row-major; packed once at load, on WebGPU in half precision where the caller asks for it (precision)',
    bias: 'f32 [N] or none',
    residual: 'f32 [M, N] or none',
    y: 'f32 [M, N], row-major; another buffer than x and residual',
  },
  requires: [
    'K >= 1, N >= 1; M >= 0',
    'finite operands',
    'precision f16-weights and f16: |W| <= 65504',
    'precision f16: |x| <= 65504, and so is sum |x||W| over any 32 neighbouring inputs',
  ],
  promises: [
    'activation: none, gelu (erf), gelu_tanh, silu, relu or tanh; of NaN each is NaN',
    'every element of y is written',
    'nothing else is touched',
    'the old y is never read',
    'M = 0 is a no-op',
  ],
  range:
    'f32 sums of K products in one chain: |error| <= (K + 2) 2^-24 sum |x||W|, then 2 roundings for the bias; every activation but relu ' +
    'add at most 1e-6 max(1, |x|) and stretch earlier errors by at most 1.13; f16-weights and f16: each weight is the nearest half, ties to even, without subnormals, ' +
    'so that the sum moves by at most sum |x| max(2^-11 |W|, 2^-15), and the bound above holds for the rounded weights; f16, where its kernel is chosen: 35 2^-11 sum |x||W| + 2^-14 sum (2 + |W|) ' +
    'more: one rounding of x, 32 products and 32 sums in f16 where adapters may flush subnormals, one chain of f32 sums',
}
