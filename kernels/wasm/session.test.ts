import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Device } from '../program/device.ts'
import type { Op } from '../program/program.ts'
import { TapeWriter } from './tape.ts'
import { assertExact } from '../testing/compare.ts'
import { everyKind, idsOf } from '../testing/every-kind.ts'
import { isReadAtFirstRows } from './liveness.ts'
import { createWasmDevice } from './device.ts'

let device: Device
beforeAll(async () => {
  device = await createWasmDevice({ threads: 2, shareFrom: 0 })
})
afterAll(() => device.dispose())

describe('tapes that are kept', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('give what separate sessions give, whatever shapes come between, seed 1', async () => {
    const program = everyKind(1)
    const session = await device.load(program, { guard: true })
    const plans: number[][] = [[3], [70], [3], [5, 2], [2, 5], [4, 3], [70], [3], [7], [6, 1]]
    for (const [i, lengths] of plans.entries()) {
      const batch = idsOf(lengths, i)
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
      await session.run(idsOf(lengths, 3))
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
    await session.run(idsOf([80], 0))
    const finish = vi.spyOn(TapeWriter.prototype, 'finish')
    for (let T = 1; T <= 64; T++) await session.run(idsOf([T], T))
    expect(finish).toHaveBeenCalledTimes(64)
    await session.run(idsOf([64], 64))
    expect(finish).toHaveBeenCalledTimes(64)
    await session.run(idsOf([80], 0))
    expect(finish).toHaveBeenCalledTimes(65)
    session.dispose()
  })
})

describe('what is read of an op', () => {
  const rows = { rows: 'tokens', width: 4, dtype: 'f32' } as const
  const buffers = ['x', 'y', 'first'].map((name) => ({ name, ...rows }))
  const write: Op = {
    kind: 'attention',
    query: 0,
    key: 0,
    value: 0,
    output: 1,
    heads: 1,
    headSize: 4,
    distanceBias: null,
  }
  const first: Op = { kind: 'first-token', input: 1, output: 2 }
  const whole: Op = { kind: 'mean-pool', input: 1, output: 2, normalize: false }
  it.each<[string, Op[], number, boolean]>([
    ['first rows alone', [write, first], 2, true],
    ['first rows, then all', [write, first, whole], 2, false],
    ['first rows, then all of what is written there later', [write, first, write, whole], 2, true],
    ['the output of the program', [write, first], 1, false],
  ])('%s', (_, ops, output, expected) => {
    expect(isReadAtFirstRows({ buffers, ops, input: 0, output }, 0)).toBe(expected)
  })
})
