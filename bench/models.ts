// `bench models`: whole models, ours and the peers', on the same weights, each in a process of its own, their bursts
// interleaved round by round.

import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runReference } from '../kernels/plan/reference.ts'
import type { Program } from '../kernels/runtime/program.ts'
import { buildProgram } from '../ts/model/bert.ts'
import { saveModel } from '../ts/model/save.ts'
import type { ModelWeights } from '../ts/model/weights.ts'
import { exportOnnx } from '../ts/onnx/export.ts'
import { median } from '../ts/study/statistics.ts'
import { createRandom } from '../ts/text/random.ts'
import { raggedBatch } from './contenders/ours.ts'
import { nodeChannel, pythonChannel } from './lib/channel.ts'
import { CONTENDERS, PEERS, type Description, type ModelInput, type Task } from './lib/contender.ts'
import { denseModel, hasInt8 } from './lib/exports.ts'
import { describeEngine, describeMachine } from './lib/machine.ts'
import { fastestCalibration, rotated, timing, warmCalibration, type Burst } from './lib/measure.ts'
import { RemoteContender } from './lib/remote.ts'
import { SCHEMA, formatTable, short, type BenchResult, type ResultRow } from './lib/results.ts'
import { buildVariant } from './lib/variant.ts'
import { installPeers } from './peers/install.ts'
import { probeCpu } from './probe/cpu.ts'

export interface ModelBenchOptions {
  model: string
  /** recipes, or 'baseline' */
  variants: string[]
  batch: number
  tokens: number
  devices: ('cpu' | 'gpu')[]
  threads: number
  /** names of PEERS */
  peers: string[]
  rounds: number
  burstMs: number
  seed: number
  command: string
  log: (line: string) => void
}

/** Sequences that the float64 reference checks: it takes seconds for a few tokens of a large model. */
const CHECK_TOKENS = 16

/** How far the embeddings are moved to see how much the logits of a variant hang on the last bits. */
const NUDGE = 1e-6

interface Entrant {
  remote: RemoteContender
  task: Task
  contender: string
  prepareMs: number
  coldMs: number
  description: Description
  logits: Float32Array
  maxError: number
  bursts: Burst[]
  gpuMs: number[]
}

interface Variant {
  name: string
  labels: number
  onnxPath: string | null
  densePath: string | null
  int8: boolean
  /** logits of the check input in float64 */
  reference: Float64Array
}

/** Runs the bench. A peer that cannot run a variant is named in the notes; ours failing is an error. */
export async function benchModels(options: ModelBenchOptions): Promise<BenchResult> {
  const unknown = options.peers.filter((peer) => !Object.hasOwn(PEERS, peer))
  if (unknown.length > 0) throw new Error(`no peer '${unknown.join(', ')}'; there are ${Object.keys(PEERS).join(', ')}`)
  if (options.peers.some((peer) => peer.startsWith('ort-'))) installPeers(options.log)
  warmCalibration()
  const result: BenchResult = {
    schema: SCHEMA,
    bench: 'models',
    command: options.command,
    date: new Date().toISOString(),
    machine: describeMachine(),
    engine: describeEngine(),
    ceilings: {},
    rows: [],
    notes: [
      `${options.model}, seed ${options.seed}; token ids are seeded random, every contender gets the same`,
      `max error: logits of a (1, ${CHECK_TOKENS}) input against our float64 reference of the same variant`,
      'ours computes only the [CLS] row after the last attention, which is all that the logits read',
    ],
  }
  if (options.devices.includes('cpu')) result.ceilings.cpu = await probeCpu(options.threads)
  const folder = await mkdtemp(join(tmpdir(), 'compact-kernels-bench-'))
  const entrants: Entrant[] = []
  try {
    for (const name of options.variants) {
      const variant = await prepareVariant(result.notes, name, folder, options)
      entrants.push(...(await enter(variant, options, result.notes)))
      for (const path of [variant.onnxPath, variant.densePath]) if (path !== null) await rm(path, { recursive: true })
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const entrant of rotated(entrants, round)) {
        const { burst, gpuMs } = await entrant.remote.burst(round, options.burstMs, 3)
        entrant.bursts.push(burst)
        if (gpuMs !== null) entrant.gpuMs.push(gpuMs)
      }
      options.log(`round ${round + 1} of ${options.rounds} done`)
    }
    result.rows = resultRows(entrants, options)
  } finally {
    await Promise.all(entrants.map((entrant) => entrant.remote.dispose()))
    await rm(folder, { recursive: true, force: true })
  }
  return result
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

