// Which values of a program are in token blocks (assembly/lib/blocks.ts) instead of rows, between the op that makes them
// and those that read them: sparse layers, whose vectors run along tokens, would else turn their input and their output,
// layer after layer. The choice is made for the whole program, since LayerNorm adds two values in one
// layout and a residual stream links all layers.

import type { BufferId, Program } from '../program/program.ts'
import { inputsOf, type StoredOp } from '../program/stored-weights.ts'
import { rowsOf, type BatchShape, type BufferView, type Lowered } from './lowered.ts'

/**
 * For each op, whether its output is in token blocks (in batches of more than one row: the block of a single row is
 * that row). All ops that could write blocks begin so; then outputs go back to rows until no op reads what it cannot:
 *
 * - a sparse f32 linear reads either (rows are turned for it); it writes blocks where it has no residual
 * - LayerNorm writes what its input is; a residual in rows is turned for blocks
 * - attention reads and writes rows: blocks would cost it more than turning its output does (docs/perf-log.md)
 * - first-token reads either
 * - sparse int8 reads rows, which it must quantize anyway, and writes rows: blocks gained it 0.5 % (docs/perf-log.md)
 * - all others read and write rows, as the host does
 */
export function assignBlocked(ops: readonly StoredOp[], output: BufferId, lowered: readonly Lowered[]): boolean[] {
  const { writers, last } = follow(ops)
  const blocked = ops.map(
    (op, at) =>
      at !== last.get(output) &&
      (op.kind === 'layernorm' || (op.kind === 'linear' && lowered[at].takesBlocks === true && op.residual === null)),
  )
  for (let isSettled = false; !isSettled;) {
    isSettled = true
    const toRows = (at: number | undefined): void => {
      if (at === undefined || !blocked[at]) return
      blocked[at] = false
      isSettled = false
    }
    ops.forEach((op, at) => {
      if (op.kind === 'first-token') return
      if (op.kind === 'linear' && lowered[at].takesBlocks) {
        if (op.residual !== null) toRows(writers[at].get(op.residual))
        return
      }
      if (op.kind === 'layernorm') {
        const input = writers[at].get(op.input)
        if (input === undefined || !blocked[input]) toRows(at)
        if (blocked[at]) return
      }
      for (const writer of writers[at].values()) toRows(writer)
    })
  }
  return blocked
}

/** Who wrote what an op reads, by buffer; the last op that wrote each buffer. */
function follow(ops: readonly StoredOp[]): { writers: Map<BufferId, number>[]; last: Map<BufferId, number> } {
  const last = new Map<BufferId, number>()
  const writers = ops.map((op, at) => {
    const from = new Map<BufferId, number>()
    for (const id of inputsOf(op)) if (last.has(id)) from.set(id, last.get(id)!)
    last.set(op.output, at)
    return from
  })
  return { writers, last }
}

/**
 * In which layout each buffer is as the ops are walked: `enter(at)` before op number `at`.
 *
 * @param blocked of each op, whether its output is in token blocks, as `assignBlocked` says
 */
export function walkLayouts(
  { buffers, ops }: Pick<Program, 'buffers' | 'ops'>,
  blocked: readonly boolean[],
  shape: BatchShape,
): { enter(at: number): void; layoutOf(id: BufferId): Pick<BufferView, 'rows' | 'isBlocked'> } {
  const inBlocks = new Set<BufferId>()
  return {
    enter: (at) => {
      const { output } = ops[at]
      if (blocked[at] && rowsOf(buffers[output].rows, shape) > 1) inBlocks.add(output)
      else inBlocks.delete(output)
    },
    layoutOf: (id) => ({ rows: rowsOf(buffers[id].rows, shape), isBlocked: inBlocks.has(id) }),
  }
}
