// Programs and batches of whole encoders for tests.

import type { Batch, BufferSpec, Op, Program } from '../program/program.ts'
import type { LeafWeight } from '../program/weights.ts'
import { batchOf } from './program.ts'
import { seededRandom, uniform } from './random.ts'
import { randomWeight } from './weights.ts'

const VOCABULARY = 61

/** An encoder as ts/model writes one: embedding, layers of 7 linear or row ops, pooler, classifier. */
export function encoder(layers: number, C: number, heads: number, kind: LeafWeight['kind'], positions = 40): Program {
  const random = seededRandom(1)
  const F = 2 * C
  const widths = { x: C, query: C, key: C, value: C, mixed: C, projected: C, middle: F, wide: C }
  const names = Object.keys(widths) as (keyof typeof widths)[]
  const buffers: BufferSpec[] = names.map((name) => ({ name, rows: 'tokens', width: widths[name], dtype: 'f32' }))
  for (const [name, width] of [
    ['first', C],
    ['pooled', C],
    ['logits', 2],
  ] as const)
    buffers.push({ name, rows: 'sequences', width, dtype: 'f32' })
  const id = (name: string): number => buffers.findIndex((buffer) => buffer.name === name)
  const scaled = (length: number, by: number): Float32Array => uniform(length, random).map((x) => x * by)
  const table = (rows: number) => ({ kind: 'f32' as const, rows, width: C, data: scaled(rows * C, 1) })
  const norm = () => ({ gamma: scaled(C, 0.2).map((x) => 1 + x), beta: scaled(C, 0.1), epsilon: 1e-12 })
  const linear = (input: string, output: string, more: Partial<Extract<Op, { kind: 'linear' }>> = {}): Op => {
    const [K, N] = [buffers[id(input)].width, buffers[id(output)].width]
    return {
      kind: 'linear',
      input: id(input),
      output: id(output),
      weight: randomWeight(kind, N, K, random),
      bias: scaled(N, 0.1),
      activation: 'none',
      residual: null,
      ...more,
    }
  }
  const [word, position, type] = [table(VOCABULARY), table(positions), table(2)]
  const ops: Op[] = [{ kind: 'embedding', word, position, type, ...norm(), output: id('x') }]
  for (let layer = 0; layer < layers; layer++)
    ops.push(
      linear('x', 'query'),
      linear('x', 'key'),
      linear('x', 'value'),
      {
        kind: 'attention',
        query: id('query'),
        key: id('key'),
        value: id('value'),
        output: id('mixed'),
        heads,
        headSize: C / heads,
        distanceBias: null,
      },
      linear('mixed', 'projected'),
      { kind: 'layernorm', input: id('projected'), residual: id('x'), output: id('wide'), ...norm() },
      linear('wide', 'middle', { activation: 'gelu' }),
      linear('middle', 'projected'),
      { kind: 'layernorm', input: id('projected'), residual: id('wide'), output: id('x'), ...norm() },
    )
  ops.push(
    { kind: 'first-token', input: id('x'), output: id('first') },
    linear('first', 'pooled', { activation: 'tanh' }),
    linear('pooled', 'logits'),
  )
  return { buffers, ops, input: 'ids', output: id('logits') }
}

/** Sequences of those lengths of the encoder's ids. */
export const tokens = (lengths: number[], seed: number): Batch => batchOf(lengths, VOCABULARY, seed)
