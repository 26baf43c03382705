import type { Contract } from '../runtime/contract.ts'

export const ATTENTION: Contract = {
  op: 'attention',
  formula: 'per sequence and head: y[T,D] = softmax(Q[T,D] K[T,D]^T / sqrt(D)) V[T,D]',
  operands: {
    'query, key, value': 'f32 [M, H D]; may be one buffer',
    offsets: 'i32 [B + 1]; no padding: a token sees the tokens of its own sequence',
    y: 'f32 [M, H D]; another buffer than the inputs',
  },
  requires: ['1 <= T <= 512', 'H >= 1, D >= 1'],
  promises: [
    'every element of y is written (WebAssembly: first rows of sequences alone where no op reads others), nothing else',
    'the largest score is subtracted first: no overflow',
  ],
  range: 'a score error of e makes weights off by a factor exp(2 e); exp itself by 4e-7',
  variants: [
    {
      id: 'wasm/attention/panels',
      backend: 'wasm',
      needs: 'SIMD; the 6x8 micro-kernel of dense-matmul',
      wins: 'always',
      status: 'default',
    },
    {
      id: 'webgpu/attention/naive',
      backend: 'webgpu',
      needs: 'nothing',
      wins: 'nowhere: any head size in plain loops, what the others fall back to',
      status: 'teaching',
    },
    {
      id: 'webgpu/attention/direct',
      backend: 'webgpu',
      needs: 'nothing; no workgroup memory',
      wins: 'software adapters',
      status: 'available',
    },
    {
      id: 'webgpu/attention/tiled',
      backend: 'webgpu',
      needs: 'workgroup memory',
      wins: 'real adapters',
      status: 'default',
    },
  ],
}
