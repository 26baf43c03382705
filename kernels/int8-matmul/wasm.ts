// The int8 linear layer on the WebAssembly tape: assembly/quantize.ts, then assembly/int8-matmul.ts.

import type { Int8Weight } from '../program/weights.ts'
import { ACTIVATION, DOT_STRATEGY, INT8_MATMUL, TILE_BYTES } from '../wasm/abi.ts'
import { placeVector, type LinearOp, type LoadContext, type Lowered } from '../wasm/lowered.ts'
import { quantized, quantizedCopy } from '../wasm/quantized-rows.ts'
import { int8PanelBytes, packDepth, packInt8Panels, startingSums } from './pack.ts'

export function lowerInt8Matmul(op: LinearOp, weight: Int8Weight, name: string, load: LoadContext): Lowered {
  const { N, K, activationScale } = weight
  const strategy = load.int8
  const bytes = int8PanelBytes(N, K)
  const w = load.allocateWeights(`${name} weight`, bytes)
  packInt8Panels(weight.data, N, K, packDepth(strategy), load.memory.s8(w, bytes))
  const starts = startingSums(weight.data, N, K, strategy)
  const start = load.allocateWeights(`${name} starting sums`, starts.byteLength)
  load.memory.i32(start, starts.length).set(starts)
  const scales = placeVector(load, `${name} scales`, weight.scales)
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    needs: ({ tokens, sequences }) => ({
      ...quantizedCopy('rows', strategy, Math.max(tokens, sequences), K),
      scratchBytes: TILE_BYTES,
    }),
    encode(context) {
      const a = quantized(context, op.input, 'rows', strategy, activationScale)
      const y = context.buffer(op.output)
      const residual = op.residual === null ? 0 : context.buffer(op.residual).address
      const activation = ACTIVATION[op.activation]
      context.tape.record(
        INT8_MATMUL,
        {
          ...{ M: y.rows, K, N, activation, strategy: DOT_STRATEGY[strategy] },
          ...{ a, w, start, wScale: scales, bias, residual, y: y.address },
        },
        residual ? [a, residual] : [a],
        [y.address],
      )
    },
  }
}
