// Sparse layers without a pattern that are not sparse enough for a GPU: they run as the dense layers they are, and only
// that format is packed. By density alone, since the number of rows is not known at load and both formats at once would take
// the memory of both.
//
// By arithmetic for a large GPU, not measured. Sliced ELLPACK reads one vec4 of 4 rows from workgroup memory per entry,
// at its own index: 8 threads at a time meet 2.6 deep in 8 groups of banks on average, so that 32 entries take 4 x
// 2.6 clocks of 128 bytes, 12 entries of 4 rows a clock. A dense f32 tile, 8 x 4 outputs a thread, comes to half of 128
// multiply-adds a clock: 64. So an entry costs about 5 weights. Instructions say more: 4.9 times those of a dense tile
// for each multiply-add on AMD and 7.7 on NVIDIA, for words of 4 int8 weights 4.9, and on NVIDIA 4.7 times the clocks of
// dot4I8Packed at half the rate of f32 (docs/gpu-isa.md). With matrices, at a fifth of their ceiling, an entry costs about
// 9 words. Memory says the same at 16 rows, where 6 bytes of an entry are read four times and 4 bytes of a weight once;
// for up to 4 rows alone sparse layers up to 66 % would read less.
//
// n:m layers gather inputs once for 32 outputs: 1.2 to 1.5 times the instructions of a dense tile for each product kept.

import type { DenseWeight, Int8Weight } from '../../program/weights.ts'
import type { Program } from '../../program/program.ts'
import { denseForm, densityOf, isSparse, type SparseWeight } from '../../sparse-matmul/dense-form.ts'
import { isTileSparse } from '../../sparse-matmul/pack-tiles.ts'
import type { GpuContext } from '../context.ts'
import { mergeable, type LinearOp } from './gpu-program.ts'

/** Weights, or words of 4 int8 weights, of the dense kernel in the time of one stored entry. */
const ENTRY_COST = { csr: 6, words: 5, matrices: 9, nm: 1.5 }
/** A layer stays sparse, for its memory, unless that takes so many times as long. */
const WORTH = 1.25

type Choosing = Pick<GpuContext, 'usesTiled' | 'usesMatrices' | 'keepsSparse'>

/** Share of stored entries above which a layer of that kind is faster dense, on a device as the context says. */
export function mostDensity(kind: SparseWeight['kind'], { usesMatrices }: Choosing): number {
  return WORTH / ENTRY_COST[kind !== 'int8-1x4' ? kind : usesMatrices ? 'matrices' : 'words']
}

/**
 * The program with such layers dense, those of one dispatch together; layers of whole tiles have a kernel of their own.
 * Direct kernels are for emulations on a CPU, where reading an index costs what a product does: all stays as it is.
 */
export function storeDense(program: Program, context: Choosing): Program {
  if (!context.usesTiled || context.keepsSparse) return program
  const ops: Program['ops'] = []
  const known = new Map<object, DenseWeight | Int8Weight>()
  for (let i = 0; i < program.ops.length;) {
    const op = program.ops[i]
    const merged = op.kind === 'linear' && isSparse(op.weight) ? mergeable(program, i) : [op]
    const weights = merged.flatMap((op) => (op.kind === 'linear' && isSparse(op.weight) ? [op.weight] : []))
    const isDense =
      weights.length > 0 &&
      !weights.every((weight) => weight.kind !== 'nm' && isTileSparse(weight)) &&
      densityOf(weights) > mostDensity(weights[0].kind, context)
    ops.push(
      ...(isDense ? (merged as LinearOp[]).map((op, i) => ({ ...op, weight: denseOf(weights[i], known) })) : merged),
    )
    i += merged.length
  }
  return { ...program, ops }
}

/**
 * The dense form of a weight. An f32 factor that layers share is one
 * object for all of them, since its `data` is another array each time; in int8 each has its own activation scale, and only a
 * layer that is applied several times is one object.
 */
function denseOf(weight: SparseWeight, known: Map<object, DenseWeight | Int8Weight>): DenseWeight | Int8Weight {
  const key = weight.kind === 'int8-1x4' ? weight : weight.values
  let dense = known.get(key)
  if (!dense) known.set(key, (dense = denseForm(weight)))
  return dense
}
