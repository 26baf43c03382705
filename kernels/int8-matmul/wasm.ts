// The int8 linear layer on the WebAssembly tape: assembly/quantize.ts, then assembly/int8-matmul.ts.

import type { Int8Weight } from '../program/weights.ts'
import { ACTIVATION, CACHE_LINE_BYTES, INT8_MATMUL } from '../wasm/abi.ts'
import { placeVector, type LinearOp, type LoadContext, type Lowered } from '../wasm/lowered.ts'
import { quantized, quantizedCopy } from '../wasm/quantized-rows.ts'
import { tileNumber } from '../wasm/variant.ts'
import { int8PanelBytes, packDepth, packInt8Panels, startingSums } from './pack.ts'
import { INT8_WASM } from './variants.ts'

export function lowerInt8Matmul(op: LinearOp, weight: Int8Weight, name: string, load: LoadContext): Lowered {
  const { N, K, activationScale } = weight
  const { tile, dotStrategy: strategy } = load.variants.int8
  const { columns } = tile
  const bytes = int8PanelBytes(N, K, columns)
  const w = load.allocateWeights(`${name} weight`, bytes)
  packInt8Panels(weight.data, N, K, { columns, depth: packDepth(strategy) }, load.memory.s8(w, bytes))
  const starts = startingSums(weight.data, N, K, columns, strategy)
  const start = load.allocateWeights(`${name} starting sums`, starts.byteLength)
  load.memory.i32(start, starts.length).set(starts)
  const scales = placeVector(load, `${name} scales`, weight.scales, columns)
  const bias = placeVector(load, `${name} bias`, op.bias, columns)
  const number = tileNumber(load.variants.int8, INT8_WASM)
  return {
    needs: ({ tokens, sequences }) => ({
      ...quantizedCopy('rows', strategy, Math.max(tokens, sequences), K),
      // where a tile's sums go, and the sums
      scratchBytes: CACHE_LINE_BYTES + tile.rows * columns * 4,
    }),
    encode(context) {
      const a = quantized(context, op.input, 'rows', strategy, activationScale)
      const y = context.buffer(op.output)
      const residual = op.residual === null ? 0 : context.buffer(op.residual).address
      const activation = ACTIVATION[op.activation]
      context.tape.record(
        INT8_MATMUL,
        {
          ...{ M: y.rows, K, N, tile: number, activation },
          ...{ a, w, start, wScale: scales, bias, residual, y: y.address },
        },
        residual ? [a, residual] : [a],
        [y.address],
      )
    },
  }
}
