import type { Contract } from '../runtime/contract.ts'

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
  ],
  range: 'f32: the bound of dense-matmul with the number of stored weights in the row for K; int8 as in int8-matmul',
  variants: [
    {
      id: 'wasm/sparse-matmul/csr/32-tokens',
      backend: 'wasm',
      needs: 'SIMD; x transposed to [K][M]',
      wins: 'against dense f32 from about 60 % zeros',
      status: 'default',
    },
    {
      id: 'wasm/sparse-matmul/int8-1x4',
      backend: 'wasm',
      needs: 'the dot of int8-matmul; x as [K / 4][M][4]',
      wins: 'against dense int8 from about 35 % zero blocks',
      status: 'default',
    },
    {
      id: 'wasm/sparse-matmul/nm/6x8',
      backend: 'wasm',
      needs: 'SIMD',
      wins: 'against dense f32: half of the products at 2:4',
      status: 'default',
    },
    { id: 'webgpu/sparse-matmul/csr', backend: 'webgpu', needs: 'nothing', wins: 'high sparsity', status: 'default' },
    {
      id: 'webgpu/sparse-matmul/int8-1x4',
      backend: 'webgpu',
      needs: 'dot4I8Packed',
      wins: 'high block sparsity',
      status: 'default',
    },
    {
      id: 'webgpu/sparse-matmul/nm',
      backend: 'webgpu',
      needs: 'nothing',
      wins: 'half of the products at 2:4',
      status: 'default',
    },
  ],
}
