// The f32 linear layer on the WebAssembly tape: assembly/dense-matmul.ts.

import type { DenseWeight } from '../program/weights.ts'
import { ACTIVATION, CACHE_LINE_BYTES, DENSE_MATMUL, DENSE_ROW_BLOCK } from '../wasm/abi.ts'
import { placeVector, type LinearOp, type LoadContext, type Lowered } from '../wasm/lowered.ts'
import { tileNumber } from '../wasm/variant.ts'
import { packPanels, panelElements } from './pack.ts'
import { DENSE_WASM } from './variants.ts'

export function lowerDenseMatmul(op: LinearOp, weight: DenseWeight, name: string, load: LoadContext): Lowered {
  const { N, K } = weight
  const { columns } = load.variants.dense.tile
  const elements = panelElements(N, K, columns)
  const w = load.allocateWeights(`${name} weight`, elements * 4)
  packPanels(weight.data, N, K, columns, load.memory.f32(w, elements))
  const bias = placeVector(load, `${name} bias`, op.bias, columns)
  const number = tileNumber(load.variants.dense, DENSE_WASM)
  // the sums of one block of rows, and a line for what is read ahead
  const scratchBytes = DENSE_ROW_BLOCK * columns * 4 + CACHE_LINE_BYTES
  return {
    needs: () => ({ scratchBytes }),
    encode({ tape, buffer }) {
      const x = buffer(op.input)
      const y = buffer(op.output).address
      const residual = op.residual === null ? 0 : buffer(op.residual).address
      const activation = ACTIVATION[op.activation]
      tape.record(
        DENSE_MATMUL,
        { M: x.rows, K, N, tile: number, activation, x: x.address, w, bias, residual, y },
        residual ? [x.address, residual] : [x.address],
        [y],
      )
    },
  }
}
