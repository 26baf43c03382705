// Embedding tables stand as they come: rows [rows, width] of f32 or u8, and for u8 one scale and one offset per row.

import type { EmbeddingTable } from '../runtime/weights.ts'
import type { LoadContext } from '../runtime/wasm/lowering.ts'

/** The four words of a table in an embedding record: kind (0: f32, 1: u8), data, scales, offsets. */
export type PlacedTable = readonly [kind: number, data: number, scales: number, offsets: number]

/** Copies a table into weight memory, once per session however many ops use it. */
export function placeTable(
  load: LoadContext,
  name: string,
  table: EmbeddingTable,
  placed: Map<object, PlacedTable>,
): PlacedTable {
  const known = placed.get(table)
  if (known) return known
  const data = load.allocateWeights(`${name} data`, table.data.byteLength)
  let words: PlacedTable
  if (table.kind === 'f32') {
    load.memory.f32(data, table.data.length).set(table.data)
    words = [0, data, 0, 0]
  } else {
    load.memory.u8(data, table.data.length).set(table.data)
    const scales = load.allocateWeights(`${name} scales`, table.scales.byteLength)
    load.memory.f32(scales, table.rows).set(table.scales)
    const offsets = load.allocateWeights(`${name} offsets`, table.offsets.byteLength)
    load.memory.f32(offsets, table.rows).set(table.offsets)
    words = [1, data, scales, offsets]
  }
  placed.set(table, words)
  return words
}
