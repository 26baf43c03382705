// A program on its way to kernel calls. Each file of this folder is one pass, from program to program; ../compile.ts says
// in which order they run, ../lower.ts makes one kernel call of each op that is left. The passes add to the ops what the
// GPU can do in one dispatch; they change no weight's values and no result.

import type { BufferId, Op, Program } from '../../program/program.ts'
import { inputsOf } from '../../program/stored-weights.ts'
import type { Int8BlockWeight, Int8Weight, LeafWeight } from '../../program/weights.ts'
import type { QuantizedCopy } from '../linear.ts'

export type LinearOp = Extract<Op, { kind: 'linear' }> & {
  /** the first input of a dense f32 layer in a row of its input, a multiple of 16 (group-chains.ts) */
  inputStart?: number
  /** layers that the same dispatch writes (merge-linears.ts) */
  beside?: LinearOp[]
  /** the op before is a quantization, a LayerNorm or a first factor whose work this one may do as well (share-dispatches.ts) */
  includes?: 'quantize' | 'layernorm' | 'factor'
  /** the op after is a LayerNorm whose work this one may do as well (share-dispatches.ts) */
  normalizes?: true
}

export type LayernormOp = Extract<Op, { kind: 'layernorm' }> & {
  /** the int8 layer after it may do it, since no other reads its rows as bytes (fold-norms.ts) */
  isFolded?: true
  /** it also writes the quantized copy of its output (place-quantization.ts) */
  copy?: QuantizedCopy
}

type EmbeddingOp = Extract<Op, { kind: 'embedding' }> & { copy?: QuantizedCopy }

/** Writes the quantized copy of a buffer (place-quantization.ts). */
export interface QuantizeOp extends QuantizedCopy {
  kind: 'quantize'
  input: BufferId
}

/** Which ops need a kernel call only where other calls do not do their work (share-dispatches.ts). */
interface Shared {
  /** indices of the ops that read what this one writes, where no other does */
  readers?: number[]
  /** index of the op that may do this one's work as well, for a LayerNorm */
  writer?: number
}

export type GpuOp = Shared &
  (
    | LinearOp
    | LayernormOp
    | EmbeddingOp
    | QuantizeOp
    | Exclude<Op, { kind: 'linear' } | { kind: 'layernorm' } | { kind: 'embedding' }>
  )

export interface GpuProgram extends Omit<Program, 'ops'> {
  ops: GpuOp[]
}

/** Most layers that one dispatch writes: the shaders have three outputs. */
export const MOST_MERGED = 3

export const readsBytes = (weight: LeafWeight): weight is Int8Weight | Int8BlockWeight =>
  weight.kind === 'int8' || weight.kind === 'int8-1x4'

/** A layer and those beside it. */
export const layersOf = (op: LinearOp): LinearOp[] => [op, ...(op.beside ?? [])]

/** The buffers whose f32 rows an op writes. */
export function outputsOf(op: GpuOp): BufferId[] {
  if (op.kind === 'quantize') return []
  return op.kind === 'linear' ? layersOf(op).map(({ output }) => output) : [op.output]
}

/** True where an op after `i` reads the buffer before one writes it. */
export function isReadLater(ops: GpuOp[], i: number, id: BufferId): boolean {
  for (const op of ops.slice(i + 1)) {
    if (op.kind === 'quantize' ? op.input === id : inputsOf(op).includes(id)) return true
    if (outputsOf(op).includes(id)) return false
  }
  return false
}

/** Op `i` and the linear ops after it that read the same input in the same way: query, key and value. */
export function mergeable(program: GpuProgram, i: number): LinearOp[] {
  const first = program.ops[i] as LinearOp
  const merged = [first]
  if (first.residual !== null) return merged
  const { rows } = program.buffers[first.output]
  for (const op of program.ops.slice(i + 1, i + MOST_MERGED)) {
    if (op.kind !== 'linear' || op.input !== first.input || op.residual !== null) break
    if (op.activation !== first.activation || !isStoredAlike(op.weight, first.weight)) break
    if (program.buffers[op.output].rows !== rows || merged.some(({ output }) => output === op.output)) break
    merged.push(op)
  }
  return merged
}

/** True for weights of one storage format and number of inputs, whose layers can be one dispatch. */
export function isStoredAlike(a: LeafWeight, b: LeafWeight): boolean {
  if (a.kind === 'nm' && b.kind === 'nm' && (a.n !== b.n || a.m !== b.m)) return false
  if (readsBytes(a) && readsBytes(b) && a.activationScale !== b.activationScale) return false
  return a.kind === b.kind && a.K === b.K
}

/** True where the ops after `last` do not read what `op` writes, which only `next` reads and which is a sum with nothing added. */
export function isFactorOf(program: GpuProgram, op: LinearOp, next: GpuOp | undefined, last: number): boolean {
  const { output, bias, activation, residual } = op
  return (
    next?.kind === 'linear' &&
    next.input === output &&
    next.residual !== output &&
    bias === null &&
    activation === 'none' &&
    residual === null &&
    program.output !== output &&
    !isReadLater(program.ops, last, output)
  )
}
