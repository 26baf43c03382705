// What 'auto' chooses, with devices that take the time that a test says, and once on the real ones.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Device } from '../../kernels/program/device.ts'
import { syntheticModel } from '../../testing/models.ts'
import { referenceDevice } from '../../testing/reference-device.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import type { LinearWeight } from '../../kernels/program/weights.ts'
import { LAYER_LINEARS, type StoredModel } from '../model/weights.ts'
import { pipeline } from '../pipeline/pipeline.ts'
import { chooseDevice, decisionNote, MOST_MS, type Clock } from './choose-device.ts'
import { devicesOnDisk } from './device-memory.node.ts'
import { openMemory } from './device-memory.ts'
import type { DeviceStore } from './device-store.ts'
import { forgetDevices } from './devices.ts'

const folder = await mkdtemp(join(tmpdir(), 'choose-device-'))
// no test may change what the user's own programs remember
process.env.COMPACT_KERNELS_CACHE = folder
// a decision that nobody waits for may still be on its way to the disk
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
beforeEach(forgetDevices)

/** Time that passes only where a device says so. */
function fakeTime(): Clock & { spend: (ms: number) => void } {
  let now = 0
  const alarms: { at: number; ring: (nothing: null) => void }[] = []
  return {
    now: () => now,
    spend: (ms) => {
      now += ms
      for (const { at, ring } of alarms) if (now >= at) ring(null)
    },
    after: (ms) => ({ over: new Promise((ring) => alarms.push({ at: now + ms, ring })), stop: () => {} }),
  }
}

interface Fake {
  kind: 'cpu' | 'gpu'
  name?: string
  software?: boolean
  /** milliseconds of a run, by the number of layers */
  run: (layers: number) => number
  load?: number
  /** its runs end with this error */
  fails?: string
}

/** A device whose runs take time on the clock and compute nothing. */
function fake(time: ReturnType<typeof fakeTime>, { kind, name = kind, software = false, run, load = 0, fails }: Fake) {
  const device = referenceDevice()
  const log = { runs: 0, layers: 0 }
  return {
    ...device,
    log,
    info: () => ({ kind, name, software, threads: 1, variants: {}, notes: [] }),
    load: (async (program) => {
      time.spend(load)
      log.layers = program.ops.filter(({ kind: op }) => op === 'attention').length
      const session = await device.load({ ...program, ops: [] })
      const fakeRun = (): Promise<Float32Array> => {
        if (fails) return Promise.reject(new Error(fails))
        log.runs++
        time.spend(run(log.layers))
        return Promise.resolve(new Float32Array(0))
      }
      return { ...session, run: fakeRun }
    }) as Device['load'],
  }
}

const keptNowhere = (): DeviceStore => {
  const kept = new Map<string, string>()
  return {
    get: async (key) => kept.get(key) ?? null,
    set: async (key, value) => void kept.set(key, value),
    clear: async () => kept.clear(),
  }
}

const model = syntheticModel('int8')
const choose = (
  cpu: Omit<Fake, 'kind'>,
  gpu: Omit<Fake, 'kind'>,
  options: { model?: StoredModel; memory?: DeviceStore } = {},
) => {
  const clock = fakeTime()
  const devices = [fake(clock, { kind: 'cpu', ...cpu }), fake(clock, { kind: 'gpu', ...gpu })] as const
  const memory = options.memory ?? keptNowhere()
  return { clock, devices, memory, made: chooseDevice(...devices, { model: options.model ?? model, memory, clock }) }
}

