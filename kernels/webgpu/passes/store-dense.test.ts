// Which sparse layers run dense on the GPU, and that they compute the same.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Batch, Op, Program } from '../../program/program.ts'
import { assertExact, assertWithin } from '../../testing/compare.ts'
import { seededRandom, uniform } from '../../testing/random.ts'
import { linearProgram } from '../../testing/sweep.ts'
import { randomWeight, type WeightOptions } from '../../testing/weights.ts'
import { mostDensity, storeDense } from './store-dense.ts'
import type { LinearOp } from './gpu-program.ts'
import { referenceWithBounds } from '../../reference.ts'
import { createGpuDeviceWith, type GpuDevice } from '../device.ts'

const TILED = { usesTiled: true, usesMatrices: false, keepsSparse: false }
const [M, N, K] = [9, 64, 96]

const layer = (kind: 'csr' | 'int8-1x4' | 'nm', options: WeightOptions): Program =>
  linearProgram(randomWeight(kind, N, K, seededRandom(1), options), uniform(N, seededRandom(2)), { M, N, K })

const kinds = ({ ops }: Program): string[] => ops.map((op) => (op as LinearOp).weight.kind)

describe('the choice', () => {
  it('is by density: above 5/24 of single weights, a quarter of blocks, 5/36 beside matrices, 5/6 of n:m', () => {
    expect(mostDensity('csr', TILED)).toBeCloseTo(5 / 24, 12)
    for (const [kind, density, matrices, chosen] of [
      ['csr', 0.15, false, 'csr'],
      ['csr', 0.3, false, 'f32'],
      ['csr', 0.2, true, 'csr'],
      ['int8-1x4', 0.2, false, 'int8-1x4'],
      ['int8-1x4', 0.35, false, 'int8'],
      ['int8-1x4', 0.2, true, 'int8'],
      ['int8-1x4', 0.05, true, 'int8-1x4'],
    ] as const)
      expect(kinds(storeDense(layer(kind, { density }), { ...TILED, usesMatrices: matrices }))).toEqual([chosen])
    for (const [n, chosen] of [
      [2, 'nm'],
      [3, 'nm'],
      [4, 'f32'],
    ] as const)
      expect(kinds(storeDense(layer('nm', { n }), TILED))).toEqual([chosen])
  })
  it('leaves whole tiles, and direct kernels', () => {
    const tiles = layer('csr', { density: 0.9, tiles: true })
    expect(storeDense(tiles, TILED).ops[0]).toBe(tiles.ops[0])
    const dense = layer('csr', { density: 0.9 })
    expect(storeDense(dense, { ...TILED, usesTiled: false })).toBe(dense)
    expect(storeDense(dense, { ...TILED, keepsSparse: true })).toBe(dense)
  })
  it('keeps what each layer has of its own where they share values', () => {
    const blocks = layer('int8-1x4', { density: 0.9 })
    const [first] = blocks.ops as LinearOp[]
    const scaled = (activationScale: number): Program => ({
      ...blocks,
      ops: [first, first].map((op, i) => ({
        ...op,
        weight: { ...op.weight, activationScale: activationScale * (i + 1) } as never,
      })),
    })
    const scales = storeDense(scaled(0.25), TILED).ops.map(
      (op) => (op as LinearOp).weight as { activationScale?: number },
    )
    expect(scales.map(({ activationScale }) => activationScale)).toEqual([0.25, 0.5])
    const csr = layer('csr', { density: 0.9 })
    const [a, b] = storeDense({ ...csr, ops: [csr.ops[0], csr.ops[0]] }, TILED).ops as LinearOp[]
    expect(a.weight).toBe(b.weight)
  })
  it('is one for the layers of one dispatch', () => {
    const program = layer('csr', { density: 0.38 })
    const sparse = layer('csr', { density: 0.1 }).ops[0] as LinearOp
    program.buffers.push({ ...program.buffers[1] }, { ...program.buffers[1] })
    program.ops.push({ ...sparse, output: 2 } satisfies Op)
    // 0.38 and 0.1 are above 5/24 on average, 0.38 and twice 0.1 are not
    expect(kinds(storeDense(program, TILED))).toEqual(['f32', 'f32'])
    program.ops.push({ ...sparse, output: 3 } satisfies Op)
    expect(kinds(storeDense(program, TILED))).toEqual(['csr', 'csr', 'csr'])
  })
})

describe('on a device', () => {
  let device: GpuDevice
  beforeAll(async () => {
    device = await createGpuDeviceWith({ kernels: 'tiled' })
  })
  afterAll(() => device.dispose())

  it('a layer that runs dense gives what it gave sparse, holds the dense weights alone, and is named', async () => {
    const random = seededRandom(3)
    const floats: Batch = { offsets: Int32Array.of(0, M), rows: uniform(M * K, random) }
    const program = layer('csr', { density: 0.4 })
    const session = await device.load(program, { guard: true })
    const { values, bounds } = referenceWithBounds(program, floats)
    assertWithin(await session.run(floats), values, bounds, 'csr as f32')
    expect(await session.checkGuards()).toEqual([])
    // weights, bias, sizes
    expect(session.stats().weightBytes).toBe(N * K * 4 + N * 4 + 64)
    session.dispose()
    expect(device.info().variants['dense-matmul']).toContain('slice')
    expect(device.info().variants['sparse-matmul']).toBeUndefined()
    expect(device.info().notes).toEqual([
      '1 sparse layers store too much to be faster than dense ones, and run as such',
    ])
    const sparse = await device.load(layer('csr', { density: 0.1 }))
    expect(device.info().variants['sparse-matmul']).toContain('sell-tiled')
    expect(device.info().notes).toHaveLength(1)
    sparse.dispose()
  })
  it('blocks of int8 give the same integers', async () => {
    const random = seededRandom(4)
    const program = layer('int8-1x4', { density: 0.5, values: 'integers' })
    program.ops[0] = { ...(program.ops[0] as LinearOp), bias: null }
    program.buffers[0] = { ...program.buffers[0], dtype: 's8' }
    const data = Int8Array.from({ length: M * K }, () => Math.round(random() * 254 - 127))
    const batch: Batch = { offsets: Int32Array.of(0, M), rows: { data, scales: new Float32Array(M).fill(1) } }
    const session = await device.load(program)
    assertExact(await session.run(batch), referenceWithBounds(program, batch).values, 'int8-1x4 as int8')
    expect(device.info().variants['int8-matmul']).toContain('slice')
    session.dispose()
  })
})
