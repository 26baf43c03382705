// Which linear layers have variants that also do the work of the op before them (a quantization, a LayerNorm, the first
// factor of a chain) or of the LayerNorm after them. Whether a run takes such a variant is chosen by its number of rows;
// `readers` and `writer` say whose call may then be left out.

import type { BufferId } from '../../program/program.ts'
import type { DenseWeight } from '../../program/weights.ts'
import { factorsSize, isFusable } from '../../low-rank-linear/webgpu.ts'
import type { LinearPart } from '../linear.ts'
import {
  isFactorOf,
  isReadLater,
  layersOf,
  outputsOf,
  readsBytes,
  type GpuOp,
  type GpuProgram,
  type LinearOp,
} from './gpu-program.ts'

/** @param bytesPerWeight of dense f32 layers, as they are stored */
export function shareDispatches(program: GpuProgram, bytesPerWeight: number): GpuProgram {
  const ops = program.ops.map((op): GpuOp => (op.kind === 'quantize' ? { ...op, readers: [] } : { ...op }))
  const shared = { ...program, ops }
  /** index of the op that quantized the present contents of a buffer, where that was all it did */
  const quantizers = new Map<BufferId, number>()
  for (const [i, op] of ops.entries()) {
    if (op.kind === 'quantize') quantizers.set(op.input, i)
    else if (op.kind === 'linear') {
      const before = i > 0 ? ops[i - 1] : null
      const quantizer = readsBytes(op.weight) ? quantizers.get(op.input) : undefined
      if (quantizer !== undefined) {
        ops[quantizer].readers!.push(i)
        op.includes = 'quantize'
        if (canNormalize(shared, i)) {
          op.normalizes = true
          ops[i + 1].writer = i
        }
      }
      if (before?.kind === 'layernorm' && before.isFolded) {
        op.includes = 'layernorm'
        before.readers = [i]
      } else if (isLastFactor(shared, i, bytesPerWeight)) {
        op.includes = 'factor'
        before!.readers = [i]
      }
    }
    for (const output of outputsOf(op)) quantizers.delete(output)
  }
  return shared
}

/** True where int8 layer `i` may do the LayerNorm after it as well, since no other op reads what that one normalises. */
function canNormalize({ buffers, ops, output }: GpuProgram, i: number): boolean {
  const linear = ops[i] as LinearOp
  const norm = ops.at(i + 1)
  if (linear.beside || norm?.kind !== 'layernorm') return false
  if (norm.input !== linear.output || norm.residual === linear.output) return false
  if (linear.weight.kind !== 'int8' || linear.activation !== 'none' || buffers[linear.input].dtype !== 'f32')
    return false
  if (linear.residual !== null && norm.residual !== null) return false
  // rows are written while others are still read
  if ([linear.input, linear.residual, norm.residual].includes(norm.output)) return false
  if (norm.output === linear.output) return true
  return output !== linear.output && !isReadLater(ops, i + 1, linear.output)
}

/** True where op `i` is the last factors of dense f32 chains whose first ones are op i - 1. */
function isLastFactor(program: GpuProgram, i: number, bytesPerWeight: number): boolean {
  const before = program.ops.at(i - 1)
  const op = program.ops[i] as LinearOp
  if (i === 0 || before?.kind !== 'linear' || before.beside) return false
  if (before.weight.kind !== 'f32' || op.weight.kind !== 'f32' || !isFactorOf(program, before, op, i)) return false
  // of three factors the first two are one dispatch: what is left out must not stand in for another
  if (before.includes === 'factor' && isFusable(sizeOf(program.ops[i - 2] as LinearOp, before, bytesPerWeight)))
    return false
  // outputs are written while other workgroups still read the chain's input
  return !outputsOf(op).includes(before.input)
}

const sizeOf = (first: LinearOp, last: LinearOp, bytesPerWeight: number): ReturnType<typeof factorsSize> =>
  factorsSize(first.weight as DenseWeight, layersOf(last) as LinearPart<DenseWeight>[], bytesPerWeight)
