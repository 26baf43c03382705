import type { Contract } from '../program/contract.ts'

export const LOW_RANK_LINEAR: Contract = {
  op: 'low-rank-linear',
  formula: 'y[M,N] = activation(((x[M,K] F0[R,K]^T) ...) Fn[N,R]^T + bias[N]) + residual[M,N], two or three factors',
  operands: {
    x: 'f32 [M, K]',
    factors: 'any one-kernel weights, factors[i].N == factors[i + 1].K; each runs as its own operation says',
    bias: 'f32 [N] or none',
    y: 'f32 [M, N], row-major',
  },
  requires: ['2 or 3 factors', 'what each factor requires'],
  promises: ['what each factor promises; bias, activation and residual belong to the last factor alone'],
  range:
    'errors of one factor pass through the next: two f32 factors are off by at most (K + 2) 2^-24 sum_r |F1[n,r]| sum_k |x||F0[r,k]| ' +
    '+ (R + 2) 2^-24 sum_r |F1[n,r]| (|rank r| + its error), then what the epilogue of dense-matmul adds',
}
