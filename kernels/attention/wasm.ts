// Attention on the WebAssembly tape: assembly/attention.ts.

import type { Op } from '../runtime/program.ts'
import type { Lowered } from '../runtime/wasm/lowering.ts'
import { ATTENTION } from '../runtime/wasm/opcodes.ts'
import { attentionScratchBytes } from './pack.ts'

/** @param isFirstOnly no other rows of the output are read than the first ones of sequences */
export function lowerAttention(op: Extract<Op, { kind: 'attention' }>, isFirstOnly: boolean): Lowered {
  const { heads, headSize } = op
  return {
    needs: ({ longest }) => ({ scratchBytes: attentionScratchBytes(longest, headSize) }),
    encode({ tape, buffer, shape, offsets }) {
      const [q, k, v, y] = [op.query, op.key, op.value, op.output].map((id) => buffer(id).address)
      const words = [shape.sequences, heads, headSize, shape.longest, offsets, q, k, v, y, isFirstOnly ? 1 : 0]
      tape.record(ATTENTION, words, [q, k, v], [y])
    },
  }
}
