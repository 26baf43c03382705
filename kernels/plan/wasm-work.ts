// How much a batch is to compute: what decides whether waking other threads pays.

import type { Program } from '../runtime/program.ts'
import type { LeafWeight } from '../runtime/weights.ts'
import type { BatchShape } from '../runtime/wasm/lowering.ts'

/** Multiply-adds of the linear layers, by stored weights, and of attention. */
export function multiplyAdds(program: Program, { tokens, sequences, offsets }: BatchShape): number {
  let squares = 0
  for (let b = 0; b < sequences; b++) squares += (offsets[b + 1] - offsets[b]) ** 2
  let total = 0
  for (const op of program.ops)
    if (op.kind === 'linear')
      total += storedWeights(op.weight) * (program.buffers[op.input].rows === 'tokens' ? tokens : sequences)
    else if (op.kind === 'attention') total += 2 * squares * op.heads * op.headSize
  return total
}

function storedWeights(weight: LeafWeight): number {
  return weight.kind === 'f32' || weight.kind === 'int8' ? weight.data.length : weight.values.length
}
