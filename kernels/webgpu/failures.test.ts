// What a device refuses reaches the caller as words, and what comes after it works.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAdapter } from './adapter.ts'
import type { Program } from '../program/program.ts'
import { encoder, tokens } from '../testing/encoder.ts'
import { createGpuDevice, type GpuDevice } from './device.ts'

let own: GPUDevice
let device: GpuDevice
/** the kind of error whose next scopes find one */
let failing: GPUErrorFilter | null = null
beforeAll(async () => {
  const { adapter } = await findAdapter('allow')
  own = await adapter.requestDevice()
  const filters: GPUErrorFilter[] = []
  const methods: Record<string, unknown> = {
    pushErrorScope: (filter: GPUErrorFilter) => {
      filters.push(filter)
      own.pushErrorScope(filter)
    },
    popErrorScope: async () => {
      const isFailing = filters.pop() === failing
      return (await own.popErrorScope()) ?? (isFailing ? { message: 'injected' } : null)
    },
  }
  const wrapped = new Proxy(own, {
    get(target, name) {
      if (typeof name === 'string' && name in methods) return methods[name]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
  device = await createGpuDevice({ device: wrapped, kernels: 'direct' })
})
afterAll(async () => {
  await device.dispose()
  own.destroy()
})

const program = encoder(1, 16, 1, 'f32')

async function whileFailing(filter: GPUErrorFilter, work: () => Promise<unknown>, words: RegExp): Promise<void> {
  failing = filter
  try {
    await expect(work()).rejects.toThrow(words)
  } finally {
    failing = null
  }
}

describe('a GPU device', () => {
  it('runs on after commands that were refused, in this session and in others', async () => {
    const [session, other] = [await device.load(program), await device.load(program)]
    const expected = await session.run(tokens([4], 1))
    await whileFailing('validation', () => session.run(tokens([4], 1)), /commands were refused: injected/)
    expect(await session.run(tokens([4], 1))).toEqual(expected)
    expect(await other.run(tokens([4], 1))).toEqual(expected)
    session.dispose()
    other.dispose()
  })
  it('says that memory is short where weights are loaded', async () => {
    await whileFailing('out-of-memory', () => device.load(program), /no memory for the \d+ bytes of the weights/)
  })
  it('runs small batches on after one for which memory was short', async () => {
    const session = await device.load(program)
    const expected = await session.run(tokens([4], 1))
    const large = tokens([30, 30, 30, 30], 1)
    await whileFailing('out-of-memory', () => session.run(large), /120 tokens in 4 sequences .* use smaller batches/)
    expect(session.stats().arenaBytes).toBe(0)
    expect(await session.run(tokens([4], 1))).toEqual(expected)
    session.dispose()
  })
  it('takes more sequences than a dispatch has workgroups', async () => {
    const width = 4
    const buffers = (['tokens', 'sequences'] as const).map((rows) => ({
      name: rows,
      rows,
      width,
      dtype: 'f32' as const,
    }))
    const first: Program = { buffers, ops: [{ kind: 'first-token', input: 0, output: 1 }], input: 0, output: 1 }
    const B = 70_000
    const rows = Float32Array.from({ length: B * width }, (_, i) => i)
    const session = await device.load(first)
    expect(await session.run({ offsets: Int32Array.from({ length: B + 1 }, (_, b) => b), rows })).toEqual(rows)
    session.dispose()
  })
})
