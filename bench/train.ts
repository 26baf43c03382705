// `bench train`: one training step (forward, backward, clipping, AdamW), dense and of chains, beside the f32 kernel at the
// model's shapes on the same threads, their bursts interleaved.

import * as abi from '../kernels/wasm/abi.ts'
import { TrainSession, type AdamW, type TimedRecord } from '../kernels/train/session.ts'
import type { LossTarget, TrainBatch } from '../kernels/train/batch.ts'
import type { BufferSpec, Op, Program } from '../kernels/program/program.ts'
import type { DenseWeight } from '../kernels/program/weights.ts'
import { svdRank } from '../ts/compress/ranks.ts'
import { loadModel } from '../ts/model/load.ts'
import { LAYER_LINEARS, type ModelWeights } from '../ts/model/weights.ts'
import { createRandom, type Random } from '../kernels/program/random.ts'
import { parametersOf, shapeOfModel } from '../ts/train/convert.ts'
import { createDevice } from './lib/devices.ts'
import { version } from './lib/version.ts'
import { burst, fastestCalibration, rotated, timing, warmCalibration, type Burst } from './lib/measure.ts'
import { resultHead, formatTable, percent, short, type BenchResult, type ResultRow } from './lib/results.ts'
import { probeCpu } from './probe/cpu.ts'

export interface TrainBenchOptions {
  model: string
  batch: number
  tokens: number
  threads: number
  rounds: number
  /** least length of a burst */
  burstMs: number
  seed: number
  command: string
  log: (line: string) => void
}

/** Rank of the chains as a share of the full rank, as `svd:0.25` keeps. */
const RANK_SHARE = 0.25
const DROPOUT = 0.1
const ADAM: AdamW = { learningRate: 1e-5, beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.01, clipNorm: 1 }

const PARTS: Record<string, { opcode: number }[]> = {
  'products with weights': [abi.MULTIPLY],
  'gradients of weights': [abi.WEIGHT_GRADIENT],
  attention: [abi.ATTENTION_FORWARD, abi.ATTENTION_BACKWARD],
  norms: [abi.LAYERNORM_FORWARD, abi.LAYERNORM_BACKWARD, abi.LAYERNORM_GRADIENT],
  optimizer: [abi.MASK_GRADIENT, abi.SUM_SQUARES, abi.CLIP_FACTOR, abi.ADAMW, abi.ADAMW_ROWS],
}
const REST = 'rest'

interface Contender {
  variant: string
  /** operations of one run, a multiply-add is two */
  ops: number
  coldMs: number
  run: () => Promise<unknown>
  profile: (() => Promise<TimedRecord[]>) | null
  bursts: Burst[]
  /** least time of each record of the tape */
  records: TimedRecord[]
  dispose: () => unknown
}

export async function benchTrain(options: TrainBenchOptions): Promise<BenchResult> {
  const { model: source, batch, tokens, threads, rounds, burstMs, seed, log } = options
  const model = (await loadModel(source, { seed })).weights
  const chains = withChains(model, createRandom(seed, 'bench-chains'))
  warmCalibration()
  const result: BenchResult = {
    ...resultHead('train', options.command),
    ceilings: { cpu: await probeCpu(threads) },
    rows: [],
    notes: [
      `${source}, seed ${seed}, ${batch} sequences of ${tokens} random tokens, dropout ${DROPOUT}; a step is forward, backward, clipping and AdamW`,
      'operations of a step: products with weights, gradients of weights, attention; nothing for norms, GELU and optimizer, whose time counts',
      'f32 kernel: the inference kernel on the products of one encoder layer, copies in and out included',
    ],
  }
  const contenders: Contender[] = []
  try {
    contenders.push(await kernelContender(model, options))
    contenders.push(await stepContender('step, dense', model, options))
    contenders.push(await stepContender(`step, chains of rank share ${RANK_SHARE}`, chains, options))
    for (let round = 0; round < rounds; round++) {
      for (const contender of rotated(contenders, round)) {
        contender.bursts.push(await burst(round, contender.run, { minMs: burstMs, minRuns: 1 }))
        if (contender.profile) keepLeast(contender.records, await contender.profile())
      }
      log(`round ${round + 1} of ${rounds} done`)
    }
    result.rows = resultRows(contenders, options)
  } finally {
    for (const contender of contenders) await contender.dispose()
  }
  return result
}

