// The embedding on the WebAssembly tape: assembly/embedding.ts.

import type { StoredEmbeddingOp } from '../program/stored-weights.ts'
import { placeVector, type LoadContext, type Lowered } from '../wasm/lowering.ts'
import { EMBEDDING } from '../wasm/opcodes.ts'
import { f32Bits } from '../wasm/tape.ts'
import { placeTable, type PlacedTable } from './pack.ts'

export async function lowerEmbedding(
  op: StoredEmbeddingOp,
  name: string,
  load: LoadContext,
  placed: Map<object, PlacedTable>,
): Promise<Lowered> {
  const tables = [
    ...(await placeTable(load, `${name} word table`, op.word, placed)),
    ...(await placeTable(load, `${name} position table`, op.position, placed)),
    ...(await placeTable(load, `${name} type table`, op.type, placed)),
  ]
  const gamma = placeVector(load, `${name} gamma`, op.gamma)
  const beta = placeVector(load, `${name} beta`, op.beta)
  const { output, epsilon } = op
  const C = op.word.width
  return {
    needs: () => ({}),
    encode({ tape, buffer, shape, offsets, ids, types }) {
      const y = buffer(output).address
      const { tokens, sequences } = shape
      const words = [tokens, C, sequences, offsets, ids, types, ...tables, gamma, beta, f32Bits(epsilon), y]
      tape.record(EMBEDDING, words, [], [y])
    },
  }
}
