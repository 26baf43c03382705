// `bench break-even`: one layer dense, sparse and of low rank at several densities and lengths, verified first, timed
// interleaved in one process. Programs and copies are those that a budget's times are made with (ts/budget/linear-times.ts).

import type { Session } from '../kernels/program/device.ts'
import type { Batch, Program } from '../kernels/program/program.ts'
import type { LeafWeight, LinearWeight } from '../kernels/program/weights.ts'
import { seededRandom, uniform } from '../kernels/testing/random.ts'
import { randomWeight } from '../kernels/testing/weights.ts'
import { copiesProgram, layerCopies } from '../ts/budget/linear-times.ts'
import { createDevice } from './lib/devices.ts'
import { version } from './lib/version.ts'
import { burst, fastestCalibration, rotated, timing, warmCalibration, type Burst } from './lib/measure.ts'
import { resultHead, type BenchResult, type ResultRow } from './lib/results.ts'
import { probeCpu } from './probe/cpu.ts'
import { storedWeights } from './kernels/cases.ts'
import { expectedOf, verify } from './kernels/verify.ts'

export interface BreakEvenOptions {
  /** layers [N, K]; K is a multiple of 16, for 1:16 */
  shapes: [N: number, K: number][]
  tokens: number[]
  /** percent of weights, or of 1x4 blocks, that are 0; low rank keeps the same share of multiply-adds */
  zeros: number[]
  threads: number
  rounds: number
  burstMs: number
  command: string
  log: (line: string) => void
}

/** A layer in one storage format, at one density. */
interface StoredLayer {
  format: string
  variant: string
  weight: LinearWeight
  /** weights stored */
  stored: number
}

const SEED = 11
/** n of m inputs kept. */
const KEPT: [n: number, m: number][] = [
  [2, 4],
  [1, 4],
  [1, 8],
  [1, 16],
]
/** Multiply-adds per row of BERT-base's encoder: as many copies as a budget makes for such a model. */
const MODEL_WEIGHTS = 85e6

function* storedLayers(N: number, K: number, zeros: readonly number[]): Generator<StoredLayer> {
  const random = seededRandom(SEED)
  const leaf = (format: string, variant: string, weight: LeafWeight): StoredLayer => ({
    format,
    variant,
    weight,
    stored: storedWeights(weight),
  })
  for (const kind of ['f32', 'int8'] as const) yield leaf(kind, kind, randomWeight(kind, N, K, random))
  for (const kind of ['csr', 'int8-1x4'] as const)
    for (const zero of zeros)
      yield leaf(kind, `${kind}, ${zero} % zeros`, randomWeight(kind, N, K, random, { density: 1 - zero / 100 }))
  for (const [n, m] of KEPT) yield leaf('n:m', `${n}:${m}`, randomWeight('nm', N, K, random, { n, m }))
  for (const zero of zeros) {
    const R = Math.max(8, Math.round(((1 - zero / 100) * N * K) / (N + K) / 8) * 8)
    const factors = [randomWeight('f32', R, K, random), randomWeight('f32', N, R, random)]
    yield {
      format: 'low-rank',
      variant: `low-rank, R = ${R}`,
      weight: { kind: 'chain', N, K, factors },
      stored: R * (N + K),
    }
  }
}

/** Runs the bench; throws where a layer's error against float64 is over its bound. */
export async function benchBreakEven(options: BreakEvenOptions): Promise<BenchResult> {
  const { shapes, tokens, zeros, threads, command, log } = options
  warmCalibration()
  const result: BenchResult = {
    ...resultHead('break-even', command),
    ceilings: { cpu: await probeCpu(threads) },
    rows: [],
    notes: [
      'a run holds several copies of the layer; times are of one copy, less its share of a run without a layer (input copied in, one row out)',
      'the copies of a run share one input, so that it is quantized, or brought into token blocks, once for all of them',
    ],
  }
  const device = await createDevice('cpu', threads, { keepsSparse: true })
  try {
    result.notes.push(
      Object.entries(device.info().variants)
        .map((variant) => variant.join(' '))
        .join(', '),
    )
    for (const [N, K] of shapes) {
      const layers = [...storedLayers(N, K, zeros)]
      for (const M of tokens) {
        const rows = uniform(M * K, seededRandom(SEED + M))
        const batch: Batch = { offsets: Int32Array.of(0, M), rows }
        result.rows.push(...(await timeLayers(layers, N, K, batch, options, device.load)))
        log(`${N}x${K}, ${M} tokens: ${layers.length} layers verified and timed`)
      }
    }
  } finally {
    await device.dispose()
  }
  return result
}

