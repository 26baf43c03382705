// Weights that still lie in a file. A device reads them one at a time, when it packs them, so that the host never holds
// all of them.

import type { BufferId, Op, Program } from './program.ts'
import type { EmbeddingTable, LeafWeight, LinearWeight } from './weights.ts'

/** Gives exactly `bytes` bytes to put an array's contents in, aligned to 8. */
export type Place = (bytes: number) => Uint8Array

/** A linear layer's weight in a file. */
export interface StoredWeight {
  kind: 'stored'
  N: number
  K: number
  /** Reads and checks it; with `place`, the array of a dense weight lies where that says. */
  read(place?: Place): Promise<LeafWeight>
}

/** An embedding table in a file. */
export interface StoredTable {
  kind: 'stored'
  rows: number
  width: number
  /** Reads and checks it; with `place`, `data` lies where that says. */
  read(place?: Place): Promise<EmbeddingTable>
}

type EmbeddingOp = Extract<Op, { kind: 'embedding' }>
type LinearOp = Extract<Op, { kind: 'linear' }>
type Table = EmbeddingTable | StoredTable

export type StoredEmbeddingOp = Omit<EmbeddingOp, 'word' | 'position' | 'type'> & {
  word: Table
  position: Table
  type: Table
}

/** An op whose weights may still lie in a file. */
export type StoredOp =
  | Exclude<Op, EmbeddingOp | LinearOp>
  | StoredEmbeddingOp
  | (Omit<LinearOp, 'weight'> & { weight: LeafWeight | StoredWeight })

/** A program whose weights may still lie in a file; every `Program` is one. */
export interface StoredProgram extends Omit<Program, 'ops'> {
  ops: StoredOp[]
}

/** The buffers an op reads. */
export function inputsOf(op: StoredOp): BufferId[] {
  switch (op.kind) {
    case 'embedding':
      return []
    case 'attention':
      return [op.query, op.key, op.value]
    case 'linear':
    case 'layernorm':
      return op.residual === null ? [op.input] : [op.input, op.residual]
    case 'first-token':
    case 'mean-pool':
      return [op.input]
  }
}

/** The weight, read where it lies in a file. */
export const readWeight = async <W extends LinearWeight>(
  weight: W | StoredWeight,
  place?: Place,
): Promise<W | LeafWeight> => (weight.kind === 'stored' ? weight.read(place) : weight)

/** The table, read where it lies in a file. */
export const readTable = async (table: Table): Promise<EmbeddingTable> =>
  table.kind === 'stored' ? table.read() : table

/** The program with all its weights in memory, for devices that need them so. */
export async function readProgram(program: StoredProgram): Promise<Program> {
  const ops: Op[] = []
  for (const op of program.ops)
    if (op.kind === 'linear') ops.push({ ...op, weight: await readWeight(op.weight) })
    else if (op.kind === 'embedding') {
      const { word, position, type } = op
      ops.push({ ...op, word: await readTable(word), position: await readTable(position), type: await readTable(type) })
    } else ops.push(op)
  return { ...program, ops }
}

const NOTHING = new Float32Array(0)

/** The op with no weights in it: packed, they need not stay on the host. */
export function withoutWeights(op: StoredOp): Op {
  const noTable = ({ rows, width }: { rows: number; width: number }) =>
    ({ kind: 'f32', rows, width, data: NOTHING }) as const
  if (op.kind === 'embedding')
    return { ...op, word: noTable(op.word), position: noTable(op.position), type: noTable(op.type) }
  if (op.kind === 'linear') return { ...op, weight: { kind: 'f32', N: op.weight.N, K: op.weight.K, data: NOTHING } }
  return op
}

/** One area for arrays that are read one after the other: what it gave holds until it is asked again. */
export function reusedPlace(): Place {
  let area = new ArrayBuffer(0)
  return (bytes) => {
    if (area.byteLength < bytes) area = new ArrayBuffer(bytes)
    return new Uint8Array(area, 0, bytes)
  }
}
