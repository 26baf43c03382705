// What an engine or a machine refuses: memory, threads, a GPU, the disk, the clock; and many calls at once.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import worker from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { findAdapter } from '../../kernels/webgpu/adapter.ts'
import { createGpuDevice, createGpuDeviceWith } from '../../kernels/webgpu/device.ts'
import { pipeline } from '../../ts/index.ts'
import { writeWhole } from '../../ts/io/folder.node.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { randomModel } from '../../ts/model/preset.ts'
import { tokenizerFromVocabulary } from '../../ts/text/bare-vocabulary.ts'
import { openCheckpoint } from '../../ts/train/checkpoint.ts'
import { initializeModel } from '../../ts/train/initialize.ts'
import { trainClassifier } from '../../ts/train/loop.ts'
import { SMALL, syntheticModel } from '../models.ts'
import { toy, TOY } from '../toy-task.ts'
import { countBuffers } from './counting.ts'

const MODEL = syntheticModel('int8', 3)
const BATCH = { ids: Int32Array.of(1, 5, 2), types: new Int32Array(3), offsets: Int32Array.of(0, 3) }
const program = () => buildProgram(MODEL, 'logits')

afterEach(() => vi.restoreAllMocks())

describe('WebAssembly', () => {
  it('says that memory is short where it cannot grow, and loads later', async () => {
    const device = await createWasmDevice({ threads: 1, shared: false })
    // the word table finds room, the layers behind it do not
    const large = randomModel({ ...SMALL, vocabSize: 30_000, hiddenSize: 128, intermediateSize: 512 })
    const before = device.pool.memory.liveBytes
    const { grow } = WebAssembly.Memory.prototype
    let isFirst = true
    vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(function (this: WebAssembly.Memory, pages) {
      if (!isFirst) throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory')
      isFirst = false
      return grow.call(this, pages)
    })
    await expect(device.load(buildProgram(large, 'logits'))).rejects.toThrow(
      /\d+ MB of memory are needed, the engine stops at \d+ MB; use smaller batches or a smaller model/,
    )
    expect(isFirst).toBe(false)
    expect(device.pool.memory.liveBytes).toBe(before)
    vi.restoreAllMocks()
    const session = await device.load(buildProgram(large, 'logits'))
    expect(await session.run(BATCH)).toHaveLength(2)
    session.dispose()
    await device.dispose()
  })

  it('runs on one thread where there is no shared memory, and says so', async () => {
    const { SharedArrayBuffer: shared } = globalThis
    Object.assign(globalThis, { SharedArrayBuffer: undefined })
    try {
      const device = await createWasmDevice({ threads: 2 })
      expect(device.info().threads).toBe(1)
      expect(device.info().notes.join()).toMatch(/no shared memory here .*: one thread/)
      const session = await device.load(program())
      expect(await session.run(BATCH)).toHaveLength(2)
      await device.dispose()
    } finally {
      Object.assign(globalThis, { SharedArrayBuffer: shared })
    }
  })

  it('runs on one thread, or says why not, where workers are forbidden', async () => {
    const { Worker } = worker
    const Forbidden = vi.fn(function () {
      throw new Error('Access to this API has been restricted')
    })
    Object.assign(worker, { Worker: Forbidden })
    syncBuiltinESMExports()
    try {
      const device = await createWasmDevice({ threads: 2 })
      expect(device.info().threads).toBe(1)
      expect(device.info().notes.join()).toMatch(/could not be started .*restricted.*: one thread/)
      await device.dispose()
    } finally {
      Object.assign(worker, { Worker })
      syncBuiltinESMExports()
    }
  })
})

it('a GPU whose host has no memory for one of the weights says so, frees the others, and goes on', async () => {
  const { adapter } = await findAdapter('allow')
  let left = Infinity
  const { device: counted, count } = countBuffers(await adapter.requestDevice(), (method, given) => {
    if (method !== 'createBuffer') return
    const { size, mappedAtCreation } = given as GPUBufferDescriptor
    if (!mappedAtCreation || left-- !== 0) return
    throw new RangeError(`createBuffer failed, size (${size}) is too large for the implementation`)
  })
  const device = await createGpuDevice({ device: counted, kernels: 'direct' })
  const run = async (): Promise<Float32Array> => {
    const session = await device.load(program())
    try {
      return await session.run(BATCH)
    } finally {
      session.dispose()
    }
  }
  const own = async (): Promise<number> => {
    await vi.waitFor(() => expect(count()).toBeLessThan(10))
    return count()
  }
  const expected = await run()
  const before = await own()
  let refused = 0
  for (let at = 0, isDone = false; !isDone; at += at < 3 ? 1 : 7) {
    left = at
    const found = await run().catch((error: unknown) => error as Error)
    isDone = left >= 0
    left = Infinity
    if (isDone) break
    refused++
    expect(found, `allocation ${at}`).toBeInstanceOf(Error)
    expect((found as Error).message).toMatch(/^WebGPU: the device has no memory for .*; (take|use) /)
    expect(await own()).toBe(before)
    expect(await run()).toEqual(expected)
  }
  expect(refused).toBeGreaterThan(5)
  await device.dispose()
  expect(count()).toBe(0)
  // and where buffers of activations are larger than the adapter allows
  const small = await createGpuDeviceWith({ device: counted, kernels: 'direct', maxBindingBytes: 30_000 })
  const weight = { kind: 'f32', N: 32, K: 4, data: new Float32Array(128) } as const
  const session = await small.load(linearProgram(weight, null, 'none'))
  const held = count()
  const long = { rows: new Float32Array(1600), offsets: Int32Array.of(0, 400) }
  await expect(session.run(long)).rejects.toThrow(/needs 51200 bytes, the adapter allows 30000; run shorter sequences/)
  expect(count()).toBe(held)
  session.dispose()
  await small.dispose()
  counted.destroy()
})