async function timeLayers(
  layers: readonly StoredLayer[],
  N: number,
  K: number,
  batch: Batch,
  { threads, rounds, burstMs }: BreakEvenOptions,
  load: (program: Program) => Promise<Session>,
): Promise<ResultRow[]> {
  const M = batch.offsets[1]
  const copies = layerCopies(N, K, MODEL_WEIGHTS)
  const entries: { session: Session; layer: StoredLayer | null; coldMs: number; maxError: number; bursts: Burst[] }[] =
    []
  try {
    for (const layer of [null, ...layers]) {
      const maxError = layer ? await errorOf(layer, N, K, batch, load) : 0
      const weights = layer ? Array.from({ length: copies }, () => structuredClone(layer.weight)) : []
      const session = await load(copiesProgram(weights, N, K))
      const entry = { session, layer, coldMs: 0, maxError, bursts: [] }
      entries.push(entry)
      const start = performance.now()
      await session.run(batch)
      entry.coldMs = performance.now() - start
    }
    for (let round = 0; round < rounds; round++)
      for (const { session, bursts } of rotated(entries, round)) {
        // the first run finds the caches full of the layer before
        await session.run(batch)
        bursts.push(await burst(round, () => session.run(batch), { minMs: burstMs, minRuns: 2 }))
      }
    const fastest = fastestCalibration(entries.map(({ bursts }) => bursts))
    const times = entries.map(({ bursts }) => timing(bursts, fastest, threads === 1))
    const [empty] = times
    return entries.slice(1).map(({ layer, coldMs, maxError, session }, i): ResultRow => {
      const time = times[i + 1]
      const one = (pick: 'medianMs' | 'p95Ms' | 'minMs' | 'cpuMs'): number =>
        Math.max(0, time[pick] - empty[pick]) / copies
      const { format, variant, stored } = layer!
      return {
        engine: 'compact-kernels',
        engineVersion: version(),
        model: `${N}x${K}`,
        variant,
        form: format,
        density: stored / (N * K),
        device: 'cpu',
        threads,
        batch: 1,
        tokens: M,
        ...time,
        medianMs: one('medianMs'),
        madMs: time.madMs / copies,
        p95Ms: one('p95Ms'),
        minMs: one('minMs'),
        cpuMs: one('cpuMs'),
        coldMs,
        gops: (2 * M * stored) / one('medianMs') / 1e6,
        effectiveGops: (2 * M * N * K) / one('medianMs') / 1e6,
        maxError,
        calls: session.stats().calls,
      }
    })
  } finally {
    for (const { session } of entries) session.dispose()
  }
}

/** Largest error of one layer alone, all its rows. */
async function errorOf(
  { format, variant, weight, stored }: StoredLayer,
  N: number,
  K: number,
  batch: Batch,
  load: (program: Program) => Promise<Session>,
): Promise<number> {
  const whole = copiesProgram([weight], N, K)
  const ops = whole.ops.slice(0, -1)
  const program: Program = { ...whole, ops, output: (ops[ops.length - 1] as { output: number }).output }
  const M = batch.offsets[1]
  const kernel = {
    op: format,
    variant,
    program,
    batch,
    ops: 2 * M * stored,
    denseOps: 2 * M * N * K,
    ceiling: 'none' as const,
  }
  const session = await load(program)
  try {
    return await verify(session, kernel, expectedOf(kernel), `${variant}, ${M}x${N}x${K}`)
  } finally {
    session.dispose()
  }
}
