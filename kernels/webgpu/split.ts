// Batches whose activations would not fit into the adapter's bindings, or whose work into a dispatch, cut between
// sequences: a sequence's results do not depend on its neighbours.

import type { Batch, Program } from '../program/program.ts'
import { padded, ROW_PADDING } from './call.ts'

/** A dispatch has at most 65535 workgroups a dimension; kernels take at least 4 rows in one of them. */
const MOST_ROWS = 4 * 65535
/** One workgroup a sequence, and so few that tiles of at least 16 queries, M / 16 + B at most, are below 65535 too. */
const MOST_SEQUENCES = 32_768

/** Most token rows whose widest buffer fits into a binding, a multiple of 16 as the matrix kernels need. */
export function longestFitting(program: Program, gatheredWidth: number, maxBindingBytes: number): number {
  const widths = program.buffers.filter(({ rows }) => rows === 'tokens').map(({ width }) => width)
  const rowBytes = padded(Math.max(gatheredWidth, 1, ...widths)) * 4
  const rows = Math.min(MOST_ROWS, maxBindingBytes / rowBytes)
  return Math.max(ROW_PADDING, Math.floor(rows / ROW_PADDING) * ROW_PADDING)
}

/** The batch in parts of at most `mostRows` tokens and as many sequences as fit; a longer sequence is a part alone. */
export function splitBatch(program: Program, batch: Batch, mostRows: number): Batch[] {
  const { offsets } = batch
  const B = offsets.length - 1
  if (offsets[B] <= mostRows && B <= MOST_SEQUENCES) return [batch]
  const parts: Batch[] = []
  let first = 0
  for (let end = 1; end <= B; end++) {
    if (end < B && end - first < MOST_SEQUENCES && offsets[end + 1] - offsets[first] <= mostRows) continue
    parts.push(partOf(program, batch, first, end))
    first = end
  }
  return parts
}

function partOf({ input, buffers }: Program, { offsets, ids, types, rows }: Batch, first: number, end: number): Batch {
  const [from, to] = [offsets[first], offsets[end]]
  const part: Batch = { offsets: offsets.slice(first, end + 1).map((offset) => offset - from) }
  if (input === 'ids') return { ...part, ids: ids!.subarray(from, to), types: types!.subarray(from, to) }
  const { width } = buffers[input]
  if (rows instanceof Float32Array) return { ...part, rows: rows.subarray(from * width, to * width) }
  const { data, scales } = rows!
  return { ...part, rows: { data: data.subarray(from * width, to * width), scales: scales.subarray(from, to) } }
}
