// LayerNorm, first token and mean pooling on the WebAssembly tape: assembly/row-ops.ts.

import type { Op } from '../program/program.ts'
import { FIRST_TOKEN, LAYERNORM, LAYERNORM_BLOCKED, MEAN_POOL } from '../wasm/abi.ts'
import type { LoadContext, Lowered } from '../wasm/lowered.ts'
import { blocksCopy, tokenBlocks } from '../wasm/token-blocks.ts'
import { placeNorm } from './pack.ts'

export function lowerLayernorm(op: Extract<Op, { kind: 'layernorm' }>, name: string, load: LoadContext): Lowered {
  const { gamma, beta } = placeNorm(load, name, op.gamma, op.beta)
  return {
    needs(_shape, _threads, layoutOf) {
      const { rows, isBlocked } = layoutOf(op.output)
      const isTurned = isBlocked && op.residual !== null && !layoutOf(op.residual).isBlocked
      return isTurned ? blocksCopy(rows, op.gamma.length) : {}
    },
    encode(context) {
      const x = context.buffer(op.input)
      const { address: y, isBlocked } = context.buffer(op.output)
      let residual = 0
      if (op.residual !== null)
        residual = isBlocked ? tokenBlocks(context, op.residual) : context.buffer(op.residual).address
      context.tape.record(
        isBlocked ? LAYERNORM_BLOCKED : LAYERNORM,
        { M: x.rows, C: x.width, x: x.address, residual, gamma, beta, epsilon: op.epsilon, y },
        residual ? [x.address, residual] : [x.address],
        [y],
      )
    },
  }
}

export function lowerPooling(op: Extract<Op, { kind: 'first-token' | 'mean-pool' }>): Lowered {
  return {
    needs: () => ({}),
    encode({ tape, buffer, shape, offsets }) {
      const x = buffer(op.input)
      const y = buffer(op.output).address
      const fields = { B: shape.sequences, C: x.width, x: x.address, offsets, y }
      if (op.kind === 'first-token')
        tape.record(FIRST_TOKEN, { ...fields, isBlocked: x.isBlocked ? 1 : 0 }, [x.address], [y])
      else tape.record(MEAN_POOL, { ...fields, isNormalized: op.normalize ? 1 : 0 }, [x.address], [y])
    },
  }
}