describe('a GPU that is lost', () => {
  // in a run: kernels/webgpu/device.test.ts
  it.each(['load', 'readback'] as const)('in %s is an error in words', async (stage) => {
    const { adapter } = await findAdapter('allow')
    const own = await adapter.requestDevice()
    const device = await createGpuDevice({ device: own, kernels: 'direct' })
    const loading = device.load(program())
    if (stage === 'load') own.destroy()
    const running = loading.then((session) => {
      const y = session.run(BATCH)
      // commands are on their way when the next turn comes
      if (stage === 'readback') setTimeout(() => own.destroy(), 0)
      return y
    })
    await expect(running).rejects.toThrow(/^WebGPU: the device was (disposed|lost: .*); create a new device/)
    await device.dispose()
  })
})

it('200 calls at once give what each gives alone', async () => {
  const tokenizer = tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', 'b', 'c'], { lowercase: true })
  const classify = await pipeline('text-classification', { weights: MODEL, tokenizer }, { device: 'cpu', threads: 2 })
  const texts = Array.from({ length: 200 }, (_, i) => ['a', 'b c', 'c a b', 'b'][i % 4].repeat(1 + (i % 3)))
  const alone: Awaited<ReturnType<typeof classify>>[] = []
  for (const text of texts.slice(0, 12)) alone.push(await classify(text))
  const together = await Promise.all(texts.map((text) => classify(text)))
  expect(together.slice(0, 12)).toEqual(alone)
  expect(together).toEqual(texts.map((_, i) => alone[i % 12]))
  await classify.dispose()
})

describe('the disk', () => {
  it('that fills up while a checkpoint is written leaves the last one, and ends the training in words', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'full-'))
    const path = join(folder, 'checkpoint')
    const file = await openCheckpoint(path)
    const { open } = fsp
    let saves = 0
    const save = async (state: Parameters<typeof file.save>[0]): Promise<void> => {
      if (++saves === 2) {
        Object.assign(fsp, {
          open: async (...given: Parameters<typeof open>) => {
            const handle = await open(...given)
            if (given[1] !== 'wx') return handle
            return Object.assign(handle, {
              write: () => Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })),
            })
          },
        })
        syncBuiltinESMExports()
      }
      await file.save(state)
    }
    try {
      const options = { steps: 6, batch: 4, seed: 1, threads: 1, checkpoint: { steps: 2, save } }
      await expect(trainClassifier(initializeModel(TOY, 1), toy(16, 1), options)).rejects.toThrow(
        /checkpoint could not be written \(ENOSPC: no space left\); nothing was changed/,
      )
    } finally {
      Object.assign(fsp, { open })
      syncBuiltinESMExports()
    }
    expect((await openCheckpoint(path)).state?.step).toBe(2)
    expect(await readdir(folder)).toEqual(['checkpoint'])
    await rm(folder, { recursive: true })
  })

  it('is written right whatever the clock says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clock-'))
    const path = join(folder, 'file')
    // what another host's process left an hour ago is still its own, of a day ago is not
    const other = `${path}.00000000-1-a-00000000.tmp`
    await writeFile(other, 'of another host')
    const now = Date.now()
    const clock = vi.spyOn(Date, 'now')
    for (const [jump, isLeft] of [
      [3600e3, true],
      [-365 * 24 * 3600e3, true],
      [365 * 24 * 3600e3, false],
    ] as const) {
      clock.mockReturnValue(now + jump)
      await Promise.all([writeWhole(path, [`one ${jump}`]), writeWhole(path, [`one ${jump}`])])
      expect(await readFile(path, 'utf8')).toBe(`one ${jump}`)
      expect((await readdir(folder)).length, `${jump}`).toBe(isLeft ? 2 : 1)
    }
    await rm(folder, { recursive: true })
  })
})
