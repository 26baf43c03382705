// Whole encoders of low rank on the GPU: chains of one input side by side, few rows in one dispatch a chain.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertWithin } from '../../testing/compare.ts'
import { encoder, tokens } from '../../testing/encoder.ts'
import { seededRandom } from '../../testing/random.ts'
import { randomWeight } from '../../testing/weights.ts'
import type { LeafWeight } from '../../program/weights.ts'
import type { LinearOp } from './gpu-program.ts'
import type { Program } from '../../program/program.ts'
import { groupChains } from './group-chains.ts'
import { runReference } from '../../reference.ts'
import { createGpuDevice, type GpuDevice } from '../device.ts'

/** The encoder with two factors of rank R for each of its layers but pooler and classifier, as ts/model writes them. */
function lowRankEncoder(layers: number, C: number, kind: LeafWeight['kind'], R: number): Program {
  const program = encoder(layers, C, 1, kind)
  const random = seededRandom(R)
  const ranks = program.buffers.push({ name: 'ranks', rows: 'tokens', width: R, dtype: 'f32' }) - 1
  const ops = program.ops.flatMap((op) => {
    if (op.kind !== 'linear' || program.buffers[op.output].rows === 'sequences') return [op]
    const { N, K } = op.weight
    const [first, last] = [randomWeight(kind, R, K, random), randomWeight(kind, N, R, random)]
    return [
      { ...op, weight: first, output: ranks, bias: null, activation: 'none' as const },
      { ...op, weight: last, input: ranks },
    ]
  })
  return { ...program, ops }
}

let direct: GpuDevice
let tiled: GpuDevice
beforeAll(async () => {
  direct = await createGpuDevice({ kernels: 'direct' })
  tiled = await createGpuDevice({ kernels: 'tiled' })
})
afterAll(async () => {
  await direct.dispose()
  await tiled.dispose()
})

describe('encoders of low rank', () => {
  it.each([
    ['f32', 'direct'],
    ['f32', 'tiled'],
    ['int8', 'direct'],
    ['csr', 'direct'],
    // denser than what stays sparse there: runs as f32
    ['csr', 'tiled'],
  ] as const)('of %s factors give the reference logits, %s kernels', async (kind, kernels) => {
    const own = kernels === 'direct' ? direct : tiled
    const program = lowRankEncoder(2, 32, kind, 16)
    const session = await own.load(program, { guard: true })
    for (const lengths of [[5], [17, 2, 30, 8], [30, 30, 30, 30, 17]]) {
      const batch = tokens(lengths, lengths.length)
      const actual = await session.run(batch)
      assertWithin(actual, runReference(program, batch), kind === 'int8' ? 2e-2 : 2e-4, `${kind} ${kernels} ${lengths}`)
      expect(await session.checkGuards()).toEqual([])
    }
    const asDense = kind === 'csr' && kernels === 'tiled' ? [expect.stringContaining('run as such')] : []
    expect(own.info().notes).toEqual(asDense)
    session.dispose()
  })
  it('of 12 layers take as many dispatches as dense ones while rows are few', async () => {
    const count = async (own: GpuDevice, kind: LeafWeight['kind'], rows: number[]): Promise<number[]> => {
      const session = await own.load(lowRankEncoder(12, 16, kind, 8))
      const counts: number[] = []
      for (const M of rows) {
        await session.run(tokens([...Array<number>(Math.floor(M / 30)).fill(30), M % 30 || 1], 1))
        counts.push(session.stats().calls)
      }
      session.dispose()
      return counts
    }
    // embedding, first token, pooler, classifier, and a layer: four chains, attention, two LayerNorms; each chain twice
    expect(await count(tiled, 'f32', [1, 16, 40])).toEqual([88, 88, 4 + 12 * 11])
    expect(await count(direct, 'f32', [1])).toEqual([4 + 12 * 11])
    // query's, key's and value's last factors read different buffers
    expect(await count(direct, 'csr', [1])).toEqual([4 + 12 * 13])
  })
})

describe('groupChains', () => {
  it('puts first factors below each other, each once, and tells the others where to read', () => {
    const program = lowRankEncoder(1, 16, 'f32', 9)
    const linears = groupChains(program).ops.filter(({ kind }) => kind === 'linear') as LinearOp[]
    expect(linears.slice(0, 4).map(({ weight: { N, K } }) => [N, K])).toEqual([
      [48, 16],
      [16, 9],
      [16, 9],
      [16, 9],
    ])
    expect(linears.slice(1, 5).map(({ inputStart }) => inputStart)).toEqual([0, 16, 32, undefined])
    const first = (program.ops[1] as LinearOp).weight
    for (const i of [3, 5]) program.ops[i] = { ...(program.ops[i] as LinearOp), weight: first }
    const shared = groupChains(program).ops.filter(({ kind }) => kind === 'linear') as LinearOp[]
    expect(shared[0].weight.N).toBe(16)
    expect(shared.slice(1, 4).map(({ inputStart }) => inputStart)).toEqual([0, 0, 0])
  })
  it('leaves chains of different kinds, activations or inputs as they are', () => {
    const program = lowRankEncoder(1, 16, 'f32', 8)
    program.ops[4] = { ...(program.ops[4] as LinearOp), activation: 'tanh' }
    expect(groupChains(program).ops.map(({ kind }) => kind)).toEqual(program.ops.map(({ kind }) => kind))
    expect(groupChains(encoder(1, 16, 1, 'f32'))).toEqual(encoder(1, 16, 1, 'f32'))
  })
})
