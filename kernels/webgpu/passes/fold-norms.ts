// Marks the LayerNorms that the int8 layer after them may do itself, and changes the program so that it can: the layer
// before adds the residual, since the kernel has no binding left for it, and the sum has a buffer that nothing else uses,
// since the kernel reads it while it writes its outputs, which may share a buffer with it.

import type { BufferId } from '../../program/program.ts'
import { isReadLater, mergeable, outputsOf, readsBytes, type GpuProgram } from './gpu-program.ts'

export function foldNorms(program: GpuProgram): GpuProgram {
  const buffers = [...program.buffers]
  const ops = [...program.ops]
  /** indices of the marked ones */
  const folds = new Set<number>()
  const sums = new Map<string, BufferId>()
  for (const [i, norm] of program.ops.entries()) {
    if (norm.kind !== 'layernorm' || !isReadByNextAlone(program, i)) continue
    if (norm.residual === null) {
      // the kernel reads these rows in place of a sum: they must be no output of the layer
      if (mergeable(program, i + 1).some(({ output }) => output === norm.input)) continue
      ops[i] = { ...norm, isFolded: true }
      folds.add(i)
      continue
    }
    const before = ops[i - 1]
    if (before?.kind !== 'linear' || before.output !== norm.input || before.residual !== null) continue
    if (program.output === norm.input || isReadLater(program.ops, i, norm.input)) continue
    // a layer that does a LayerNorm already would write the sums that it reads, or leave the dispatch of its neighbours
    if ([...folds].some((folded) => isReaderOf(folded, program, i - 1))) continue
    const { rows, width } = buffers[norm.input]
    const key = `${rows} ${width}`
    let sum = sums.get(key)
    if (sum === undefined) {
      sum = buffers.push({ name: `sum of ${width}`, rows, width, dtype: 'f32' }) - 1
      sums.set(key, sum)
    }
    ops[i - 1] = { ...before, residual: norm.residual, output: sum }
    ops[i] = { ...norm, input: sum, residual: null, isFolded: true }
    folds.add(i)
  }
  return { ...program, buffers, ops }
}

/** True where op `i` is a layer that reads folded LayerNorm `norm`. */
const isReaderOf = (norm: number, program: GpuProgram, i: number): boolean =>
  i > norm && i <= norm + mergeable(program, norm + 1).length

/** True where the op after LayerNorm `i` is an int8 layer, or several in one dispatch, and no other reads its bytes. */
function isReadByNextAlone(program: GpuProgram, i: number): boolean {
  const [output] = outputsOf(program.ops[i])
  const next = program.ops.at(i + 1)
  if (next?.kind !== 'linear' || next.weight.kind !== 'int8' || next.input !== output || next.residual === output)
    return false
  for (const op of program.ops.slice(i + 1 + mergeable(program, i + 1).length)) {
    if (op.kind === 'linear' && op.input === output && readsBytes(op.weight)) return false
    if (outputsOf(op).includes(output)) break
  }
  return true
}
