// Embedding tables are stored as they come: rows [rows, width] of f32 or u8, and for u8 one scale and one offset per row.

import type { StoredTable } from '../program/stored-weights.ts'
import type { EmbeddingTable } from '../program/weights.ts'
import type { LoadContext } from '../wasm/lowered.ts'

/** Addresses of a table's parts; an f32 table has neither scales nor offsets, which are 0 then. */
export interface PlacedTable {
  data: number
  scales: number
  offsets: number
}

/**
 * Copies a table into weight memory, or reads it there from its file; once per session however many ops use it.
 */
export async function placeTable(
  load: LoadContext,
  name: string,
  table: EmbeddingTable | StoredTable,
  placed: Map<object, PlacedTable>,
): Promise<PlacedTable> {
  const known = placed.get(table)
  if (known) return known
  let data = 0
  const place = (bytes: number): Uint8Array => {
    data = load.allocateWeights(`${name} data`, bytes)
    return load.memory.u8(data, bytes)
  }
  const { rows } = table
  let whole = table
  if (whole.kind === 'stored') whole = await whole.read(place)
  else {
    const { buffer, byteOffset, byteLength } = whole.data
    place(byteLength).set(new Uint8Array(buffer, byteOffset, byteLength))
  }
  let addresses: PlacedTable
  if (whole.kind === 'f32') addresses = { data, scales: 0, offsets: 0 }
  else {
    const scales = load.allocateWeights(`${name} scales`, whole.scales.byteLength)
    load.memory.f32(scales, rows).set(whole.scales)
    const offsets = load.allocateWeights(`${name} offsets`, whole.offsets.byteLength)
    load.memory.f32(offsets, rows).set(whole.offsets)
    addresses = { data, scales, offsets }
  }
  placed.set(table, addresses)
  return addresses
}
