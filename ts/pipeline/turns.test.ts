// Long calls leave the thread to others, and end where their signal says so; what was taken is freed.

import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Device } from '../../kernels/program/device.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { modelFiles, smallModel } from '../../testing/browser/model.ts'
import { referenceDevice } from '../../testing/reference-device.ts'
import { memoryFiles, type ModelFiles } from '../io/folder.ts'
import { pipeline } from './pipeline.ts'

const files = (): ModelFiles => memoryFiles(modelFiles(smallModel()) as Record<string, Uint8Array<ArrayBuffer>>)

/** A device whose every batch takes 15 ms of this thread. */
function slowDevice(): Device & { batches: number[] } {
  const batches: number[] = []
  return {
    batches,
    info: () => ({ kind: 'cpu', name: 'slow', software: false, threads: 1, variants: {}, notes: [] }),
    load: async () => ({
      run: async ({ offsets }) => {
        const end = performance.now() + 15
        while (performance.now() < end);
        batches.push(offsets.length - 1)
        return new Float32Array((offsets.length - 1) * 2)
      },
      runToInt8: () => Promise.reject(new Error('f32 results alone')),
      stats: () => ({ weightBytes: 0, arenaBytes: 0, calls: 0 }),
      checkGuards: async () => [],
      dispose: () => {},
      [Symbol.dispose]: () => {},
    }),
    dispose: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}

const TEXTS = Array.from({ length: 100 }, (_, i) => `a film ${'good '.repeat(i % 9)}`)

afterEach(() => vi.unstubAllGlobals())

describe('a long call', () => {
  it('gives the thread a turn between batches', async () => {
    const device = slowDevice()
    await using classify = await pipeline('text-classification', files(), { device })
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await classify(TEXTS, { batch_size: 10 })
    clearInterval(timer)
    expect(device.batches).toHaveLength(10)
    expect(turns).toBeGreaterThanOrEqual(5)
  })

  it('has batches of a page’s patience where the thread draws too', async () => {
    vi.stubGlobal('document', {})
    const device = slowDevice()
    await using classify = await pipeline('text-classification', files(), { device })
    await classify(TEXTS)
    // 64 tokens at first; 15 ms each then leave room for 2.6 times as many
    expect(device.batches[0]).toBeLessThan(20)
    expect(Math.max(...device.batches)).toBeGreaterThan(device.batches[0])
  })

  it('ends between batches where its signal is aborted, and the next one runs', async () => {
    const device = slowDevice()
    await using classify = await pipeline('text-classification', files(), { device })
    const control = new AbortController()
    setTimeout(() => control.abort(new Error('enough')), 20)
    await expect(classify(TEXTS, { batch_size: 5, signal: control.signal })).rejects.toThrow('enough')
    expect(device.batches.length).toBeLessThan(20)
    expect(await classify('a film')).toHaveLength(1)
    await expect(classify('a film', { signal: {} as AbortSignal })).rejects.toThrow('expected the signal of')
  })
})

describe('loading with a signal', () => {
  it('does not begin where it is aborted already', async () => {
    const device = referenceDevice()
    const loading = pipeline('text-classification', files(), {
      device,
      signal: AbortSignal.abort(new Error('no more')),
    })
    await expect(loading).rejects.toThrow('no more')
    expect(device.log.sessions).toBe(0)
  })

  it('frees what it took where it is aborted while weights are packed', async () => {
    const device = await createWasmDevice({ threads: 1 })
    const before = device.pool.memory.liveBytes
    const control = new AbortController()
    let reads = 0
    const given = files()
    const watched: ModelFiles = {
      ...given,
      open: async (name) => {
        const source = await given.open(name)
        return (
          source && {
            ...source,
            read: async (position, into) => {
              if (++reads === 8) control.abort(new Error('no more'))
              return source.read(position, into)
            },
          }
        )
      },
    }
    await expect(pipeline('text-classification', watched, { device, signal: control.signal })).rejects.toThrow(
      'no more',
    )
    expect(device.pool.memory.liveBytes).toBe(before)
    await using classify = await pipeline('text-classification', files(), { device })
    expect(await classify('a film')).toHaveLength(1)
    await device.dispose()
  })
})
