// Who takes part in `bench models`: a variant's weights in every form that a contender reads, and the contenders' processes.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runReference } from '../kernels/reference.ts'
import type { Program } from '../kernels/program/program.ts'
import { buildProgram } from '../ts/model/bert.ts'
import { saveModel } from '../ts/model/save.ts'
import { exportOnnx } from '../ts/onnx/export.ts'
import { createRandom } from '../kernels/program/random.ts'
import { batchOf } from './contenders/ours.ts'
import type { BrowserAdapter } from '../testing/browser/chromium.ts'
import { nodeChannel, pythonChannel, type Channel } from './lib/channel.ts'
import { MODEL_PAGES, chromiumChannel } from './lib/chromium.ts'
import { CONTENDERS, PEERS, type Description, type Host, type ModelInput, type Task } from './lib/contender.ts'
import { denseModel, hasInt8 } from './lib/exports.ts'
import type { Burst } from './lib/measure.ts'
import { RemoteContender } from './lib/remote.ts'
import { short } from './lib/results.ts'
import { buildVariant } from './lib/variant.ts'
import type { ModelBenchOptions } from './models.ts'

/** Tokens that the float64 reference checks: it takes seconds for a few tokens of a large model. */
export const CHECK_TOKENS = 16

/** How far the embeddings are moved to see how much the logits of a variant hang on the last bits. */
const NUDGE = 1e-6

export interface Entrant {
  remote: RemoteContender
  task: Task
  contender: string
  host: Host
  prepareMs: number
  coldMs: number
  description: Description
  logits: Float32Array
  maxError: number
  bursts: Burst[]
  gpuMs: number[]
}

export interface Variant {
  name: string
  onnxPath: string | null
  densePath: string | null
  /** the variant as we write it */
  folder: string
  int8: boolean
  vocabulary: number
  /** logits of the check input in float64 */
  reference: Float64Array
}

function seededInput(vocabulary: number, batch: number, tokens: number, seed: number): ModelInput {
  const random = createRandom(seed, 'bench-ids')
  return { batch, tokens, ids: Int32Array.from({ length: batch * tokens }, () => random.int(vocabulary)) }
}

/** The program with the embeddings' beta moved by up to NUDGE, another amount in each column. */
function nudged(program: Program): Program {
  const [first, ...rest] = program.ops
  if (first.kind !== 'embedding') throw new Error('bench: the program does not start with an embedding')
  const beta = first.beta.map((value, c) => value + NUDGE * (((c * 37) % 7) / 3 - 1))
  return { ...program, ops: [{ ...first, beta }, ...rest] }
}

/** Makes the variant in this process once: for its reference and for the files that ours and the peers read. */
export async function prepareVariant(
  notes: string[],
  name: string,
  folder: string,
  options: ModelBenchOptions,
): Promise<Variant> {
  options.log(`${name}: making the weights and their float64 reference …`)
  const weights = await buildVariant(options.model, name, options.seed)
  const vocabulary = weights.embeddings.word.rows
  const check = seededInput(vocabulary, 1, Math.min(CHECK_TOKENS, options.tokens), options.seed + 1)
  const program = buildProgram(weights, 'logits')
  const reference = runReference(program, batchOf(check))
  const shift = largestDifference(runReference(nudged(program), batchOf(check)), reference)
  notes.push(
    `${name}: the float64 reference itself moves by ${short(shift)} where its embeddings move by ${NUDGE}` +
      (shift > 100 * NUDGE
        ? ': roundings to int8 flip and spread, so a max error of that size is no fault of a kernel'
        : ''),
  )
  let onnxPath: string | null = null
  if (options.peers.some((peer) => peer.startsWith('ort-'))) {
    onnxPath = join(folder, 'model.onnx')
    await exportOnnx(weights, onnxPath)
    options.log(`${name}: exported as ONNX, ${((await stat(onnxPath)).size / 1e6).toFixed(1)} MB`)
  }
  let densePath: string | null = null
  if (options.peers.some((peer) => peer.startsWith('torch'))) {
    densePath = join(folder, 'dense')
    await saveModel(denseModel(weights), densePath)
  }
  const own = join(folder, 'own')
  await saveModel(weights, own)
  return { name, onnxPath, densePath, folder: own, int8: hasInt8(weights), vocabulary, reference }
}

/**
 * Who runs and where: what can run in a page does so on every host that is asked for, the others in their own process;
 * where one of them runs in pages alone and none is asked for, an isolated one is added, for ours beside it.
 */
