import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Device } from '../runtime/device.ts'
import type { Batch, Program } from '../runtime/program.ts'
import type { EmbeddingTable, LeafWeight } from '../runtime/weights.ts'
import { TapeWriter } from '../runtime/wasm/tape.ts'
import { assertExact } from '../testing/compare.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { randomWeight } from '../testing/weights.ts'
import { createWasmDevice } from './wasm.ts'

let device: Device
beforeAll(async () => {
  device = await createWasmDevice({ threads: 2, shareFrom: 0 })
})
afterAll(() => device.dispose())

const [C, VOCABULARY] = [16, 20]

/** Embedding, one linear of each kind, attention over them, mean. */
function everyKind(seed: number): Program {
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
      { kind: 'attention', query: 3, key: 4, value: 5, output: 6, heads: 2, headSize: 8 },
      { kind: 'mean-pool', input: 6, output: 7, normalize: false },
    ],
    input: 'ids',
    output: 7,
  }
}

function batchOf(lengths: number[], seed: number): Batch {
  const random = seededRandom(seed)
  const offsets = Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b))])
  const ids = Int32Array.from({ length: offsets[lengths.length] }, () => random() * VOCABULARY)
  return { offsets, ids, types: ids.map((id) => id % 2) }
}

describe('tapes that are kept', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('give what a session of its own gives, whatever shapes come between, seed 1', async () => {
    const program = everyKind(1)
    const session = await device.load(program, { guard: true })
    const plans: number[][] = [[3], [70], [3], [5, 2], [2, 5], [4, 3], [70], [3], [7], [6, 1]]
    for (const [i, lengths] of plans.entries()) {
      const batch = batchOf(lengths, i)
      const fresh = await device.load(program, { guard: true })
      assertExact(await session.run(batch), await fresh.run(batch), `run ${i}: ${lengths.join()}`)
      expect(session.stats().calls).toBe(fresh.stats().calls)
      expect(await session.checkGuards()).toEqual([])
      fresh.dispose()
    }
    session.dispose()
  })

  it('are written once a shape, and again when buffers have moved', async () => {
    const session = await device.load(everyKind(2))
    const finish = vi.spyOn(TapeWriter.prototype, 'finish')
    const writes = async (lengths: number[]): Promise<number> => {
      const before = finish.mock.calls.length
      await session.run(batchOf(lengths, 3))
      return finish.mock.calls.length - before
    }
    expect(await writes([9])).toBe(1)
    expect(await writes([9])).toBe(0)
    expect(await writes([4])).toBe(1)
    expect(await writes([9])).toBe(0)
    // two sequences of the same sizes in another order
    expect(await writes([5, 3])).toBe(1)
    expect(await writes([3, 5])).toBe(0)
    expect(await writes([50])).toBe(1)
    expect(await writes([9])).toBe(1)
    session.dispose()
  })

  it('are as many as 64', async () => {
    const session = await device.load(everyKind(3))
    await session.run(batchOf([80], 0))
    const finish = vi.spyOn(TapeWriter.prototype, 'finish')
    for (let T = 1; T <= 64; T++) await session.run(batchOf([T], T))
    expect(finish).toHaveBeenCalledTimes(64)
    await session.run(batchOf([64], 64))
    expect(finish).toHaveBeenCalledTimes(64)
    await session.run(batchOf([80], 0))
    expect(finish).toHaveBeenCalledTimes(65)
    session.dispose()
  })
})

it('holds no weights of the host once they are packed', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const arrays: [string, WeakRef<object>][] = []
  const load = async (): Promise<ReturnType<Device['load']>> => {
    const program = everyKind(4)
    for (const op of program.ops) {
      if (op.kind === 'linear')
        for (const part of Object.values(op.weight) as unknown[])
          if (ArrayBuffer.isView(part)) arrays.push([op.weight.kind, new WeakRef(part)])
      if (op.kind === 'embedding') arrays.push(['word table', new WeakRef(op.word.data)])
    }
    return device.load(program)
  }
  const session = await load()
  await session.run(batchOf([9], 1))
  await new Promise((resolve) => setTimeout(resolve, 10))
  collect()
  expect(arrays.filter(([, array]) => array.deref() !== undefined).map(([kind]) => kind)).toEqual([])
  expect(arrays.length).toBeGreaterThan(10)
  await session.run(batchOf([9], 1))
  session.dispose()
})
