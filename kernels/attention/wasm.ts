// Attention on the WebAssembly tape: assembly/attention.ts.

import type { Op } from '../runtime/program.ts'
import type { Lowered } from '../runtime/wasm/lowering.ts'
import { ATTENTION } from '../runtime/wasm/opcodes.ts'
import { attentionScratchBytes } from './pack.ts'

export function lowerAttention(op: Extract<Op, { kind: 'attention' }>): Lowered {
  const { heads, headSize } = op
  return {
    needs: ({ longest }) => ({ scratchBytes: attentionScratchBytes(longest, headSize) }),
    encode({ tape, buffer, shape, offsets }) {
      const [q, k, v, y] = [op.query, op.key, op.value, op.output].map((id) => buffer(id).address)
      const words = [shape.sequences, heads, headSize, shape.longest, offsets, q, k, v, y]
      tape.record(ATTENTION, words, [q, k, v], [y])
    },
  }
}
