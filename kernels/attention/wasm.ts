// Attention on the WebAssembly tape: assembly/attention.ts and what it calls in assembly/lib.

import { positionsOfBias, type Op } from '../program/program.ts'
import { ATTENTION, PANEL } from '../wasm/abi.ts'
import { placeVector, type LoadContext, type Lowered } from '../wasm/lowered.ts'
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
  name: string,
  load: LoadContext,
): Lowered {
  const { heads: H, headSize: D, distanceBias } = op
  const leastI16 = isOfInt8 && !distanceBias && D % PANEL === 0 ? LEAST_I16 : 0
  const P = distanceBias ? positionsOfBias(distanceBias, H) : 0
  // the softmax multiplies score and bias by 1 / sqrt(D) at once
  const scaled = distanceBias?.map((value) => value * Math.sqrt(D)) ?? null
  const bias = placeVector(load, `${name} distance bias`, scaled)
  return {
    needs: ({ longest }) => ({ scratchBytes: attentionScratchBytes(longest, D) }),
    encode({ tape, buffer, shape, offsets }) {
      const [q, k, v, y] = [op.query, op.key, op.value, op.output].map((id) => buffer(id).address)
      const { sequences: B, longest } = shape
      tape.record(
        ATTENTION,
        { B, H, D, longest, isFirstOnly: isFirstOnly ? 1 : 0, leastI16, P, offsets, q, k, v, y, bias },
        [q, k, v],
        [y],
      )
    },
  }
}
