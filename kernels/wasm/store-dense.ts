// Sparse layers that are not sparse enough for a CPU: they run as the dense layers they are, and only that format is packed. By
// density alone, since the number of rows is not known at load and both formats at once would take the memory of both.
//
// Measured (docs/break-even.md, docs/perf-log.md), the density at which a layer takes as long as the dense one, at 16 and at 128
// rows: single weights 0.53 to 0.76; blocks of int8 0.72 to 0.9 by dot_i16x8_s, 0.55 to 0.65 by relaxed dot, whose dense kernel gains
// more; n:m 0.84, by the line through 1:4 and 2:4. For a single row sparse layers lose from about half of these densities on.
// Memory: an entry of csr takes 6 bytes and a weight 4, a block 6 bytes and four weights 4, so that from 0.67 on dense layers are the smaller ones;
// from 0.6 a block's takes 1.11 times as much at most, from 0.8 that of n:m 1.25 times.

import { densityOf, denseForm, isSparse, type SparseWeight } from '../sparse-matmul/dense-form.ts'
import type { PackableOp } from './lower.ts'
import type { ChosenVariants } from './variant.ts'

/** Share of stored entries above which a layer of that kind runs dense. */
export function mostDensity(kind: SparseWeight['kind'], { int8 }: Pick<ChosenVariants, 'int8'>): number {
  if (kind === 'csr') return 0.7
  return kind === 'nm' || int8.dotStrategy === 'i16x8' ? 0.8 : 0.6
}

/** The op with its weight dense where that is faster, else the op itself. */
export function denseWhereFaster(op: PackableOp, variants: ChosenVariants): PackableOp {
  if (variants.keepsSparse || op.kind !== 'linear' || !isSparse(op.weight)) return op
  if (densityOf([op.weight]) <= mostDensity(op.weight.kind, variants)) return op
  return { ...op, weight: denseForm(op.weight) }
}
