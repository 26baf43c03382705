// A signal in the middle of each stage from files to answers: its reason is thrown, what was taken is given back, and the
// next call works. In downloads: hub.test.ts.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Device, Session } from '../../kernels/program/device.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { findAdapter } from '../../kernels/webgpu/adapter.ts'
import { createGpuDevice } from '../../kernels/webgpu/device.ts'
import { pipeline } from '../../ts/index.ts'
import { memoryFiles, type ModelFiles } from '../../ts/io/folder.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { tokenizerFromVocabulary } from '../../ts/text/bare-vocabulary.ts'
import { modelFiles, smallModel } from '../browser/model.ts'
import { syntheticModel } from '../models.ts'
import { countBuffers, countOpen, countWorkers } from './counting.ts'

const files = (): ModelFiles => memoryFiles(modelFiles(smallModel()) as Record<string, Uint8Array<ArrayBuffer>>)
const BATCH = { ids: Int32Array.of(1, 5, 2), types: new Int32Array(3), offsets: Int32Array.of(0, 3) }

let control: AbortController
const stop = (): void => control.abort(new Error('enough'))
let workers: ReturnType<typeof countWorkers>
beforeEach(() => {
  control = new AbortController()
  workers = countWorkers()
})
afterEach(() => {
  workers.end()
  vi.restoreAllMocks()
})

const open = (model: ModelFiles) =>
  pipeline('text-classification', model, { device: 'cpu', threads: 2, signal: control.signal })

describe('a signal while a pipeline opens', () => {
  it.each([
    ['its configuration is read', 'config.json', 1],
    ['its tokenizer is parsed', 'vocab.txt', 1],
    ['the header of its weights is parsed', 'model.safetensors', 1],
    ['weights are read and packed', 'model.safetensors', 9],
  ])('when %s', async (_, at, times) => {
    let left = times
    const { files: watched, count } = countOpen(files(), (name) => void (name === at && --left === 0 && stop()))
    await expect(open(watched)).rejects.toThrow('enough')
    expect([left <= 0, count(), workers.count()]).toEqual([true, 0, 0])
  })

  it('when modules are compiled', async () => {
    const { compile } = WebAssembly
    vi.spyOn(WebAssembly, 'compile').mockImplementation((bytes) => {
      stop()
      return compile(bytes)
    })
    const { files: watched, count } = countOpen(files(), () => {})
    await expect(open(watched)).rejects.toThrow('enough')
    expect(control.signal.aborted).toBe(true)
    expect([count(), workers.count()]).toEqual([0, 0])
  })
})

it('a signal while a GPU compiles, packs or tries a program out frees its buffers', async () => {
  const { adapter } = await findAdapter('allow')
  let at = ''
  const { device: counted, count } = countBuffers(await adapter.requestDevice(), (name) => void (name === at && stop()))
  const device = await createGpuDevice({ device: counted, kernels: 'direct' })
  // weights are freed behind what the queue holds; what stays is the device's own
  const own = async (): Promise<number> => {
    await vi.waitFor(() => expect(count()).toBeLessThan(10))
    return count()
  }
  // what the device keeps for itself is there once it has run
  const first = await device.load(buildProgram(syntheticModel('f32'), 'logits'))
  first.dispose()
  const before = await own()
  for (const [method, format] of [
    ['createComputePipelineAsync', 'int8'],
    ['createBuffer', 'csr'],
    ['createCommandEncoder', 'nm'],
  ] as const) {
    control = new AbortController()
    const program = buildProgram(syntheticModel(format), 'logits')
    at = method
    await expect(device.load(program, { signal: control.signal }), method).rejects.toThrow('enough')
    at = ''
    expect(await own(), method).toBe(before)
    if (format !== 'nm') continue
    const session = await device.load(program)
    expect(await session.run(BATCH)).toHaveLength(2)
    session.dispose()
    expect(await own()).toBe(before)
  }
  await device.dispose()
  expect(count()).toBe(0)
  counted.destroy()
})

/** The device with `before` called at each run, and how many there were. */
function watchRuns(device: Device, before: (run: number) => void): { device: Device; runs: () => number } {
  let runs = 0
  const watched = (session: Session): Session => ({
    ...session,
    run: (batch) => {
      before(++runs)
      return session.run(batch)
    },
    stats: () => session.stats(),
    dispose: () => session.dispose(),
  })
  return {
    device: {
      ...device,
      info: () => device.info(),
      load: async (...given) => watched(await device.load(...given)),
      dispose: () => device.dispose(),
    },
    runs: () => runs,
  }
}

describe('a signal while a call', () => {
  const TEXTS = Array.from({ length: 200 }, (_, i) => `a film ${'good '.repeat(i % 5)}`)

  it('does its first run, or a later one, ends behind that batch', async () => {
    const own = await createWasmDevice({ threads: 1 })
    let at = 0
    const { device, runs } = watchRuns(own, (run) => void (run === at && stop()))
    const before = own.pool.memory.liveBytes
    const classify = await pipeline('text-classification', files(), { device })
    for (const batches of [1, 3]) {
      control = new AbortController()
      const done = runs()
      at = done + batches
      await expect(classify(TEXTS, { batch_size: 10, signal: control.signal })).rejects.toThrow('enough')
      expect(runs() - done).toBe(batches)
    }
    expect(await classify(TEXTS)).toHaveLength(200)
    await classify.dispose()
    expect(own.pool.memory.liveBytes).toBe(before)
    await own.dispose()
  })

  it('tokenizes ends there, and nothing is run', async () => {
    const tokenizer = tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', 'film', 'good'], {
      lowercase: true,
    })
    let encoded = 0
    const watched = {
      ...tokenizer,
      encode: (text: string, most: number) => {
        if (++encoded === 70) stop()
        return tokenizer.encode(text, most)
      },
    }
    const { device, runs } = watchRuns(await createWasmDevice({ threads: 1 }), () => {})
    const model = { weights: smallModel(), tokenizer: watched }
    const classify = await pipeline('text-classification', model, { device })
    await expect(classify(TEXTS, { signal: control.signal })).rejects.toThrow('enough')
    expect([encoded, runs()]).toEqual([128, 0])
    expect(await classify(TEXTS)).toHaveLength(200)
    await classify.dispose()
    await device.dispose()
  })
})
