// Which LayerNorms an int8 layer may do itself, and the program changed so that it can: the residual is added by the layer
// before, since the kernel has no binding left for it, and the sum stands in a buffer of its own, since the kernel reads
// it while it writes its outputs, which may share a buffer with it.

import type { BufferId, Op, Program } from '../program/program.ts'
import { inputsOf } from '../program/stored-weights.ts'
import type { Int8BlockWeight, Int8Weight, LeafWeight } from '../program/weights.ts'

/** As the GPU runs it: a dense f32 layer may read a part of its input's rows, from a multiple of 16 on. */
export type LinearOp = Extract<Op, { kind: 'linear' }> & { inputStart?: number }
export type LayernormOp = Extract<Op, { kind: 'layernorm' }>

/** Most layers that one dispatch writes: the shaders have three outputs. */
export const MERGED = 3

export const readsBytes = (weight: LeafWeight): weight is Int8Weight | Int8BlockWeight =>
  weight.kind === 'int8' || weight.kind === 'int8-1x4'

export interface Folded {
  program: Program
  /** indices of the LayerNorms whose rows only the layer after them reads as bytes */
  folds: ReadonlySet<number>
}

export function foldNorms(program: Program): Folded {
  const buffers = [...program.buffers]
  const ops = [...program.ops]
  const folds = new Set<number>()
  const sums = new Map<string, BufferId>()
  for (const [i, norm] of program.ops.entries()) {
    if (norm.kind !== 'layernorm' || !isReadByNextAlone(program, i)) continue
    if (norm.residual === null) {
      // in place of a sum of its own, the rows must be no output of the layer
      if (mergeable(program, i + 1).some(({ output }) => output === norm.input)) continue
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
    ops[i] = { ...norm, input: sum, residual: null }
    folds.add(i)
  }
  return { program: { ...program, buffers, ops }, folds }
}

/** True where op `i` is a layer that reads folded LayerNorm `norm`. */
const isReaderOf = (norm: number, program: Program, i: number): boolean =>
  i > norm && i <= norm + mergeable(program, norm + 1).length

/** True where the op after LayerNorm `i` is an int8 layer, or several in one dispatch, and no other reads its bytes. */
function isReadByNextAlone(program: Program, i: number): boolean {
  const { output } = program.ops[i]
  const next = program.ops.at(i + 1)
  if (next?.kind !== 'linear' || next.weight.kind !== 'int8' || next.input !== output || next.residual === output)
    return false
  for (const op of program.ops.slice(i + 1 + mergeable(program, i + 1).length)) {
    if (op.kind === 'linear' && op.input === output && readsBytes(op.weight)) return false
    if (op.output === output) break
  }
  return true
}

/** True where an op after `i` reads the buffer before one writes it. */
export function isReadLater(ops: Op[], i: number, id: BufferId): boolean {
  for (const op of ops.slice(i + 1)) {
    if (inputsOf(op).includes(id)) return true
    if (op.output === id) return false
  }
  return false
}

/** The LayerNorm after int8 layer `i` that the layer may do as well, since no other op reads what it normalises; null for none. */
export function normAfter({ buffers, ops, output }: Program, i: number): LayernormOp | null {
  const linear = ops[i] as LinearOp
  const norm = ops.at(i + 1)
  if (norm?.kind !== 'layernorm' || norm.input !== linear.output || norm.residual === linear.output) return null
  if (linear.weight.kind !== 'int8' || linear.activation !== 'none' || buffers[linear.input].dtype !== 'f32')
    return null
  if (linear.residual !== null && norm.residual !== null) return null
  // rows are written while others are still read
  if ([linear.input, linear.residual, norm.residual].includes(norm.output)) return null
  if (norm.output === linear.output) return norm
  return output === linear.output || isReadLater(ops, i + 1, linear.output) ? null : norm
}

/** Op `i` and the linear ops after it that read the same input in the same way: query, key and value. */
export function mergeable(program: Program, i: number): LinearOp[] {
  const first = program.ops[i] as LinearOp
  const merged = [first]
  if (first.residual !== null) return merged
  const rows = program.buffers[first.output].rows
  for (const op of program.ops.slice(i + 1, i + MERGED)) {
    if (op.kind !== 'linear' || op.input !== first.input || op.residual !== null) break
    if (op.activation !== first.activation || !isSameForm(op.weight, first.weight)) break
    if (program.buffers[op.output].rows !== rows || merged.some(({ output }) => output === op.output)) break
    merged.push(op)
  }
  return merged
}

export function isSameForm(a: LeafWeight, b: LeafWeight): boolean {
  if (a.kind === 'nm' && b.kind === 'nm' && (a.n !== b.n || a.m !== b.m)) return false
  if (readsBytes(a) && readsBytes(b) && a.activationScale !== b.activationScale) return false
  return a.kind === b.kind && a.K === b.K
}
