// The bench in the reader's own browser: every variant of the model, every linear kernel, and where zeros begin to pay,
// on every device that was asked for. A kernel is compared with float64 before it is timed.

import { LINEAR_KINDS, linearCases, type KernelCase, type LinearKind } from '../bench/kernels/cases.ts'
import { expectedOf, verify } from '../bench/kernels/verify.ts'
import type { LinearShape } from '../bench/lib/shapes.ts'
import {
  burst,
  DISTURBED,
  fastestCalibration,
  timing,
  warmCalibration,
  type Burst,
  type Timing,
} from '../bench/lib/measure.ts'
import type { Device, Session } from '../kernels/program/device.ts'
import { packBatch } from '../ts/inference/batches.ts'
import { buildProgram } from '../ts/model/bert.ts'
import type { BertConfig } from '../ts/model/config.ts'
import { deviceKey } from './device-key.ts'
import type { BenchPlan, BenchRow, BenchTime, DeviceRequest, Place } from './messages.ts'
import { deviceFor, variantFor, type OpenVariant, type Say } from './open.ts'
import { AS_SHIPPED } from './variants.ts'

/** two f32 factors of a quarter of the rank */
const LOW_RANK = { op: 'low-rank', variant: 'a quarter' }
/** rows of the kernels: a sentence's tokens */
const ROWS = 32
const TOKENS = [8, 16, 32, 64, 128]
const ZEROS = [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
/** Length of one sample: a page's clock steps by up to 0.1 ms. */
const SAMPLE_MS = crossOriginIsolated ? 0.5 : 5
const BURSTS = { quick: { rounds: 2, minMs: 15, minRuns: 3 }, full: { rounds: 3, minMs: 60, minRuns: 5 } }

/** Bursts that may come on top where other work was in the way. */
const MORE_ROUNDS = 3
/** of the loop of fixed work beside the bursts, over the whole bench */
let fastestMs = Infinity

const DENSE_KINDS: LinearKind[] = [
  { op: 'f32', variant: 'dense', kind: 'f32', density: 1 },
  { op: 'int8', variant: 'dense', kind: 'int8', density: 1 },
]
const SPARSE_KINDS: LinearKind[] = (['csr', 'int8-1x4'] as const).flatMap((kind) =>
  ZEROS.map((zeros) => ({
    op: kind,
    variant: `${Math.round(zeros * 100)} % zeros`,
    kind,
    density: Number((1 - zeros).toFixed(2)),
  })),
)

interface Step {
  name: string
  /** steps of one kind take about the same time */
  kind: string
  run: () => Promise<BenchRow>
}

/** Measures step by step; a step that fails is named, and the rest goes on. */
export async function bench(plan: BenchPlan, say: Say): Promise<void> {
  const shipped = await variantFor(plan.model, AS_SHIPPED, say)
  const steps = [...planSteps(plan, shipped, say)]
  const took = new Map<string, number[]>()
  warmCalibration()
  for (const [done, { name, kind, run }] of steps.entries()) {
    say({ verb: 'step', step: { done, total: steps.length, name, leftMs: timeLeft(steps.slice(done), took) } })
    const start = performance.now()
    try {
      say({ verb: 'row', row: await run() })
    } catch (error) {
      say({ verb: 'left-out', what: name, why: error instanceof Error ? error.message : String(error) })
    }
    took.set(kind, [...(took.get(kind) ?? []), performance.now() - start])
  }
  say({ verb: 'step', step: { done: steps.length, total: steps.length, name: '', leftMs: 0 } })
}

/** What the steps to come take, by those of their kind that are done; null where none is. */
function timeLeft(steps: readonly Step[], took: ReadonlyMap<string, number[]>): number | null {
  const all = [...took.values()].flat()
  if (all.length === 0) return null
  const mean = (times: readonly number[]): number => times.reduce((sum, ms) => sum + ms, 0) / times.length
  return steps.reduce((sum, { kind }) => sum + mean(took.get(kind) ?? all), 0)
}

function* planSteps(plan: BenchPlan, shipped: OpenVariant, say: Say): Generator<Step> {
  const { config } = shipped.weights
  const { hiddenSize: C, intermediateSize: F } = config
  const shape = (N: number, K: number): LinearShape => ({ M: ROWS, N, K, note: '' })
  // a variant is made once, and packed once for each device
  if (plan.parts.includes('models'))
    for (const variant of plan.variants)
      for (const request of plan.devices)
        for (const tokens of TOKENS.filter((length) => length <= config.maxPositions))
          yield {
            name: `${variant}, ${tokens} tokens, ${deviceKey(request)}`,
            kind: `model ${deviceKey(request)} ${tokens}`,
            run: () => timeModel(plan, variant, tokens, request, say),
          }
  for (const request of plan.devices) {
    if (plan.parts.includes('kernels'))
      for (const layer of [shape(C, C), shape(F, C), shape(C, F)])
        for (const kind of [...LINEAR_KINDS.filter(({ tiles }) => !tiles), LOW_RANK])
          yield kernelStep(layer, kind, request, plan.quick, kernelRow)
    if (plan.parts.includes('break-even'))
      for (const kind of [...DENSE_KINDS, ...SPARSE_KINDS])
        yield kernelStep(shape(F, C), kind, request, plan.quick, zerosRow)
  }
}

/** What a row of a kernel is made of. */
interface Measured {
  shape: string
  kernel: KernelCase
  time: Place & BenchTime
  maxError: number
}

const kernelRow = ({ shape, kernel, time, maxError }: Measured): BenchRow => ({
  part: 'kernels',
  ...time,
  shape,
  op: kernel.op,
  variant: kernel.variant,
  gops: kernel.denseOps / time.medianMs / 1e6,
  maxError,
})

const zerosRow = ({ shape, kernel, time }: Measured): BenchRow => ({
  part: 'break-even',
  ...time,
  shape,
  format: kernel.op,
  density: Number((kernel.ops / kernel.denseOps).toFixed(3)),
})

function kernelStep(
  layer: LinearShape,
  kind: LinearKind | typeof LOW_RANK,
  request: DeviceRequest,
  quick: boolean,
  row: (measured: Measured) => BenchRow,
): Step {
  const where = deviceKey(request)
  const shape = `${layer.M} x ${layer.N} x ${layer.K}`
  const label = `${kind.op} ${kind.variant}`
  return {
    name: `${label}, ${shape}, ${where}`,
    kind: `kernel ${where}`,
    async run() {
      const [kernel] = linearCases(layer, [kind.op], 'kind' in kind ? [kind] : [])
      const device = await deviceFor(request)
      const session = await device.load(kernel.program)
      try {
        const maxError = await verify(session, kernel, expectedOf(kernel), label)
        const time = await timeSession(session, kernel.batch, quick)
        return row({ shape, kernel, time: { ...placeOf(device), ...briefly(time) }, maxError })
      } finally {
        session.dispose()
      }
    },
  }
}

/** Token ids of the whole vocabulary in turn: what they say does not change the time. */
function batchOf({ vocabSize }: BertConfig, tokens: number): ReturnType<typeof packBatch> {
  return packBatch([Int32Array.from({ length: tokens }, (_, i) => (i * 37) % vocabSize)])
}

/** of the variant under way */
let made: { key: string; open: Promise<OpenVariant> } | null = null
let loaded: { key: string; session: Session; coldMs: number } | null = null

async function timeModel(
  { model, quick }: BenchPlan,
  variant: string,
  tokens: number,
  request: DeviceRequest,
  say: Say,
): Promise<BenchRow> {
  if (made?.key !== variant) made = { key: variant, open: variantFor(model, variant, say) }
  const { weights, fileBytes } = await made.open
  const device = await deviceFor(request)
  const batch = batchOf(weights.config, tokens)
  const key = `${variant} ${deviceKey(request)}`
  if (loaded?.key !== key) {
    loaded?.session.dispose()
    loaded = null
    const start = performance.now()
    const session = await device.load(buildProgram(weights, 'logits'))
    await session.run(batch)
    loaded = { key, session, coldMs: performance.now() - start }
  }
  const time = await timeSession(loaded.session, batch, quick)
  return {
    part: 'models',
    ...placeOf(device),
    ...briefly(time),
    p95Ms: time.p95Ms,
    coldMs: loaded.coldMs,
    model: model.name,
    variant,
    bytes: fileBytes,
    tokens,
  }
}

async function timeSession(session: Session, batch: Parameters<Session['run']>[0], quick: boolean): Promise<Timing> {
  const { rounds, ...limits } = BURSTS[quick ? 'quick' : 'full']
  for (let i = 0; i < 2; i++) await session.run(batch)
  const bursts: Burst[] = []
  let calm = 0
  while (calm < rounds && bursts.length < rounds + MORE_ROUNDS) {
    bursts.push(await burst(bursts.length, () => session.run(batch), { ...limits, sampleMs: SAMPLE_MS }))
    fastestMs = Math.min(fastestMs, fastestCalibration([bursts]))
    calm = bursts.filter(({ calibrationMs }) => calibrationMs <= fastestMs * DISTURBED).length
  }
  return timing(bursts, fastestMs, false)
}

const briefly = ({ medianMs, madMs, n, noisy }: Timing): BenchTime => ({ medianMs, madMs, n, noisy })

function placeOf(device: Device): Place {
  const { kind, name, software, threads } = device.info()
  return { kind, device: name, software, threads }
}
