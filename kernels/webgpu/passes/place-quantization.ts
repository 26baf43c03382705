// The inputs of int8 layers are quantized once: where possible by the embedding or the LayerNorm that makes them, else by
// an op before the first layer that reads them.

import type { BufferId } from '../../program/program.ts'
import type { QuantizedCopy } from '../linear.ts'
import { outputsOf, readsBytes, type GpuOp, type GpuProgram } from './gpu-program.ts'

export function placeQuantization(program: GpuProgram): GpuProgram {
  const ops: GpuOp[] = []
  /** buffers whose quantized copy holds their present contents */
  const fresh = new Map<BufferId, QuantizedCopy>()
  for (const [i, op] of program.ops.entries()) {
    if (op.kind === 'linear') {
      const { name, dtype } = program.buffers[op.input]
      if (dtype === 's8' && !readsBytes(op.weight))
        throw new Error(`program: '${name}' is s8, only int8 layers read it; found a ${op.weight.kind} weight`)
      if (dtype === 'f32' && readsBytes(op.weight)) {
        const { activationScale } = op.weight
        const copy = fresh.get(op.input)
        if (!copy || copy.activationScale !== activationScale) {
          ops.push({ kind: 'quantize', input: op.input, activationScale })
          fresh.set(op.input, { activationScale })
        }
      }
    }
    const copy = op.kind === 'embedding' || op.kind === 'layernorm' ? wantedCopy(program.ops, i) : null
    ops.push(copy ? ({ ...op, copy } as GpuOp) : op)
    for (const output of outputsOf(op)) {
      fresh.delete(output)
      if (copy) fresh.set(output, copy)
    }
  }
  return { ...program, ops }
}

/** The copy that the first int8 layer wants which reads the output of op `i` before it is written again; null for none. */
function wantedCopy(ops: GpuOp[], i: number): QuantizedCopy | null {
  const [output] = outputsOf(ops[i])
  for (const op of ops.slice(i + 1)) {
    if (op.kind === 'linear' && op.input === output && readsBytes(op.weight))
      return { activationScale: op.weight.activationScale }
    if (outputsOf(op).includes(output)) return null
  }
  return null
}