function wanted({
  devices,
  peers,
  hosts,
}: ModelBenchOptions): { contender: string; device: 'cpu' | 'gpu'; host: Host }[] {
  const isPaged = peers.some((peer) => !Object.hasOwn(CONTENDERS, peer))
  const all: Host[] = isPaged && hosts.every((host) => host === 'node') ? [...hosts, 'chromium'] : hosts
  const contenders = [
    ...devices.map((device) => ({ contender: 'compact-kernels', device })),
    ...peers.map((peer) => ({ contender: peer, device: PEERS[peer] })),
  ]
  return contenders.flatMap((who) => {
    if (!Object.hasOwn(MODEL_PAGES, who.contender)) return [{ ...who, host: 'node' as const }]
    const places = Object.hasOwn(CONTENDERS, who.contender) ? all : all.filter((host) => host !== 'node')
    return places.map((host) => ({ ...who, host }))
  })
}

/** Starts a contender's process. A page's task names the files as the page's server does. */
async function open(
  contender: string,
  host: Host,
  task: Task,
  adapter: BrowserAdapter,
): Promise<{ channel: Channel; task: Task; browser?: string }> {
  if (host === 'node') {
    const place = CONTENDERS[contender]
    return { channel: place.endsWith('.py') ? pythonChannel(place) : nodeChannel(), task }
  }
  const files = new Map<string, URL>()
  if (task.onnxPath !== null) files.set('model.onnx', pathToFileURL(task.onnxPath))
  for (const name of await readdir(task.folder)) files.set(`own/${name}`, pathToFileURL(join(task.folder, name)))
  const isolated = host === 'chromium'
  const channel = await chromiumChannel(MODEL_PAGES[contender], files, isolated, adapter)
  const served = { ...task, onnxPath: task.onnxPath && 'model.onnx', folder: './own' }
  return { channel, task: { ...served, threads: isolated ? task.threads : 1 }, browser: channel.browser }
}

/** Loads a variant into every contender. A peer that cannot run it is named in the notes; ours failing is an error. */
export async function enter(variant: Variant, options: ModelBenchOptions, notes: string[]): Promise<Entrant[]> {
  const { batch, tokens, seed, threads, precision = 'f32' } = options
  const input = seededInput(variant.vocabulary, batch, tokens, seed)
  const check = seededInput(variant.vocabulary, 1, Math.min(CHECK_TOKENS, tokens), seed + 1)
  const entrants: Entrant[] = []
  const { name, onnxPath, densePath, folder, int8 } = variant
  const note = (text: string): void => void (notes.includes(text) || notes.push(text))
  for (const { contender, device, host } of wanted(options)) {
    const who = host === 'node' ? contender : `${contender} in ${host}`
    let remote: RemoteContender | null = null
    try {
      const asked = { variant: name, onnxPath, densePath, folder, int8, threads, device, precision }
      const { channel, task, browser } = await open(contender, host, asked, options.browserAdapter ?? 'software')
      remote = new RemoteContender(`${who} ${name} ${device}`, channel)
      const { prepareMs } = await remote.prepare(contender, task)
      const { firstMs, output: logits, description } = await remote.first(input)
      const checked = await remote.output(check)
      const maxError = largestDifference(checked, variant.reference)
      // The timed runs go on with the full input.
      await remote.output(input)
      entrants.push({
        remote,
        task,
        contender,
        host,
        prepareMs,
        coldMs: firstMs,
        description,
        logits,
        maxError,
        bursts: [],
        gpuMs: [],
      })
      options.log(
        `${name}: ${who} ${description.engineVersion} on ${device}${description.software ? ' (software adapter)' : ''}, ` +
          `${description.threads} thread${description.threads === 1 ? '' : 's'}: first run ${firstMs.toFixed(0)} ms, max error ${short(maxError)}`,
      )
      if (browser !== undefined)
        note(`${host}: ${browser}${host === 'chromium' ? ', cross-origin isolated' : ', not isolated, 1 thread'}`)
      for (const said of description.notes) note(`${who}: ${said}`)
    } catch (error) {
      await remote?.dispose()
      if (contender === 'compact-kernels') {
        await Promise.all(entrants.map((entrant) => entrant.remote.dispose()))
        throw error
      }
      const reason = (error as Error).message.split('\n')[0]
      note(`${who} did not run '${name}': ${reason}`)
      options.log(`${name}: ${who} did not run: ${reason}`)
    }
  }
  return entrants
}

export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`bench: ${actual.length} logits, expected ${expected.length}`)
  let worst = 0
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i])
    if (!(difference <= worst)) worst = difference
  }
  return worst
}
