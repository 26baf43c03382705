// A linear layer as a program of its own.

import type { Activation, BufferSpec, Op, Program } from './program.ts'
import type { LeafWeight, LinearWeight } from './weights.ts'

/** A program of one linear layer over rows; a chain has one op per factor. */
export function linearProgram(
  weight: LinearWeight,
  bias: Float32Array | null,
  activation: Activation,
  inputDtype: BufferSpec['dtype'] = 'f32',
): Program {
  const factors: LeafWeight[] = weight.kind === 'chain' ? weight.factors : [weight]
  const buffers: BufferSpec[] = [{ name: 'input', rows: 'tokens', width: weight.K, dtype: inputDtype }]
  const ops = factors.map((factor, i): Op => {
    const isLast = i === factors.length - 1
    buffers.push({ name: isLast ? 'output' : `factor ${i}`, rows: 'tokens', width: factor.N, dtype: 'f32' })
    return {
      kind: 'linear',
      input: i,
      output: i + 1,
      weight: factor,
      bias: isLast ? bias : null,
      activation: isLast ? activation : 'none',
      residual: null,
    }
  })
  return { buffers, ops, input: 0, output: factors.length }
}
