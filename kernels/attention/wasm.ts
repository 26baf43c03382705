// Attention on the WebAssembly tape: assembly/attention.ts.

import type { Op } from '../program/program.ts'
import type { Lowered } from '../wasm/lowering.ts'
import { ATTENTION } from '../wasm/opcodes.ts'
import { attentionScratchBytes } from './pack.ts'

/** Tokens from which a sequence gains by integers: at 32 the rounding of Q, K and V costs what the tiles save. At least 16. */
const LEAST_I16 = 48

export interface AttentionUse {
  /** no other rows of the output are read than the first ones of sequences */
  isFirstOnly: boolean
  /** query, key and value come from int8 layers */
  isOfInt8: boolean
}

export function lowerAttention(
  op: Extract<Op, { kind: 'attention' }>,
  { isFirstOnly, isOfInt8 }: AttentionUse,
): Lowered {
  const { heads, headSize } = op
  const leastI16 = isOfInt8 && headSize % 8 === 0 ? LEAST_I16 : 0
  return {
    needs: ({ longest }) => ({ scratchBytes: attentionScratchBytes(longest, headSize) }),
    encode({ tape, buffer, shape, offsets }) {
      const [q, k, v, y] = [op.query, op.key, op.value, op.output].map((id) => buffer(id).address)
      const how = [isFirstOnly ? 1 : 0, leastI16]
      const words = [shape.sequences, heads, headSize, shape.longest, offsets, q, k, v, y, ...how]
      tape.record(ATTENTION, words, [q, k, v], [y])
    },
  }
}
