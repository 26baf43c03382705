// The embedding on the WebAssembly tape: assembly/embedding.ts.

import type { StoredEmbeddingOp } from '../program/stored-weights.ts'
import { EMBEDDING } from '../wasm/abi.ts'
import { placeVector, type LoadContext, type Lowered } from '../wasm/lowered.ts'
import { placeTable, type PlacedTable } from './pack.ts'

export async function lowerEmbedding(
  op: StoredEmbeddingOp,
  name: string,
  load: LoadContext,
  placed: Map<object, PlacedTable>,
): Promise<Lowered> {
  const word = await placeTable(load, `${name} word table`, op.word, placed)
  const position = await placeTable(load, `${name} position table`, op.position, placed)
  const type = await placeTable(load, `${name} type table`, op.type, placed)
  const gamma = placeVector(load, `${name} gamma`, op.gamma)
  const beta = placeVector(load, `${name} beta`, op.beta)
  const { output, epsilon } = op
  const C = op.word.width
  return {
    needs: () => ({}),
    encode({ tape, buffer, shape, offsets, ids, types }) {
      const y = buffer(output).address
      const { tokens, sequences } = shape
      const fields = {
        ...{ M: tokens, C, B: sequences, offsets, ids, types, gamma, beta, epsilon, y },
        ...{ word: word.data, wordScales: word.scales, wordOffsets: word.offsets },
        ...{ position: position.data, positionScales: position.scales, positionOffsets: position.offsets },
        ...{ type: type.data, typeScales: type.scales, typeOffsets: type.offsets },
      }
      tape.record(EMBEDDING, fields, [], [y])
    },
  }
}
