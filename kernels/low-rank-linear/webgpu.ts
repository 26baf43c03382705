// Two dense f32 factors in one dispatch where rows are few. Every workgroup makes the ranks of its rows again, so that
// what it reads of the first factor must cost less than the dispatch that is spared. By arithmetic, for a large GPU (132
// cores of 64 bytes a clock from cache at 1.75 GHz, 5.5 TB/s together; a dependent dispatch of 2 us and the first
// factor's own time beside it); not measured.

import { padded, type Form, type KernelCall, type Slot } from '../webgpu/call.ts'
import { columnStarts, denseDims, type LinearSpec } from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { DenseWeight } from '../program/weights.ts'

/** Bytes of the first factor that a core reads in 2.3 us; its multiply-adds for 4 rows take half of that. */
const MOST_FACTOR_BYTES = 2 ** 18
/** Bytes that all cores together read in 2.2 us. */
const MOST_READ_BYTES = 12e6
/** Ranks that fit into workgroup memory. */
const MOST_RANKS = 256
/** Rows of a workgroup. */
const ROWS = 4
/** Rows from which the two dispatches are long enough to hide what lies between them. */
const MOST_ROWS = 32

/** Of the slots of dense layers, and after those that both kernels have. */
const [INPUT_BINDING, WEIGHT_BINDING, FACTOR_BINDING] = [1, 2, 8]

/** Columns of a workgroup and the most rows they are worth; narrow ones occupy more of the machine, wide ones read less. */
export function fusedTiles(
  factorBytes: number,
  ranks: number,
  widths: number[],
): { COLUMNS: number; maxRows: number }[] {
  if (factorBytes > MOST_FACTOR_BYTES || padded(ranks) > MOST_RANKS) return []
  const tiles = [64, 256].map((COLUMNS) => {
    const across = widths.reduce((sum, width) => sum + Math.ceil(width / COLUMNS), 0)
    return { COLUMNS, maxRows: Math.min(MOST_ROWS, Math.floor(MOST_READ_BYTES / (factorBytes * across)) * ROWS) }
  })
  return tiles.filter(({ maxRows }) => maxRows > 0)
}

/**
 * The forms of `call`, the last factors of up to three chains, that also do what `before` does, their first factors side
 * by side. They share the packed weights of both.
 *
 * @param first what `before` was made of: one part, with no epilogue
 */
export function fusedForms(
  first: LinearSpec<DenseWeight>,
  before: KernelCall,
  spec: LinearSpec<DenseWeight>,
  call: KernelCall,
  bytesPerWeight: number,
  uploader: Uploader,
): Form[] {
  const { K } = first.parts[0].weight
  const ranks = spec.parts[0].weight.K
  const { starts, columns } = columnStarts(spec.parts)
  const widths = starts.map((start, i) => (starts[i + 1] ?? columns) - start)
  const slots: Slot[] = [
    ...call.forms[0].slots.slice(0, FACTOR_BINDING).with(INPUT_BINDING, { from: 'buffer', id: first.input }),
    before.forms[0].slots[WEIGHT_BINDING],
    { from: 'weight', buffer: uploader.dims([...denseDims(spec), padded(K)]) },
  ]
  return fusedTiles(padded(K) * padded(ranks) * bytesPerWeight, ranks, widths).map(({ COLUMNS, maxRows }) => ({
    shader: 'low-rank-linear.fused',
    constants: { COLUMNS },
    slots,
    maxRows,
    workgroups: ({ rows }) => [Math.ceil(Math.max(...widths) / COLUMNS), Math.ceil(rows / ROWS), spec.parts.length],
    includesBefore: true,
  }))
}