function vocabularyOf(weights: ModelWeights): number {
  return weights.embeddings.word.rows
}

/** Makes the variant in this process once: for its reference and for the file that the peers read. */
async function prepareVariant(
  notes: string[],
  name: string,
  folder: string,
  options: ModelBenchOptions,
): Promise<Variant & { vocabulary: number }> {
  options.log(`${name}: making the weights and their float64 reference …`)
  const weights = await buildVariant({ model: options.model, variant: name, seed: options.seed })
  const vocabulary = vocabularyOf(weights)
  const check = seededInput(vocabulary, 1, Math.min(CHECK_TOKENS, options.tokens), options.seed + 1)
  const program = buildProgram(weights, 'logits')
  const reference = runReference(program, raggedBatch(check))
  const shift = largestDifference(runReference(nudged(program), raggedBatch(check)), reference)
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
  if (options.peers.includes('torch')) {
    densePath = join(folder, 'dense')
    await saveModel(denseModel(weights), densePath)
  }
  return { name, labels: reference.length, onnxPath, densePath, int8: hasInt8(weights), reference, vocabulary }
}

async function enter(
  variant: Variant & { vocabulary: number },
  options: ModelBenchOptions,
  notes: string[],
): Promise<Entrant[]> {
  const { batch, tokens, seed, threads } = options
  const input = seededInput(variant.vocabulary, batch, tokens, seed)
  const check = seededInput(variant.vocabulary, 1, Math.min(CHECK_TOKENS, tokens), seed + 1)
  const entrants: Entrant[] = []
  const wanted = [
    ...options.devices.map((device) => ({ contender: 'compact-kernels', device })),
    ...options.peers.map((peer) => ({ contender: peer, device: PEERS[peer] })),
  ]
  for (const { contender, device } of wanted) {
    const task: Task = {
      model: options.model,
      variant: variant.name,
      seed,
      onnxPath: variant.onnxPath,
      densePath: variant.densePath,
      int8: variant.int8,
      threads,
      device,
    }
    const place = CONTENDERS[contender]
    const channel = place.endsWith('.py') ? pythonChannel(place) : nodeChannel()
    const remote = new RemoteContender(`${contender} ${variant.name} ${device}`, channel)
    try {
      const { prepareMs } = await remote.prepare(contender, task)
      const { firstMs, logits, description } = await remote.first(input)
      const checked = await remote.logits(check)
      const maxError = largestDifference(checked, variant.reference)
      // The timed runs go on with the full input.
      await remote.logits(input)
      entrants.push({
        remote,
        task,
        contender,
        prepareMs,
        coldMs: firstMs,
        description,
        logits,
        maxError,
        bursts: [],
        gpuMs: [],
      })
      options.log(
        `${variant.name}: ${contender} ${description.engineVersion} on ${device}${description.software ? ' (software adapter)' : ''}, ` +
          `${description.threads} thread${description.threads === 1 ? '' : 's'}: first run ${firstMs.toFixed(0)} ms, max error ${short(maxError)}`,
      )
      for (const note of description.notes)
        if (!notes.includes(`${contender}: ${note}`)) notes.push(`${contender}: ${note}`)
    } catch (error) {
      await remote.dispose()
      if (contender === 'compact-kernels') {
        await Promise.all(entrants.map((entrant) => entrant.remote.dispose()))
        throw error
      }
      const reason = (error as Error).message.split('\n')[0]
      notes.push(`${contender} did not run '${variant.name}': ${reason}`)
      options.log(`${variant.name}: ${contender} did not run: ${reason}`)
    }
  }
  return entrants
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`bench: ${actual.length} logits, expected ${expected.length}`)
  let worst = 0
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i])
    if (!(difference <= worst)) worst = difference
  }
  return worst
}

