// Which sparse layers run dense on WebAssembly, and that they compute the same.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { INT8_WASM } from '../int8-matmul/variants.ts'
import type { DotStrategy } from './abi.ts'
import type { Batch, Program } from '../program/program.ts'
import { referenceWithBounds } from '../reference.ts'
import { assertExact, assertWithin } from '../testing/compare.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { linearProgram } from '../testing/sweep.ts'
import { randomWeight, type WeightOptions } from '../testing/weights.ts'
import { createWasmDevice, type WasmDevice } from './device.ts'
import { mostDensity } from './store-dense.ts'

const [M, N, K] = [9, 64, 96]
const NOTE = '1 sparse layers store too much to be faster than dense ones, and run as such'

const layer = (kind: 'csr' | 'int8-1x4' | 'nm', options: WeightOptions): Program =>
  linearProgram(randomWeight(kind, N, K, seededRandom(1), options), uniform(N, seededRandom(2)), { M, N, K })

const floats: Batch = { offsets: Int32Array.of(0, M), rows: uniform(M * K, seededRandom(3)) }

it('the density of blocks depends on the dot, that of f32 does not', () => {
  const withDot = (strategy: DotStrategy) => ({
    int8: INT8_WASM.find(({ dotStrategy }) => dotStrategy === strategy)!,
  })
  expect(mostDensity('int8-1x4', withDot('i16x8'))).toBe(0.8)
  expect(mostDensity('int8-1x4', withDot('u8'))).toBe(0.6)
  for (const strategy of ['i16x8', 'u8'] as const) {
    expect(mostDensity('csr', withDot(strategy))).toBe(0.7)
    expect(mostDensity('nm', withDot(strategy))).toBe(0.8)
  }
})

describe('a device', () => {
  let device: WasmDevice
  beforeAll(async () => {
    device = await createWasmDevice({ threads: 1, int8: 'i16x8' })
  })
  afterAll(() => device.dispose())

  it('holds dense weights alone where a layer is too dense, says so, and gives what it gave sparse', async () => {
    for (const [kind, options] of [
      ['csr', { density: 0.9 }],
      ['nm', { n: 7, m: 8 }],
    ] as const) {
      const program = layer(kind, options)
      const session = await device.load(program, { guard: true })
      const { values, bounds } = referenceWithBounds(program, floats)
      assertWithin(await session.run(floats), values, bounds, `${kind} as f32`)
      expect(await session.checkGuards()).toEqual([])
      // weights and bias
      expect(session.stats().weightBytes).toBe(N * K * 4 + N * 4)
      session.dispose()
      expect(device.info().notes).toEqual([NOTE])
    }
  })

  it('gives the same integers for blocks of int8', async () => {
    const program = layer('int8-1x4', { density: 0.9, values: 'integers' })
    const [op] = program.ops
    if (op.kind !== 'linear') throw new Error('no linear layer')
    program.ops[0] = { ...op, bias: null }
    program.buffers[0] = { ...program.buffers[0], dtype: 's8' }
    const random = seededRandom(4)
    const data = Int8Array.from({ length: M * K }, () => Math.round(random() * 254 - 127))
    const batch: Batch = { offsets: Int32Array.of(0, M), rows: { data, scales: new Float32Array(M).fill(1) } }
    const session = await device.load(program, { guard: true })
    assertExact(await session.run(batch), referenceWithBounds(program, batch).values, 'int8-1x4 as int8')
    expect(session.stats().weightBytes).toBeGreaterThanOrEqual(N * K)
    session.dispose()
  })

  it('keeps what is sparse enough, and all where the caller compares formats', async () => {
    const keeping = await createWasmDevice({ threads: 1, keepsSparse: true })
    try {
      for (const [on, density] of [
        [device, 0.5],
        [keeping, 0.9],
      ] as const) {
        const session = await on.load(layer('csr', { density }))
        expect(session.stats().weightBytes).not.toBe(N * K * 4 + N * 4)
        session.dispose()
      }
      expect(keeping.info().notes).toEqual([])
    } finally {
      await keeping.dispose()
    }
  })
})
