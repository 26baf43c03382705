// A small program with every kind of op and weight.

import type { Batch, Program } from '../program/program.ts'
import type { EmbeddingTable, LeafWeight } from '../program/weights.ts'
import { batchOf } from './program.ts'
import { seededRandom, uniform } from './random.ts'
import { randomWeight } from './weights.ts'

const [C, VOCABULARY] = [16, 20]

/** Embedding, one linear of each kind, attention over them, mean. */
export function everyKind(seed: number): Program {
  const random = seededRandom(seed)
  const table = (rows: number): EmbeddingTable => ({ kind: 'f32', rows, width: C, data: uniform(rows * C, random) })
  const kinds: LeafWeight['kind'][] = ['f32', 'int8', 'csr', 'int8-1x4', 'nm']
  const norm = { gamma: uniform(C, random), beta: uniform(C, random), epsilon: 1e-12 }
  return {
    buffers: [
      ...['x', ...kinds, 'context'].map((name) => ({ name, rows: 'tokens' as const, width: C, dtype: 'f32' as const })),
      { name: 'mean', rows: 'sequences', width: C, dtype: 'f32' },
    ],
    ops: [
      { kind: 'embedding', word: table(VOCABULARY), position: table(80), type: table(2), ...norm, output: 0 },
      ...kinds.map((kind, i) => ({
        kind: 'linear' as const,
        input: Math.max(0, i - 2),
        output: i + 1,
        weight: randomWeight(kind, C, C, random),
        bias: null,
        activation: 'none' as const,
        residual: null,
      })),
      { kind: 'attention', query: 3, key: 4, value: 5, output: 6, heads: 2, headSize: 8, distanceBias: null },
      { kind: 'mean-pool', input: 6, output: 7, normalize: false },
    ],
    input: 'ids',
    output: 7,
  }
}

/** Sequences of those lengths of everyKind's ids. */
export const idsOf = (lengths: number[], seed: number): Batch => batchOf(lengths, VOCABULARY, seed)