/** Share of sequences whose largest logit is at the same label. */
function sameLabels(actual: Float32Array, expected: Float32Array, batch: number): number {
  const labels = expected.length / batch
  const best = (logits: Float32Array, b: number): number => {
    let index = 0
    for (let i = 1; i < labels; i++) if (logits[b * labels + i] > logits[b * labels + index]) index = i
    return index
  }
  let same = 0
  for (let b = 0; b < batch; b++) if (best(actual, b) === best(expected, b)) same++
  return same / batch
}

function resultRows(entrants: Entrant[], options: ModelBenchOptions): ResultRow[] {
  const fastest = fastestCalibration(entrants.map((entrant) => entrant.bursts))
  const times = new Map(
    entrants.map((entrant) => [
      entrant,
      timing(entrant.bursts, fastest, entrant.description.device === 'cpu' && entrant.description.threads === 1),
    ]),
  )
  return entrants.map((entrant): ResultRow => {
    const { description, task, contender } = entrant
    const first = entrants.find((other) => other.task.variant === task.variant)!
    const time = times.get(entrant)!
    const ratioTo = (peer: string, variant: string, key: 'medianMs' | 'minMs'): number | undefined => {
      const rival = entrants.find((other) => other.contender === peer && other.task.variant === variant)
      return rival && times.get(rival)![key] / time[key]
    }
    const ratios = Object.fromEntries(
      options.peers.map((peer) => [
        peer,
        {
          sameWeights: ratioTo(peer, task.variant, 'medianMs'),
          baseline: ratioTo(peer, 'baseline', 'medianMs'),
          baselineMin: ratioTo(peer, 'baseline', 'minMs'),
        },
      ]),
    )
    return {
      engine: description.engine,
      engineVersion: description.engineVersion,
      model: options.model,
      variant: task.variant,
      device: description.device,
      ...(description.adapter === undefined ? {} : { adapter: description.adapter, software: description.software }),
      threads: description.threads,
      batch: options.batch,
      tokens: options.tokens,
      ...time,
      coldMs: entrant.coldMs,
      ...(entrant.gpuMs.length > 0 ? { gpuMs: median(entrant.gpuMs) } : {}),
      maxError: entrant.maxError,
      agreement: sameLabels(entrant.logits, first.logits, options.batch),
      maxDifference: largestDifference(entrant.logits, first.logits),
      ...(contender === 'compact-kernels' && options.peers.length > 0 ? { ratios } : {}),
      ...(description.calls === undefined ? {} : { calls: description.calls, weightBytes: description.weightBytes }),
      notes: [`prepared in ${entrant.prepareMs.toFixed(0)} ms`],
      samples: entrant.bursts,
    }
  })
}

export function modelTable(rows: ResultRow[]): string {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.ratios ?? {})))]
  const header = [
    'variant',
    'engine',
    'device',
    'thr',
    '(B, T)',
    'median ms',
    'MAD',
    'p95',
    'min',
    'CPU ms',
    'cold',
    'max error',
    'agree',
  ]
  for (const peer of peers) header.push(`x ${peer}`, `x ${peer} f32`, 'by min')
  header.push('n', 'disturbed')
  const times = (ratio: number | undefined): string => (ratio === undefined ? '' : ratio.toFixed(2))
  return formatTable(
    header,
    rows.map((row) => [
      row.variant,
      `${row.engine} ${row.engineVersion}`,
      row.software ? `${row.device} (software)` : row.device,
      String(row.threads),
      `(${row.batch}, ${row.tokens})`,
      short(row.medianMs),
      short(row.madMs),
      short(row.p95Ms),
      short(row.minMs),
      short(row.cpuMs),
      short(row.coldMs),
      short(row.maxError),
      short(row.agreement),
      ...peers.flatMap((peer) => [
        times(row.ratios?.[peer]?.sameWeights),
        times(row.ratios?.[peer]?.baseline),
        times(row.ratios?.[peer]?.baselineMin),
      ]),
      String(row.n),
      `${row.disturbedBursts}/${row.bursts}${row.noisy ? ' noisy' : ''}`,
    ]),
    3,
  )
}
