// The f32 linear layer on the WebAssembly tape: assembly/dense-matmul.ts.

import type { DenseWeight } from '../program/weights.ts'
import { ACTIVATION_CODES, placeVector, type LinearOp, type LoadContext, type Lowered } from '../wasm/lowering.ts'
import { DENSE_MATMUL } from '../wasm/opcodes.ts'
import { packPanels, panelElements } from './pack.ts'

/** Sums of one block of 192 rows, 8 columns each, and a line for what is read ahead. */
const SCRATCH_BYTES = 192 * 32 + 64

export function lowerDenseMatmul(op: LinearOp, weight: DenseWeight, name: string, load: LoadContext): Lowered {
  const { N, K } = weight
  const elements = panelElements(N, K)
  const w = load.allocateWeights(`${name} weight`, elements * 4)
  packPanels(weight.data, N, K, load.memory.f32(w, elements))
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    needs: () => ({ scratchBytes: SCRATCH_BYTES }),
    encode({ tape, buffer }) {
      const x = buffer(op.input)
      const y = buffer(op.output).address
      const residual = op.residual === null ? 0 : buffer(op.residual).address
      const activation = ACTIVATION_CODES[op.activation]
      tape.record(
        DENSE_MATMUL,
        [x.rows, K, N, x.address, w, bias, activation, residual, y],
        residual ? [x.address, residual] : [x.address],
        [y],
      )
    },
  }
}