function randomFactor(N: number, K: number, random: Random): DenseWeight {
  const scale = 1 / Math.sqrt(K)
  return { kind: 'f32', N, K, data: Float32Array.from({ length: N * K }, () => random.normal() * scale) }
}

/** The model with a chain of two factors in the place of each encoder linear layer. */
function withChains(model: ModelWeights, random: Random): ModelWeights {
  const layers = model.layers.map((layer) => {
    const changed = { ...layer }
    for (const role of LAYER_LINEARS) {
      const { N, K } = layer[role].weight
      const R = svdRank(N, K, RANK_SHARE)
      const factors = [randomFactor(R, K, random), randomFactor(N, R, random)]
      changed[role] = { ...layer[role], weight: { kind: 'chain', N, K, factors } }
    }
    return changed
  })
  return { ...model, layers }
}

/** The products of an encoder layer one after another through the inference device. */
async function kernelContender({ layers }: ModelWeights, options: TrainBenchOptions): Promise<Contender> {
  const random = createRandom(options.seed, 'bench-kernel')
  const M = options.batch * options.tokens
  const buffers: BufferSpec[] = []
  const ops: Op[] = []
  const buffer = (width: number): number => buffers.push({ name: 'x', rows: 'tokens', width, dtype: 'f32' }) - 1
  const input = buffer(layers[0].query.weight.K)
  let last = input
  let operations = 0
  for (const role of LAYER_LINEARS) {
    const { N, K } = layers[0][role].weight
    const isProjection = role === 'query' || role === 'key' || role === 'value'
    const output = buffer(N)
    const [weight, bias] = [randomFactor(N, K, random), new Float32Array(N)]
    const from = isProjection ? input : last
    ops.push({ kind: 'linear', input: from, output, weight, bias, activation: 'none', residual: null })
    operations += 2 * M * N * K
    last = output
  }
  const program: Program = { buffers, ops, input, output: last }
  const device = await createDevice('cpu', options.threads)
  const session = await device.load(program)
  const rows = Float32Array.from({ length: M * buffers[input].width }, () => random.normal())
  const batch = { offsets: Int32Array.of(0, M), rows }
  const dispose = async (): Promise<void> => {
    session.dispose()
    await device.dispose()
  }
  return contenderOf('f32 kernel, one layer', operations, () => session.run(batch), null, dispose)
}

async function contenderOf(
  variant: string,
  ops: number,
  run: () => Promise<unknown>,
  profile: Contender['profile'],
  dispose: Contender['dispose'],
): Promise<Contender> {
  const begin = performance.now()
  await run()
  const coldMs = performance.now() - begin
  // the engine's optimizing compiler has the code by the second run
  await run()
  return { variant, ops, coldMs, run, profile, bursts: [], records: [], dispose }
}

async function stepContender(variant: string, model: ModelWeights, options: TrainBenchOptions): Promise<Contender> {
  const shape = shapeOfModel(model)
  const session = await TrainSession.create(shape, { threads: options.threads })
  try {
    session.setParameters(parametersOf(model, session.layout))
    const { batch, goal } = seededBatch(shape.words, shape.labels, options)
    let seed = 0
    const next = (): { rate: number; seed: number } => ({ rate: DROPOUT, seed: ++seed })
    const profile = (): Promise<TimedRecord[]> => session.profile(batch, goal, next(), ADAM)
    const ops = (await profile()).reduce((sum, record) => sum + opsOf(record, options.tokens), 0)
    return await contenderOf(
      variant,
      ops,
      () => session.step(batch, goal, next(), ADAM),
      profile,
      () => session.dispose(),
    )
  } catch (error) {
    await session.dispose()
    throw error
  }
}

function seededBatch(
  words: number,
  labels: number,
  { batch: B, tokens: T, seed }: TrainBenchOptions,
): { batch: TrainBatch; goal: LossTarget } {
  const random = createRandom(seed, 'bench-ids')
  const target = new Float32Array(B * labels)
  for (let b = 0; b < B; b++) target[b * labels + random.int(labels)] = 1
  return {
    batch: {
      offsets: Int32Array.from({ length: B + 1 }, (_, b) => b * T),
      ids: Int32Array.from({ length: B * T }, () => random.int(words)),
    },
    goal: { target, teacher: null, alpha: 1, temperature: 1 },
  }
}

