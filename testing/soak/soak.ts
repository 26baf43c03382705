// Many calls of many lengths on several devices: every answer is what the same call gave before, and nothing grows.

import { readdir } from 'node:fs/promises'
import type { Device, Session } from '../../kernels/program/device.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { createGpuDevice } from '../../kernels/webgpu/device.ts'
import { runReference } from '../../kernels/reference.ts'
import type { Program } from '../../kernels/program/program.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { randomModel } from '../../ts/model/preset.ts'
import { packBatch } from '../../ts/inference/batches.ts'
import { SMALL, syntheticModel, type WeightFormat } from '../models.ts'

export interface SoakOptions {
  seconds: number
  /** ends it too; no bound if not given */
  calls?: number
  seed?: number
  /** longest sequence */
  tokens?: number
  formats?: WeightFormat[]
  gpu?: boolean
  progress?: (words: string) => void
}

/** Bytes and counts after the first tenth, and at the end. */
export interface Growth {
  what: string
  begin: number
  end: number
}

export interface SoakReport {
  calls: number
  /** sessions that were made anew, with their weights */
  loads: number
  texts: number
  wrong: string[]
  growth: Growth[]
  seconds: number
}

const MOST_TEXTS = 5
/** Longer batches are compared with themselves alone. */
const MOST_REFERENCE_TOKENS = 200
/** Of each device and format, as many inputs come again and again. */
const INPUTS = 12
/** One call of so many goes to the GPU: a software GPU takes as long for it as the CPU for twenty. */
const GPU_SHARE = 20
/** Calls until a session is disposed and loaded anew. */
const CALLS_OF_SESSION = 40
/** Largest distance from the float64 reference: as testing/compatibility has it, twice as deep. */
const boundOf = (format: WeightFormat): number => (format.includes('int8') ? 2e-2 : 1e-4)

interface Lane {
  name: string
  device: Device
  format: WeightFormat
  program: Program
  session: Session | null
  calls: number
  known: Map<number, Float32Array>
}

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const {
    seconds,
    calls = Infinity,
    seed = 1,
    tokens = 512,
    formats = ['f32', 'int8', 'csr', 'int8-1x4', 'nm', 'chain'],
    progress,
  } = options
  const devices = [
    await createWasmDevice({ threads: 1, build: 'baseline', shared: false }),
    await createWasmDevice({ threads: 2, build: 'relaxed', shareFrom: 0 }),
    ...(options.gpu ? [await createGpuDevice()] : []),
  ]
  const lanes: Lane[] = devices.flatMap((device) =>
    formats.map((format): Lane => {
      const program = buildProgram(longModel(format, tokens), 'logits') as Program
      return {
        name: `${device.info().name}, ${format}`,
        device,
        format,
        program,
        session: null,
        calls: 0,
        known: new Map(),
      }
    }),
  )
  const report: SoakReport = { calls: 0, loads: 0, texts: 0, wrong: [], growth: [], seconds: 0 }
  const random = createRandom(seed, 'soak')
  const began = performance.now()
  let first: Record<string, number> | null = null
  try {
    for (let told = 0; performance.now() - began < seconds * 1000 && report.calls < calls;) {
      const isOnGpu = random.int(GPU_SHARE) === 0
      const some = lanes.filter(({ device }) => (device.info().kind === 'gpu') === isOnGpu)
      const lane = (some.length > 0 ? some : lanes)[random.int((some.length > 0 ? some : lanes).length)]
      await callOnce(lane, random.int(INPUTS), tokens, seed, report)
      const done = Math.max((performance.now() - began) / 1000 / seconds, report.calls / calls)
      if (!first && done > 0.1) first = await sizesOf(lanes)
      if (Math.floor(done * 10) > told) {
        told = Math.floor(done * 10)
        progress?.(`${told * 10} %: ${report.calls} calls, ${report.wrong.length} wrong`)
      }
    }
    const last = await sizesOf(lanes)
    report.growth = Object.entries(last).map(([what, end]) => ({ what, begin: first?.[what] ?? end, end }))
  } finally {
    for (const { session } of lanes) session?.dispose()
    for (const device of devices) await device.dispose()
  }
  report.seconds = (performance.now() - began) / 1000
  return report
}

function longModel(format: WeightFormat, tokens: number) {
  const model = syntheticModel(format, 5)
  const { embeddings } = randomModel({ ...SMALL, labels: [...SMALL.labels], maxPositions: tokens }, 5)
  return { ...model, config: { ...model.config, maxPositions: tokens }, embeddings }
}

async function callOnce(lane: Lane, input: number, tokens: number, seed: number, report: SoakReport): Promise<void> {
  const { program } = lane
  if (!lane.session || lane.calls % CALLS_OF_SESSION === CALLS_OF_SESSION - 1) {
    lane.session?.dispose()
    lane.session = await lane.device.load(program, { guard: true })
    report.loads++
  }
  lane.calls++
  const random = createRandom(seed, `input ${input}`)
  const lengths = Array.from({ length: 1 + random.int(MOST_TEXTS) }, () => {
    // as many short ones as long ones
    const most = Math.max(1, Math.round(tokens / 2 ** random.int(9)))
    return 1 + random.int(most)
  })
  const sequences = lengths.map((length) => Int32Array.from({ length }, () => random.int(SMALL.vocabSize)))
  const { ids, offsets } = packBatch(sequences)
  const batch = { ids, offsets, types: new Int32Array(ids.length) }
  const y = await lane.session.run(batch)
  report.calls++
  report.texts += lengths.length
  const damage = await lane.session.checkGuards()
  const known = lane.known.get(input)
  if (damage.length > 0) report.wrong.push(`${lane.name}, input ${input}: ${damage.join('; ')}`)
  if (!known) {
    lane.known.set(input, y)
    // a float64 reference of long sequences takes seconds
    if (ids.length > MOST_REFERENCE_TOKENS) return
    const expected = runReference(program, batch)
    const furthest = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i])), 0)
    if (!(furthest <= boundOf(lane.format)))
      report.wrong.push(`${lane.name}, input ${input}: ${furthest} from the reference`)
  } else if (!known.every((value, i) => Object.is(value, y[i])))
    report.wrong.push(`${lane.name}, input ${input}: another answer than before`)
}

/** What could grow: memory of the process and of sessions, handles that keep a process alive. */
async function sizesOf(lanes: Lane[]): Promise<Record<string, number>> {
  // what waits for the event loop is freed first
  await new Promise((resolve) => setTimeout(resolve, 20))
  ;(globalThis as { gc?: () => void }).gc?.()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  // of the system, where it tells: workers that ended are gone from it
  const threads = await readdir('/proc/self/task').catch(() => [])
  const arena = lanes.reduce((sum, { session }) => sum + (session?.stats().arenaBytes ?? 0), 0)
  return {
    'JavaScript heap, bytes': heapUsed,
    'array buffers, bytes': arrayBuffers,
    'resident set, bytes': rss,
    'activation buffers of sessions, bytes': arena,
    threads: threads.length,
  }
}