describe('device auto', () => {
  it('takes the faster device and says both times', async () => {
    for (const [cpu, gpu, chosen] of [
      [4, 3, 'gpu'],
      [3, 4, 'cpu'],
    ] as const) {
      const { decision } = await choose({ run: () => cpu }, { run: () => gpu }).made
      expect(decision).toMatchObject({ chosen, cpuMs: cpu, gpuMs: gpu, tokens: 16, remembered: false, failure: null })
      expect(decision.tookMs).toBeLessThanOrEqual(MOST_MS)
      expect(decisionNote(decision, 'a card')).toBe(
        `device auto: ${chosen === 'gpu' ? 'the GPU (a card)' : 'WebAssembly'} is used; a text of 16 tokens takes ${cpu} ms on WebAssembly, ${gpu} ms on the GPU (a card) (measured in ${decision.tookMs} ms)`,
      )
    }
  })

  it('takes an emulated GPU only where it was measured faster, and by its layers', async () => {
    const slow = await choose({ run: () => 3 }, { software: true, run: () => 30 }).made
    expect(slow.decision.chosen).toBe('cpu')
    const fast = await choose({ run: () => 3 }, { software: true, run: () => 2 }).made
    expect(fast.decision.chosen).toBe('gpu')
  })

  it('runs a layer of a large model on WebAssembly, all of them on a real GPU, one on an emulated one', async () => {
    const config = { ...model.config, layers: 12, hiddenSize: 1024, intermediateSize: 4096 }
    const weight = (N: number, K: number): LinearWeight => ({ kind: 'f32', N, K, data: new Float32Array(0) })
    const [first] = model.layers
    const wide = { ...first }
    for (const role of LAYER_LINEARS) wide[role] = { weight: weight(1024, 1024), bias: null }
    const large = { ...model, config, layers: Array.from({ length: 12 }, () => wide) }
    for (const software of [false, true]) {
      const { devices, made } = choose({ run: (n) => 10 * n }, { software, run: (n) => 1 + n }, { model: large })
      const { decision } = await made
      expect(devices.map(({ log }) => log.layers)).toEqual([1, software ? 1 : 12])
      expect([decision.cpuMs, decision.gpuMs]).toEqual([120, software ? 24 : 13])
    }
  })

  it('waits 200 ms for a GPU, runs on WebAssembly until then, and remembers the time that came late', async () => {
    const memory = keptNowhere()
    const { made } = choose({ run: () => 4 }, { load: 700, run: () => 1 }, { memory })
    const { decision, settled } = await made
    expect(decision).toMatchObject({ chosen: 'cpu', cpuMs: 4, gpuMs: null })
    expect(decisionNote(decision, 'a card')).toMatch(/not ready within 200 ms; the next start will know its time$/)
    await settled
    const next = await choose({ run: () => 4 }, { run: () => 1 }, { memory }).made
    expect(next.decision).toMatchObject({ chosen: 'gpu', gpuMs: 1, remembered: true })
  })

  it('runs on WebAssembly where the GPU fails, says why, and remembers nothing', async () => {
    const memory = keptNowhere()
    const { decision } = await choose({ run: () => 4 }, { run: () => 1, fails: 'the device was lost' }, { memory }).made
    expect(decision.chosen).toBe('cpu')
    expect(decisionNote(decision, 'a card')).toMatch(/the GPU \(a card\) failed: the device was lost$/)
    const next = await choose({ run: () => 4 }, { run: () => 1 }, { memory }).made
    expect(next.decision).toMatchObject({ chosen: 'gpu', remembered: false })
  })

  it('remembers by adapter, threads and shape, and measures where what is kept cannot be read', async () => {
    const memory = keptNowhere()
    const asked = async (cpu: object, gpu: object, other?: StoredModel) => {
      const { made, devices } = choose({ run: () => 4, ...cpu }, { run: () => 2, ...gpu }, { memory, model: other })
      const { decision, settled } = await made
      await settled
      return [decision.chosen, decision.remembered, devices[1].log.runs > 0]
    }
    const measured = ['gpu', false, true]
    expect(await asked({}, {})).toEqual(measured)
    expect(await asked({}, {})).toEqual(['gpu', true, false])
    expect(await asked({}, { name: 'another card' })).toEqual(measured)
    expect(await asked({ name: '4 threads' }, {})).toEqual(measured)
    expect(await asked({}, {}, { ...model, config: { ...model.config, recipe: 'sp80x4+q8' } })).toEqual(measured)
    await memory.clear()
    expect(await asked({}, {})).toEqual(measured)
    const rubbish: DeviceStore = { ...memory, get: async () => '{"chosen":"gpu","cpuMs":1,"gpuMs":null,"tokens":16}' }
    const { decision } = await choose({ run: () => 1 }, { run: () => 2 }, { memory: rubbish }).made
    expect(decision).toMatchObject({ chosen: 'cpu', remembered: false })
  })
})

describe('what is remembered', () => {
  it('is kept for the process, on disk in Node, and forgotten on demand', async () => {
    const file = join(folder, 'devices.json')
    const open = () => openMemory(() => Promise.resolve(devicesOnDisk(file)))
    await open().set('a', '1')
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ a: '1' })
    await writeFile(file, '{"b":"2","c":3}')
    expect(await Promise.all(['a', 'b', 'c', 'toString'].map((key) => open().get(key)))).toEqual(['1', '2', null, null])
    await open().clear()
    expect(await Promise.all(['a', 'b'].map((key) => open().get(key)))).toEqual([null, null])
    await writeFile(file, 'half of a')
    expect(await open().get('b')).toBeNull()
  })

  it('does without a store that fails', async () => {
    const failing = openMemory(() => Promise.reject(new Error('not allowed')))
    await failing.set('d', '4')
    expect(await failing.get('d')).toBe('4')
    await failing.clear()
    expect(await failing.get('d')).toBeNull()
  })
})

it('measures WebAssembly beside the software GPU for a pipeline, and remembers', async () => {
  const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film']
  const source = { weights: model, tokenizer: tokenizerFromVocabulary(words, { lowercase: true }) }
  const options = { device: 'auto', software: 'allow', threads: 1 } as const
  const start = async (): Promise<string> => {
    await using classify = await pipeline('text-classification', source, options)
    expect((await classify('good film'))[0].label).toMatch(/negative|positive/)
    return classify.info().notes[0]
  }
  const said = /^device auto: .* is used; a text of 16 tokens takes [\d.e-]+ ms on WebAssembly, /
  expect(await start()).toMatch(said)
  // SwiftShader may compile for longer than anybody waits: its time comes late then
  const second = await vi.waitFor(
    async () => {
      const note = await start()
      expect(note).toMatch(/\(remembered\)$/)
      return note
    },
    { timeout: 30_000, interval: 500 },
  )
  expect(second).toMatch(said)
  expect(second).toMatch(/ ms on the GPU \(/)
}, 60_000)
