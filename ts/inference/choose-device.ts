// What 'auto' does where there is a GPU: runs the model's own first layer on both devices, takes the faster one, and
// remembers that. Loaded only where two devices are there to choose from.

import type { Device, Session } from '../../kernels/program/device.ts'
import { readWeight, type StoredWeight } from '../../kernels/program/stored-weights.ts'
import type { Batch } from '../../kernels/program/program.ts'
import type { LinearWeight } from '../../kernels/program/weights.ts'
import { buildProgram } from '../model/bert.ts'
import { appliedLayers, LAYER_LINEARS, type EncoderLayer, type StoredModel } from '../model/weights.ts'
import { openMemory } from './device-memory.ts'
import type { DeviceStore } from './device-store.ts'

/** What 'auto' decided between WebAssembly and a GPU. */
export interface DeviceDecision {
  chosen: 'cpu' | 'gpu'
  /** milliseconds of one text of `tokens` tokens through the model's layers, from one or a few of them */
  cpuMs: number
  /** the same on the GPU; null where it had no result when the time was over */
  gpuMs: number | null
  tokens: number
  /** that the decision took */
  tookMs: number
  /** found at an earlier start, or for another pipeline */
  remembered: boolean
  /** why the GPU could not be measured; null where it could, or was not ready */
  failure: string | null
}

/** Time as the choice sees it; tests have a clock of their own. */
export interface Clock {
  /** milliseconds */
  now(): number
  /** resolves to null after so many milliseconds; `stop` lets the process end before */
  after(ms: number): { over: Promise<null>; stop: () => void }
}

const CLOCK: Clock = {
  now: () => performance.now(),
  after: (ms) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const over = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), ms)))
    return { over, stop: () => clearTimeout(timer) }
  },
}

/** Nobody waits longer for the decision. */
export const MOST_MS = 200
/** Of them, for WebAssembly's runs. */
const CPU_MS = 50
/** Runs after the first, of which the least time counts. */
const RUNS = 5
/** A sentence. */
const TOKENS = 32
/** Multiply-adds of one run on WebAssembly: 10 ms and less on one thread that is not fast. */
const MOST_WORK = 1e8

/** What a choice needs beside the devices; all but the model is for tests. */
export interface ChoiceOptions {
  model: StoredModel
  memory?: DeviceStore
  clock?: Clock
}

export interface Choice {
  decision: DeviceDecision
  /** the model, with its first layer in memory where that was read: files may be released as they are read */
  model: StoredModel
  /** resolves when nothing is measured on the GPU any more, so that it may be freed */
  settled: Promise<void>
}

/** Times both devices on the model's first layer, or remembers what was found before. */
export async function chooseDevice(
  cpu: Device,
  gpu: Device,
  { model, memory = openMemory(), clock = CLOCK }: ChoiceOptions,
): Promise<Choice> {
  const began = clock.now()
  const key = keyOf(cpu, gpu, model)
  const known = readDecision(await memory.get(key))
  if (known) {
    const decision = { ...known, tookMs: clock.now() - began, remembered: true, failure: null }
    return { decision, model, settled: Promise.resolve() }
  }
  const limit = clock.after(MOST_MS)
  try {
    const read = await withFirstLayer(model)
    const { layers } = read.config
    const tokens = Math.min(TOKENS, model.config.maxPositions)
    const batch = rowsOf(tokens, model.config.hiddenSize)
    const few = fewLayers(read, tokens)
    const cpuMs = (layers / few) * (await leastMs(cpu, read, few, batch, clock, began + CPU_MS))
    // an emulated GPU takes as long as it has layers; of a real one's time much is the way there and back, once
    const many = gpu.info().software ? few : layers
    const measured = leastMs(gpu, read, many, batch, clock, began + MOST_MS)
      .then((ms) => ({ gpuMs: (layers / many) * ms, failure: null }))
      .catch((error: Error) => ({ gpuMs: null, failure: error.message.split('\n')[0] }))
    const decide = ({ gpuMs, failure }: Pick<DeviceDecision, 'gpuMs' | 'failure'>): DeviceDecision => ({
      chosen: gpuMs !== null && gpuMs < cpuMs ? 'gpu' : 'cpu',
      ...{ cpuMs, gpuMs, tokens, tookMs: clock.now() - began, remembered: false, failure },
    })
    const keep = async (found: DeviceDecision): Promise<void> => {
      if (found.gpuMs !== null) await memory.set(key, JSON.stringify(found))
    }
    const decision = decide((await Promise.race([measured, limit.over])) ?? { gpuMs: null, failure: null })
    // shaders that are compiled for the first time take longer than anybody waits: the next start will know
    const settled = decision.gpuMs === null ? measured.then((late) => keep(decide(late))) : keep(decision)
    return { decision, model: read, settled }
  } finally {
    limit.stop()
  }
}

