// How much a batch is to compute: what decides whether waking other threads pays.

import type { BufferSpec } from '../program/program.ts'
import type { LeafWeight } from '../program/weights.ts'
import type { BatchShape } from './lowered.ts'
import type { PackableOp } from './lower.ts'

/** Multiply-adds of a program's ops: of the linear layers, by stored weights, and of attention. */
export class Work {
  #perToken = 0
  #perSequence = 0
  #perSquare = 0

  add(op: PackableOp, buffers: BufferSpec[]): void {
    if (op.kind === 'attention') this.#perSquare += 2 * op.heads * op.headSize
    else if (op.kind === 'linear')
      if (buffers[op.input].rows === 'tokens') this.#perToken += storedWeights(op.weight)
      else this.#perSequence += storedWeights(op.weight)
  }

  /** of a batch of this shape */
  of({ tokens, sequences, offsets }: BatchShape): number {
    let squares = 0
    for (let b = 0; b < sequences; b++) squares += (offsets[b + 1] - offsets[b]) ** 2
    return this.#perToken * tokens + this.#perSequence * sequences + this.#perSquare * squares
  }
}

function storedWeights(weight: LeafWeight): number {
  return weight.kind === 'f32' || weight.kind === 'int8' ? weight.data.length : weight.values.length
}
