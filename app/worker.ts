// All computing happens here, so that the page stays alive: model, compression, kernels and their threads.

import { linearCases } from '../bench/kernels/cases.ts'
import { expectedOf, verify } from '../bench/kernels/verify.ts'
import { burst, fastestCalibration, timing, warmCalibration } from '../bench/lib/measure.ts'
import { parseShapes } from '../bench/lib/shapes.ts'
import type { Device, Session } from '../kernels/program/device.ts'
import { applyRecipe } from '../ts/recipe/apply.ts'
import { isModelFile, memoryFiles } from '../ts/io/folder.ts'
import { buildProgram } from '../ts/model/bert.ts'
import { loadModel, loadModelFiles, type LoadedModel } from '../ts/model/load.ts'
import { inspectModel } from '../ts/recipe/ledger.ts'
import { scoresOf } from '../ts/model/scores.ts'
import { sampleRuns } from '../ts/evaluation/sampling.ts'
import { median } from '../ts/evaluation/statistics.ts'
import { encodeTexts, packBatch } from '../ts/inference/batches.ts'
import { openDevice } from '../ts/inference/devices.ts'
import { openTokenizer } from '../ts/inference/tokenizer.ts'
import type { Classified, DeviceRequest, ModelChoice, Reply, Request } from './messages.ts'
import { SHAPE_FILES, stubVocabulary } from './choices.ts'

const say = (reply: Reply): void => postMessage(reply)
const progress = (message: string): void => say({ verb: 'progress', message })

const RUNS = 9
/** Length of one sample: a page's clock steps by up to 0.1 ms. */
const SAMPLE_MS = 5
const KERNELS = ['f32', 'int8', 'csr', 'int8-1x4', 'nm', 'low-rank']

let opened: { key: string; device: Promise<Device> } | null = null
let loaded: { key: string; session: Session; model: LoadedModel; notes: string[]; fileBytes: number } | null = null
let chosen: { choice: ModelChoice; model: Promise<LoadedModel> } | null = null

/** One device at a time: a device keeps the most memory it ever needed. */
async function deviceFor({ kind, threads }: DeviceRequest): Promise<Device> {
  const key = `${kind} ${threads}`
  if (opened?.key !== key) {
    await release()
    opened = { key, device: openDevice({ device: kind, threads }).then(({ device }) => device) }
  }
  return opened!.device
}

/** Frees the device and what is loaded on it. */
async function release(): Promise<void> {
  const old = opened
  opened = loaded = null
  await old?.device.then((device) => device.dispose()).catch(() => {})
}

async function openModel(choice: ModelChoice): Promise<LoadedModel> {
  if ('preset' in choice) {
    const model = await loadModel(`preset:${choice.preset}`)
    return { ...model, tokenizerFiles: { 'vocab.txt': stubVocabulary() } }
  }
  if ('address' in choice)
    return loadModel(choice.address, { progress: ({ file, status }) => progress(`${file}: ${status}`) })
  const own = choice.files.filter(isWanted)
  const files = await Promise.all(own.map(async (file) => [file.name, await file.arrayBuffer()] as const))
  return loadModelFiles(memoryFiles(Object.fromEntries(files), 'the chosen folder'))
}

/** The folder's own files alone: folders in it may have a config.json of another thing. */
const isWanted = ({ name, webkitRelativePath }: File): boolean =>
  webkitRelativePath.split('/').length <= 2 && isModelFile(name)

async function load(request: Request & { verb: 'classify' }): Promise<NonNullable<typeof loaded>> {
  const { model: choice, variant, device: where } = request
  const names =
    'files' in choice ? { files: choice.files.map((f) => [f.webkitRelativePath, f.size, f.lastModified]) } : choice
  const key = JSON.stringify([names, variant, where])
  if (loaded?.key === key) return loaded
  loaded?.session.dispose()
  loaded = null
  if (JSON.stringify(chosen?.choice) !== JSON.stringify(choice) || 'files' in choice) {
    progress('opening the model …')
    chosen = { choice, model: openModel(choice) }
  }
  const model = await chosen!.model
  progress(`making ${variant} …`)
  const made =
    variant === 'baseline'
      ? { model: model.weights, notes: [] }
      : await applyRecipe(model.weights, variant, { seed: 1 })
  progress('packing the weights …')
  const device = await deviceFor(where)
  const fileBytes = inspectModel(made.model, { header: true }).bytes
  const session = await device.load(buildProgram(made.model, 'logits'))
  const notes =
    'preset' in choice ? ['random weights: the label means nothing, time and size do', ...made.notes] : made.notes
  loaded = { key, session, model: { ...model, weights: made.model }, notes, fileBytes }
  return loaded
}

async function classify(request: Request & { verb: 'classify' }): Promise<Classified> {
  const { session, model, notes, fileBytes } = await load(request)
  const { config } = model.weights
  const tokenizer = await openTokenizer(model.tokenizerFiles, config, model.where)
  const [ids] = encodeTexts(tokenizer, [request.text], config.maxPositions).ids
  const batch = packBatch([ids])
  const start = performance.now()
  const logits = new Float32Array(await session.run(batch))
  const coldMs = performance.now() - start
  const times = await sampleRuns(() => session.run(batch), { minMs: 0, minRuns: RUNS })
  const scores = scoresOf(config)(logits)
  const info = (await deviceFor(request.device)).info()
  return {
    labels: config.labels.map((label, i) => ({ label, score: scores[i] })).sort((a, b) => b.score - a.score),
    tokens: ids.length,
    medianMs: median(times),
    coldMs,
    fileBytes,
    deviceBytes: session.stats().weightBytes,
    info,
    notes: [...notes, ...info.notes],
  }
}

async function bench({ shapes, device: where }: Request & { verb: 'bench' }): Promise<void> {
  const device = await deviceFor(where)
  warmCalibration()
  for (const shape of parseShapes(SHAPE_FILES[shapes], shapes)) {
    const size = `${shape.M} x ${shape.N} x ${shape.K}`
    for (const kernel of linearCases(shape, KERNELS)) {
      progress(`${size}: ${kernel.op} ${kernel.variant}`)
      const session = await device.load(kernel.program)
      // an error frees the device, and the session with it
      const maxError = await verify(session, kernel, expectedOf(kernel), `${kernel.op} ${size}`)
      for (let i = 0; i < 3; i++) await session.run(kernel.batch)
      const bursts = []
      for (let round = 0; round < 3; round++)
        bursts.push(await burst(round, () => session.run(kernel.batch), { minMs: 60, minRuns: 3, sampleMs: SAMPLE_MS }))
      session.dispose()
      const { medianMs } = timing(bursts, fastestCalibration([bursts]), false)
      const gops = kernel.denseOps / medianMs / 1e6
      say({ verb: 'kernel', result: { shape: size, op: kernel.op, variant: kernel.variant, medianMs, gops, maxError } })
    }
  }
  say({ verb: 'benched', info: device.info() })
}

let queue: Promise<void> = Promise.resolve()
addEventListener('message', ({ data: request }: MessageEvent<Request>) => {
  queue = queue
    .then(async () => {
      if (request.verb === 'bench') await bench(request)
      else say({ verb: 'classified', result: await classify(request) })
    })
    .catch(async (error: unknown) => {
      // the next request starts anew: a device may be lost, an address may answer by then
      chosen = null
      await release()
      say({ verb: 'error', message: error instanceof Error ? error.message : String(error) })
    })
})