/** The decision in a sentence for info().notes. */
export function decisionNote(decision: DeviceDecision, gpuName: string): string {
  const { chosen, cpuMs, gpuMs, tokens, tookMs, remembered, failure } = decision
  const ms = (value: number): string => `${Number(value.toPrecision(3))} ms`
  const gpu = `the GPU (${gpuName})`
  const said = `device auto: ${chosen === 'gpu' ? gpu : 'WebAssembly'} is used; a text of ${tokens} tokens takes ${ms(cpuMs)} on WebAssembly`
  if (failure !== null) return `${said}, and ${gpu} failed: ${failure}`
  if (gpuMs === null) return `${said}, and ${gpu} was not ready within ${MOST_MS} ms; the next start will know its time`
  return `${said}, ${ms(gpuMs)} on ${gpu} (${remembered ? 'remembered' : `measured in ${Math.round(tookMs)} ms`})`
}

const rowsOf = (M: number, C: number): Batch => ({
  offsets: Int32Array.of(0, M),
  rows: Float32Array.from({ length: M * C }, (_, i) => Math.sin(i)),
})

const weightsOf = (layer: EncoderLayer<LinearWeight | StoredWeight>): number =>
  LAYER_LINEARS.reduce((sum, role) => sum + layer[role].weight.N * layer[role].weight.K, 0)

/** How many layers WebAssembly runs: all of a small model, one of a large one. */
function fewLayers({ config, layers }: StoredModel, tokens: number): number {
  const most = Math.floor(MOST_WORK / (tokens * weightsOf(layers[0])))
  return Math.max(1, Math.min(config.layers, most))
}

/** The model with its first layer in memory; nothing is read twice, since files may be released as they are read. */
async function withFirstLayer(model: StoredModel): Promise<StoredModel> {
  const [first, ...others] = model.layers
  const read = { ...first }
  for (const role of LAYER_LINEARS) {
    const { weight, bias } = first[role]
    read[role] = { weight: weight.kind === 'stored' ? await readWeight(weight) : weight, bias }
  }
  return { ...model, layers: [read, ...others] }
}

/** Milliseconds of `count` layers, all of them the first: the least of a few runs after one that nobody counts. */
async function leastMs(
  device: Device,
  model: StoredModel,
  count: number,
  batch: Batch,
  clock: Clock,
  end: number,
): Promise<number> {
  const [first] = appliedLayers(model)
  const layers = Array.from({ length: count }, () => first)
  const config = { ...model.config, layers: count, layerGroups: undefined }
  // the rows of one token are little to read back, as of a classifier
  const same = { ...model, config, layers, pooler: null, classifier: null }
  const session = await device.load(buildProgram(same, 'embeddings', { input: 'hidden', normalize: false }))
  try {
    await session.run(batch)
    return await leastOf(session, batch, clock, end)
  } finally {
    session.dispose()
  }
}

async function leastOf(session: Session, batch: Batch, clock: Clock, end: number): Promise<number> {
  let least = Infinity
  for (let run = 0; run < RUNS && (run === 0 || clock.now() < end); run++) {
    const began = clock.now()
    await session.run(batch)
    least = Math.min(least, clock.now() - began)
  }
  return least
}

/** Raise it where what is measured, or how it is written, changes. */
const VERSION = 1

/** Adapter, threads and the model's shape and formats: what a time depends on. */
function keyOf(cpu: Device, gpu: Device, { config, layers }: StoredModel): string {
  const { name, variants } = cpu.info()
  const on = gpu.info()
  const { hiddenSize, intermediateSize, heads, family = 'bert', recipe } = config
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? ''
  return JSON.stringify([
    ...[VERSION, agent, name, variants['int8-matmul'] ?? '', on.name, on.precision],
    ...[family, config.layers, layers.length, hiddenSize, intermediateSize, heads, recipe],
  ])
}

function readDecision(text: string | null): Omit<DeviceDecision, 'tookMs' | 'remembered' | 'failure'> | null {
  try {
    const { chosen, cpuMs, gpuMs, tokens } = JSON.parse(text ?? '') as DeviceDecision
    const isRight = (chosen === 'cpu' || chosen === 'gpu') && cpuMs > 0 && gpuMs !== null && gpuMs > 0 && tokens > 0
    return isRight ? { chosen, cpuMs, gpuMs, tokens } : null
  } catch {
    return null
  }
}
