// Layers that read one input in the same way, query, key and value say, become one op: one dispatch writes them all.

import { mergeable, type GpuProgram } from './gpu-program.ts'

export function mergeLinears(program: GpuProgram): GpuProgram {
  const ops: GpuProgram['ops'] = []
  for (let i = 0; i < program.ops.length;) {
    const op = program.ops[i]
    const [, ...beside] = op.kind === 'linear' ? mergeable(program, i) : [op]
    ops.push(op.kind === 'linear' && beside.length > 0 ? { ...op, beside: beside as (typeof op)[] } : op)
    i += 1 + beside.length
  }
  return { ...program, ops }
}
