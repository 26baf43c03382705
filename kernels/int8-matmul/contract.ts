import type { Contract } from '../program/contract.ts'

export const INT8_MATMUL: Contract = {
  op: 'int8-matmul',
  formula: 'y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]',
  operands: {
    A: 's8 [M, K] in [-127, 127] with aScale f32 [M]; quantized per row from f32 x, or all rows by a calibrated scale (program/quantization.ts), or given',
    W: 's8 [N, K] in [-127, 127], symmetric per output channel; packed once at load, K padded with 0',
    wScale: 'f32 [N]',
    bias: 'f32 [N] or none',
    residual: 'f32 [M, N] or none',
    y: 'f32 [M, N], row-major; another buffer than x and residual',
  },
  requires: ['1 <= K <= 133144', 'N >= 1; M >= 0', 'no byte is -128'],
  promises: [
    'the i32 sums are exact and the same on every backend',
    'every element of y is written, nothing else is touched, the old y is never read',
    'asked for as s8, y is rounded by the rule that rounds x, on the device',
    'an all-zero row of x gives activation(bias)',
    'a row of x with NaN or infinity gives NaN in that row of y, and in no other',
  ],
  range:
    '127 * 127 * K < 2^31 for K <= 133144, so i32 never overflows; i16 pair products of the dot way are at most ' +
    '2 * 127 * 127 = 32258 in i32 lanes; relaxed dot is used only where a probe at start showed it exact',
}
