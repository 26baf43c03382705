import type { Contract } from '../runtime/contract.ts'

export const LOW_RANK_LINEAR: Contract = {
  op: 'low-rank-linear',
  formula: 'y[M,N] = activation(((x[M,K] F0[R,K]^T) ...) Fn[N,R]^T + bias[N]) + residual[M,N], two or three factors',
  operands: {
    x: 'f32 [M, K]',
    factors: 'any one-kernel weights, factors[i].N == factors[i + 1].K; each runs as its own room says',
    bias: 'f32 [N] or none',
    y: 'f32 [M, N], row-major',
  },
  requires: ['2 or 3 factors', 'what each factor requires'],
  promises: ['what each factor promises; bias, activation and residual belong to the last factor alone'],
  range:
    'errors of one factor pass through the next: bounded by the sum of the factors own bounds times the norms after them',
  variants: [],
}
