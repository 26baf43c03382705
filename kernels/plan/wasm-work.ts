// How much a batch is to compute: what decides whether waking other threads pays.

import type { Program } from '../runtime/program.ts'
import type { LeafWeight } from '../runtime/weights.ts'
import type { BatchShape } from '../runtime/wasm/lowering.ts'

/** Multiply-adds of a batch: of the linear layers, by stored weights, and of attention. */
export function workOf({ buffers, ops }: Program): (shape: BatchShape) => number {
  let perToken = 0
  let perSequence = 0
  let perSquare = 0
  for (const op of ops)
    if (op.kind === 'attention') perSquare += 2 * op.heads * op.headSize
    else if (op.kind === 'linear')
      if (buffers[op.input].rows === 'tokens') perToken += storedWeights(op.weight)
      else perSequence += storedWeights(op.weight)
  return ({ tokens, sequences, offsets }) => {
    let squares = 0
    for (let b = 0; b < sequences; b++) squares += (offsets[b + 1] - offsets[b]) ** 2
    return perToken * tokens + perSequence * sequences + perSquare * squares
  }
}

function storedWeights(weight: LeafWeight): number {
  return weight.kind === 'f32' || weight.kind === 'int8' ? weight.data.length : weight.values.length
}
