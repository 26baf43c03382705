import { describe, expect, it } from 'vitest'
import { runReference } from '../reference.ts'
import type { Batch, BufferSpec, Op, Program } from '../program/program.ts'
import { assertWithin } from '../testing/compare.ts'
import { ALL_DEVICES, GPU_DEVICES } from '../testing/devices.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { MODEL_SHAPES, sweepShapes } from '../testing/shapes.ts'
import { deviceOf, sweepOn } from '../testing/suite.ts'
import { randomWeight } from '../testing/weights.ts'

const KINDS = ['csr', 'int8-1x4', 'nm'] as const

describe.each(ALL_DEVICES)('sparse-matmul on $name, seed 1', (device) => {
  for (const kind of KINDS) {
    it(`${kind} keeps the bound over the shape sweep`, () => sweepOn(device, kind, sweepShapes()))
    it(`${kind} is exact on integers`, () =>
      sweepOn(
        device,
        kind,
        sweepShapes().map((shape) => ({
          ...shape,
          input: kind === 'int8-1x4' ? 's8' : 'integers',
          values: 'integers',
          exact: true,
        })),
      ))
    it(`${kind} keeps the bound at every density`, () =>
      sweepOn(
        device,
        kind,
        [0, 0.01, 0.05, 0.5, 1].flatMap((density) => [
          { M: 7, N: 33, K: 64, density },
          { M: 37, N: 40, K: 128, density, activation: 'gelu' as const },
        ]),
      ))
    it(`${kind} keeps the bound at model shapes, fuses residual and tanh`, () =>
      sweepOn(device, kind, [
        ...MODEL_SHAPES.map((shape) => ({ ...shape, density: 0.1 })),
        { M: 9, N: 64, K: 64, residual: true, activation: 'tanh' },
        { M: 9, N: 31, K: 64, bias: false },
      ]))
  }
  it.each(['csr', 'int8-1x4'] as const)('%s keeps the bound where rows are longer than what a kernel stages', (kind) =>
    sweepOn(device, kind, [
      { M: 5, N: 40, K: 4200, density: 0.02 },
      { M: 3, N: 300, K: 8196, density: 0.005 },
    ]),
  )
  it.each(['csr', 'int8-1x4'] as const)('%s in whole tiles keeps the bound, and is exact on integers', async (kind) => {
    // strips enough to fill a machine with tiles of 64 rows, and fewer, which are cut finer
    const shapes = [
      ...[33, 64, 65, 129].map((M) => ({ M, N: 4096, K: 64 })),
      ...[1, 3, 4, 5, 15, 16, 17, 33].map((M) => ({ M, N: 48, K: 96 })),
      ...[16, 64, 80, 144].map((N) => ({ M: 7, N, K: 64 })),
      ...[32, 160, 544, 3072].map((K) => ({ M: 18, N: 32, K })),
    ]
    const inTiles = shapes.map((shape, i) => ({ ...shape, density: [0.2, 0.5, 1][i % 3], tiles: true }))
    await sweepOn(device, kind, [
      ...inTiles,
      { M: 9, N: 64, K: 64, density: 0, tiles: true },
      { M: 9, N: 64, K: 64, density: 0.5, tiles: true, residual: true, activation: 'tanh' },
      { M: 70, N: 768, K: 768, density: 0.2, tiles: true, activation: 'gelu' },
      { M: 9, N: 32, K: 64, tiles: true, bias: false },
    ])
    const input = kind === 'int8-1x4' ? 's8' : 'integers'
    await sweepOn(
      device,
      kind,
      // of the widest, whose reference takes longest, one is enough here
      inTiles
        .filter(({ M, N }) => N < 4096 || M === 65)
        .map((shape) => ({ ...shape, input, values: 'integers', exact: true })),
    )
  })
  it('int8-1x4 keeps the bound with a calibrated scale, inside its range and clipped, and is exact on integers', async () => {
    await sweepOn(device, 'int8-1x4', [
      ...sweepShapes().map((shape) => ({ ...shape, activationScale: Math.fround(0.004) })),
      { M: 7, N: 33, K: 64, input: 'outlier', activationScale: Math.fround(0.011) },
    ])
    await sweepOn(
      device,
      'int8-1x4',
      sweepShapes().map((shape) => ({
        ...shape,
        input: 'integers',
        values: 'integers',
        exact: true,
        activationScale: 0.5,
      })),
    )
  })
})

describe.each(GPU_DEVICES)('three sparse layers of one input on $name, seed 1', (device) => {
  const [N, K, M] = [48, 96, 19]
  it.each([
    ['csr', 'in whole tiles', [true, true, true]],
    ['csr', 'one of them without tiles', [true, false, true]],
    ['int8-1x4', 'in whole tiles', [true, true, true]],
    ['int8-1x4', 'one of them without tiles', [true, false, true]],
  ] as const)('%s, %s, write each its own output', async (kind, _, inTiles) => {
    const random = seededRandom(1)
    const project = (output: number): Op => {
      const weight = randomWeight(kind, N, K, random, { density: 0.5, tiles: inTiles[output - 1] })
      const bias = uniform(N, random)
      return { kind: 'linear', input: 0, output, weight, bias, activation: 'none', residual: null }
    }
    const buffer = (name: string, width: number): BufferSpec => ({ name, rows: 'tokens', width, dtype: 'f32' })
    const program: Program = {
      buffers: [buffer('input', K), ...['query', 'key', 'value', 'output'].map((name) => buffer(name, N))],
      ops: [
        ...[1, 2, 3].map(project),
        // whose output depends on all three
        { kind: 'attention', query: 1, key: 2, value: 3, output: 4, heads: 3, headSize: 16, distanceBias: null },
      ],
      input: 0,
      output: 4,
    }
    const session = await (await deviceOf(device)).load(program, { guard: true })
    const batch: Batch = { offsets: Int32Array.of(0, 7, M), rows: uniform(M * K, random) }
    const actual = await session.run(batch)
    assertWithin(actual, runReference(program, batch), 1e-4, kind)
    expect(session.stats().calls).toBe(kind === 'csr' ? 2 : 3)
    expect(await session.checkGuards()).toEqual([])
    session.dispose()
  })
})
