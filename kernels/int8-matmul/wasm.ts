// The int8 linear layer on the WebAssembly tape: assembly/quantize.ts, then assembly/int8-matmul.ts.

import type { Int8Weight } from '../program/weights.ts'
import {
  ACTIVATION_CODES,
  INT8_PATH_CODES,
  placeVector,
  type LinearOp,
  type LoadContext,
  type Lowered,
} from '../wasm/lowering.ts'
import { INT8_MATMUL } from '../wasm/opcodes.ts'
import { quantized, quantizedForm } from '../wasm/quantized-rows.ts'
import { int8PanelBytes, packDepth, packInt8Panels, startingSums } from './pack.ts'

/** Sums of one tile: 6 rows, 8 columns. */
const SCRATCH_BYTES = 192

export function lowerInt8Matmul(op: LinearOp, weight: Int8Weight, name: string, load: LoadContext): Lowered {
  const { N, K, activationScale } = weight
  const path = load.int8
  const bytes = int8PanelBytes(N, K)
  const w = load.allocateWeights(`${name} weight`, bytes)
  packInt8Panels(weight.data, N, K, packDepth(path), load.memory.s8(w, bytes))
  const starts = startingSums(weight.data, N, K, path)
  const start = load.allocateWeights(`${name} starting sums`, starts.byteLength)
  load.memory.i32(start, starts.length).set(starts)
  const scales = placeVector(load, `${name} scales`, weight.scales)
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    needs: ({ tokens, sequences }) => ({
      ...quantizedForm('rows', path, Math.max(tokens, sequences), K),
      scratchBytes: SCRATCH_BYTES,
    }),
    encode(context) {
      const a = quantized(context, op.input, 'rows', path, activationScale)
      const y = context.buffer(op.output)
      const residual = op.residual === null ? 0 : context.buffer(op.residual).address
      const activation = ACTIVATION_CODES[op.activation]
      context.tape.record(
        INT8_MATMUL,
        [y.rows, K, N, a, w, start, scales, bias, activation, residual, y.address, INT8_PATH_CODES[path]],
        residual ? [a, residual] : [a],
        [y.address],
      )
    },
  }
}
