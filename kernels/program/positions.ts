// Positions that pass over padding: a padding token among others has a row of its own, the tokens after it count on as if it
// were not there. Kernels know index positions alone, so before a program is packed its position rows move into the table of
// token types, by which every token names its row; the position table that is left is zeros.

import type { Batch, Program } from './program.ts'
import type { StoredEmbeddingOp, StoredProgram, StoredTable } from './stored-weights.ts'
import { denseTable, type EmbeddingTable } from './weights.ts'

/** A program that kernels can run, and what its batches become; null where they stay as they are. */
export interface PlacedProgram<P> {
  program: P
  place: ((batch: Batch) => Batch) | null
}

/** Gives a program whose embedding has a `paddingId` to kernels that know index positions; others stay as they are. */
export function placePositions(program: Program): PlacedProgram<Program>
export function placePositions(program: StoredProgram): PlacedProgram<StoredProgram>
export function placePositions(program: StoredProgram): PlacedProgram<StoredProgram> {
  const [first, ...rest] = program.ops
  if (first?.kind !== 'embedding' || first.paddingId === undefined) return { program, place: null }
  const { paddingId, ...embedding } = first
  const { position, type, word } = first
  const placed: StoredEmbeddingOp = {
    ...embedding,
    position: zeros(position.rows - 1, word.width),
    type: joinedTable(position, type),
  }
  return {
    program: { ...program, ops: [placed, ...rest] },
    place: (batch) => ({ ...batch, types: placesOf(batch, paddingId, position.rows) }),
  }
}

type Table = EmbeddingTable | StoredTable

/** A byte for each element is enough for zeros. */
const zeros = (rows: number, width: number): EmbeddingTable => ({
  kind: 'int8',
  rows,
  width,
  data: new Uint8Array(rows * width),
  scales: new Float32Array(rows),
  offsets: new Float32Array(rows),
})

/** Row t R + r is the sum of row t of types and row r of the R position rows. */
function joinedTable(position: Table, type: Table): Table {
  const { width } = position
  const rows = type.rows * position.rows
  const join = (places: EmbeddingTable, types: EmbeddingTable): EmbeddingTable => {
    const [ofPlaces, ofTypes] = [denseTable(places), denseTable(types)]
    const data = new Float32Array(rows * width)
    for (let i = 0; i < data.length; i++)
      data[i] = ofPlaces[i % ofPlaces.length] + ofTypes[Math.floor(i / ofPlaces.length) * width + (i % width)]
    return { kind: 'f32', rows, width, data }
  }
  if (position.kind !== 'stored' && type.kind !== 'stored') return join(position, type)
  const whole = async (table: Table): Promise<EmbeddingTable> => (table.kind === 'stored' ? table.read() : table)
  return {
    kind: 'stored',
    rows,
    width,
    read: async (place) => {
      const joined = join(await whole(position), await whole(type))
      if (!place) return joined
      const bytes = place(joined.data.byteLength)
      const data = new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, joined.data.length)
      data.set(joined.data as Float32Array)
      return { kind: 'f32', rows, width, data }
    },
  }
}

/** The row of each token in the joined table; what does not fit the program is left for `checkBatch`. */
function placesOf({ offsets, ids, types }: Batch, paddingId: number, rows: number): Int32Array | undefined {
  if (!ids || types?.length !== ids.length) return types
  const places = new Int32Array(ids.length)
  for (let b = 0; b + 1 < offsets.length; b++) {
    let next = 1
    for (let i = offsets[b]; i < offsets[b + 1]; i++)
      places[i] = types[i] < 0 ? types[i] : types[i] * rows + (ids[i] === paddingId ? 0 : next++)
  }
  return places
}