/** Operations of a record, sequences of T tokens. */
function opsOf({ opcode, words }: TimedRecord, T: number): number {
  // the integers come first: M, K, N in some order, or B, H, D
  const [first, second, third] = words
  if (opcode === abi.MULTIPLY.opcode || opcode === abi.WEIGHT_GRADIENT.opcode) return 2 * first * second * third
  // [T, T] by [T, D] products of B sequences and H heads: two forward; five backward, which computes the scores again
  if (opcode === abi.ATTENTION_FORWARD.opcode) return 2 * 2 * first * second * third * T * T
  if (opcode === abi.ATTENTION_BACKWARD.opcode) return 5 * 2 * first * second * third * T * T
  return 0
}

function keepLeast(least: TimedRecord[], found: TimedRecord[]): void {
  found.forEach((record, i) => {
    if (!least[i] || record.ms < least[i].ms) least[i] = record
  })
}

function partsOf(records: TimedRecord[], T: number): NonNullable<ResultRow['parts']> {
  const total = records.reduce((sum, { ms }) => sum + ms, 0)
  const named = new Map(Object.entries(PARTS).flatMap(([name, records]) => records.map(({ opcode }) => [opcode, name])))
  const parts: NonNullable<ResultRow['parts']> = {}
  for (const name of [...Object.keys(PARTS), REST]) {
    const own = records.filter(({ opcode }) => (named.get(opcode) ?? REST) === name)
    const ms = own.reduce((sum, record) => sum + record.ms, 0)
    const ops = own.reduce((sum, record) => sum + opsOf(record, T), 0)
    parts[name] = { timeShare: ms / total, ...(ops > 0 ? { gops: ops / ms / 1e6 } : {}) }
  }
  return parts
}

function resultRows(contenders: Contender[], options: TrainBenchOptions): ResultRow[] {
  const fastest = fastestCalibration(contenders.map(({ bursts }) => bursts))
  const times = contenders.map(({ bursts }) => timing(bursts, fastest, options.threads === 1))
  const rates = contenders.map(({ ops }, i) => ops / times[i].medianMs / 1e6)
  return contenders.map((contender, i): ResultRow => {
    return {
      engine: 'compact-kernels',
      engineVersion: version(),
      model: options.model,
      variant: contender.variant,
      device: 'cpu',
      threads: options.threads,
      batch: options.batch,
      tokens: options.tokens,
      ...times[i],
      coldMs: contender.coldMs,
      gops: rates[i],
      ...(contender.profile
        ? { kernelShare: rates[i] / rates[0], parts: partsOf(contender.records, options.tokens) }
        : {}),
      samples: contender.bursts,
    }
  })
}

export function trainTable(rows: ResultRow[]): string {
  const header = [
    '',
    'thr',
    '(B, T)',
    'median ms',
    'MAD',
    'min',
    'Gop/s',
    'of kernel',
    'at min',
    'CPU ms',
    'by CPU time',
    'n',
    'disturbed',
  ]
  // operations are gops x median; by least times and by CPU time a busy machine counts for less
  const rate = (row: ResultRow, ms: number): number => (row.gops! * row.medianMs) / ms
  const share = (row: ResultRow, key: 'minMs' | 'cpuMs'): string =>
    row.kernelShare === undefined ? '' : percent(rate(row, row[key]) / rate(rows[0], rows[0][key]))
  const table = formatTable(
    header,
    rows.map((row) => [
      row.variant,
      String(row.threads),
      `(${row.batch}, ${row.tokens})`,
      short(row.medianMs),
      short(row.madMs),
      short(row.minMs),
      short(row.gops),
      percent(row.kernelShare),
      share(row, 'minMs'),
      short(row.cpuMs),
      share(row, 'cpuMs'),
      String(row.n),
      `${row.disturbedBursts}/${row.bursts}${row.noisy ? ' noisy' : ''}`,
    ]),
  )
  const steps = rows.filter(({ parts }) => parts)
  const names = Object.keys(steps[0]?.parts ?? {})
  const parts = formatTable(
    ['share of the time (Gop/s)', ...steps.map(({ variant }) => variant)],
    names.map((name) => [
      name,
      ...steps.map(({ parts }) => {
        const { timeShare, gops } = parts![name]
        return percent(timeShare) + (gops === undefined ? '' : ` (${short(gops)})`)
      }),
    ]),
  )
  return `${table}\n\n${parts}`
}
