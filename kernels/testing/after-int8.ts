// Attention between int8 layers, which takes its integers.

import type { Op, Program } from '../program/program.ts'
import { randomWeight } from './weights.ts'

/** Query, key and value of int8 layers, values about 1: context of a size that bounds can be compared with. */
export function afterInt8(
  heads: number,
  headSize: number,
  random: () => number,
  distanceBias: Float32Array | null = null,
): Program {
  const width = heads * headSize
  const rows = { rows: 'tokens', width, dtype: 'f32' } as const
  const linear = (output: number): Op => ({
    kind: 'linear',
    input: 0,
    output,
    weight: randomWeight(output === 2 ? 'int8-1x4' : 'int8', width, 16, random, { density: 0.8 }),
    bias: output === 3 ? new Float32Array(width).fill(1) : null,
    activation: 'none',
    residual: null,
  })
  return {
    buffers: [{ name: 'x', rows: 'tokens', width: 16, dtype: 'f32' }, ...'qkvy'].map((b) =>
      typeof b === 'string' ? { name: b, ...rows } : b,
    ) as Program['buffers'],
    ops: [
      linear(1),
      linear(2),
      linear(3),
      { kind: 'attention', query: 1, key: 2, value: 3, output: 4, heads, headSize, distanceBias },
    ],
    input: 0,
    output: 4,
  }
}
