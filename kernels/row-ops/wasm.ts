// LayerNorm, first token and mean pooling on the WebAssembly tape: assembly/row-ops.ts.

import type { Op } from '../program/program.ts'
import type { LoadContext, Lowered } from '../wasm/lowering.ts'
import { FIRST_TOKEN, LAYERNORM, LAYERNORM_BLOCKED, MEAN_POOL } from '../wasm/opcodes.ts'
import { f32Bits } from '../wasm/tape.ts'
import { blocksForm, tokenBlocks } from '../wasm/token-blocks.ts'
import { placeNorm } from './pack.ts'

export function lowerLayernorm(op: Extract<Op, { kind: 'layernorm' }>, name: string, load: LoadContext): Lowered {
  const { gamma, beta } = placeNorm(load, name, op.gamma, op.beta)
  return {
    needs(_shape, _threads, stands) {
      const { rows, isBlocked } = stands(op.output)
      const isTurned = isBlocked && op.residual !== null && !stands(op.residual).isBlocked
      return isTurned ? blocksForm(rows, op.gamma.length) : {}
    },
    encode(context) {
      const x = context.buffer(op.input)
      const { address: y, isBlocked } = context.buffer(op.output)
      let residual = 0
      if (op.residual !== null)
        residual = isBlocked ? tokenBlocks(context, op.residual) : context.buffer(op.residual).address
      context.tape.record(
        isBlocked ? LAYERNORM_BLOCKED : LAYERNORM,
        [x.rows, x.width, x.address, residual, gamma, beta, f32Bits(op.epsilon), y],
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
      if (op.kind === 'first-token')
        tape.record(
          FIRST_TOKEN,
          [shape.sequences, x.width, x.address, offsets, y, x.isBlocked ? 1 : 0],
          [x.address],
          [y],
        )
      else {
        const words = [shape.sequences, x.width, x.address, offsets, op.normalize ? 1 : 0, y]
        tape.record(MEAN_POOL, words, [x.address], [y])
      }
    },
  }
}
