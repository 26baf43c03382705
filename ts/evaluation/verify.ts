// Whether this engine, these threads and this adapter compute a model as the float64 reference does: integers of the
// kernels exactly, every layer within the derived bounds of its sums, logits as near as errors within those bounds leave
// them. Nothing here is of Node: a page can ask too.

import type { Device, DeviceInfo } from '../../kernels/program/device.ts'
import type { Batch, Op, Program } from '../../kernels/program/program.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { isInt8, type LeafWeight } from '../../kernels/program/weights.ts'
import { referenceWithBounds, runChangedReference, runReference } from '../../kernels/reference.ts'
import { packBatch } from '../inference/batches.ts'
import { buildProgram } from '../model/bert.ts'
import { linearLayers, type ModelWeights } from '../model/weights.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'

export interface VerifyOptions {
  /** tokens of the sequences whose logits are compared; the reference takes about a second for 10^9 products */
  lengths?: readonly number[]
  /** of tokens and integers, 1 if not given */
  seed?: number
  signal?: AbortSignal
  progress?: (what: string) => void
}

export interface DeviceVerdict {
  device: DeviceInfo
  /** layers of one storage format and shape stand for all of them */
  kernels: { layer: string; kind: string; N: number; K: number; outputs: number; wrong: number }[]
  /** linear layers with weights, bias and activation of their own, on random rows */
  layers: number
  /** largest distance of one of their outputs from the reference, in units of its derived bound */
  worst: number
  logits: Float32Array
  /** largest distance of a logit from the float64 reference */
  furthest: number
}

export interface Verdict {
  devices: DeviceVerdict[]
  /** how far a logit may be from the reference */
  bound: number
  /** how far the reference itself moves where every output of every op is off by its derived bound, up or down */
  moves: number
  /** largest distance of a logit between two CPU devices; 0 where there are no two */
  betweenThreads: number
  /** one sentence for each thing that is not as it shall be; empty where all is */
  faults: string[]
}

type LinearOp = Extract<Op, { kind: 'linear' }>

/** Rows of the tests of one layer: an odd number, so that every tile has a rest. */
const ROWS = 7
const MOST_INTEGER = 8
/**
 * A logit may be this many times as far from the reference as the largest of some draws moves it: draws of up and down
 * do not show the furthest that there is.
 */
const BOUND_FACTOR = 2
const TRIALS = 3

/**
 * Compares a model on devices with the float64 reference.
 *
 * @param model with a classifier, or an encoder, whose [CLS] vector takes the place of logits
 * @param devices each is loaded with the model and with one layer at a time; they stay the caller's
 * @throws the signal's reason where it is aborted
 * @example
 * const { weights } = await loadModel('./my-model')
 * const { faults } = await verifyModel(weights, [await createWasmDevice({ threads: 2 })])
 */
export async function verifyModel(
  model: ModelWeights,
  devices: readonly Device[],
  options: VerifyOptions = {},
): Promise<Verdict> {
  const { lengths = [1, 7, 16], seed = 1, signal, progress } = options
  const program = buildProgram(model, model.classifier ? 'logits' : 'embeddings') as Program
  const batch = batchOf(model, lengths, seed)
  progress?.('float64 reference')
  const expected = runReference(program, batch)
  const moves = largestMove(program, batch, expected, seed)
  const bound = BOUND_FACTOR * moves
  const layers = layersOfEachShape(model)
  const linears = program.ops.filter((op) => op.kind === 'linear')
  const verdicts: DeviceVerdict[] = []
  const faults: string[] = []
  for (const device of devices) {
    const { name } = device.info()
    const kernels: DeviceVerdict['kernels'] = []
    progress?.(name)
    for (const { layer, weight } of layers) {
      signal?.throwIfAborted()
      const found = await compareIntegers(device, weight, seed)
      kernels.push({ layer, kind: weight.kind, N: weight.N, K: weight.K, ...found })
      if (found.wrong > 0)
        faults.push(`${name}: ${found.wrong} of ${found.outputs} integers of ${layer} (${weight.kind}) are wrong`)
    }
    let worst = 0
    for (const [at, op] of linears.entries()) {
      signal?.throwIfAborted()
      const ratio = await compareLayer(device, op, seed + at)
      worst = ratio > worst || Number.isNaN(ratio) ? ratio : worst
      if (!(ratio <= 1))
        faults.push(
          `${name}: an output of linear layer ${at + 1} of ${linears.length} (${op.weight.kind}, ${op.activation}) is ${ratio} times as far from the reference as it may be`,
        )
    }
    signal?.throwIfAborted()
    const session = await device.load(program)
    const logits = await session.run(batch)
    session.dispose()
    const furthest = distance(logits, expected)
    if (!(furthest <= bound))
      faults.push(`${name}: a logit is ${furthest} from the reference, expected at most ${bound}`)
    verdicts.push({ device: device.info(), kernels, layers: linears.length, worst, logits, furthest })
  }
  const cpus = verdicts.filter(({ device }) => device.kind === 'cpu')
  const betweenThreads = Math.max(0, ...cpus.slice(1).map(({ logits }) => distance(logits, cpus[0].logits)))
  if (!(betweenThreads <= bound)) faults.push(`logits differ by ${betweenThreads} between numbers of threads`)
  return { devices: verdicts, bound, moves, betweenThreads, faults }
}

/** Largest |a - b|; NaN where one is. */
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return NaN
  let furthest = 0
  for (let i = 0; i < a.length; i++) furthest = Math.max(furthest, Math.abs(a[i] - b[i]))
  return furthest
}

function batchOf({ config, embeddings }: ModelWeights, lengths: readonly number[], seed: number): Batch {
  const random = createRandom(seed, 'verify')
  const { paddingId } = config as { paddingId?: number }
  const sequences = lengths.map((length) =>
    Int32Array.from({ length: Math.min(length, config.maxPositions) }, () => {
      const id = Math.floor(random.next() * embeddings.word.rows)
      return id === paddingId ? (id + 1) % embeddings.word.rows : id
    }),
  )
  const { ids, offsets } = packBatch(sequences)
  return { ids, offsets, types: new Int32Array(ids.length) }
}

/** How far the reference moves where every output of every op is off by its bound, up or down by chance. */
function largestMove(program: Program, batch: Batch, expected: Float64Array, seed: number): number {
  let most = 0
  for (let trial = 0; trial < TRIALS; trial++) {
    const random = createRandom(seed, `errors ${trial}`)
    const moved = runChangedReference(program, batch, ({ values, bounds }) =>
      values.map((value, i) => value + (random.next() < 0.5 ? -bounds[i] : bounds[i])),
    )
    most = Math.max(most, distance(moved, expected))
  }
  return most
}

/** The first layer, or factor, of each storage format and shape. */
function layersOfEachShape(model: ModelWeights): { layer: string; weight: LeafWeight }[] {
  const found = new Map<string, { layer: string; weight: LeafWeight }>()
  for (const { stem, linear } of linearLayers(model)) {
    const { weight } = linear
    const leaves = weight.kind === 'chain' ? weight.factors : [weight]
    leaves.forEach((leaf, i) => {
      const key = `${leaf.kind} ${leaf.N} ${leaf.K}`
      const layer = leaves.length > 1 ? `${stem}.factors.${i}` : stem
      if (!found.has(key)) found.set(key, { layer, weight: integersOf(leaf) })
    })
  }
  return [...found.values()]
}

/** The weight with whole numbers in the places of its own, so that every order of summing gives the same. */
function integersOf(weight: LeafWeight): LeafWeight {
  switch (weight.kind) {
    case 'int8':
    case 'int8-1x4': {
      const { activationScale: _, ...rest } = weight
      return { ...rest, scales: new Float32Array(weight.scales.length).fill(1) }
    }
    case 'f32':
      return { ...weight, data: rounded(weight.data) }
    case 'csr':
    case 'nm':
      return { ...weight, values: rounded(weight.values) }
  }
}

function rounded(values: Float32Array): Float32Array {
  let most = 0
  for (const x of values) most = Math.max(most, Math.abs(x))
  return values.map((x) => Math.round((x / (most || 1)) * MOST_INTEGER))
}

async function compareIntegers(
  device: Device,
  weight: LeafWeight,
  seed: number,
): Promise<{ outputs: number; wrong: number }> {
  const random = createRandom(seed, `${weight.kind} ${weight.N} ${weight.K}`)
  const whole = (most: number): number => Math.round((2 * random.next() - 1) * most)
  const length = ROWS * weight.K
  const isQuantized = isInt8(weight)
  const rows = isQuantized
    ? { data: Int8Array.from({ length }, () => whole(127)), scales: new Float32Array(ROWS).fill(1) }
    : Float32Array.from({ length }, () => whole(MOST_INTEGER))
  const program = linearProgram(weight, null, 'none', isQuantized ? 's8' : 'f32')
  const batch: Batch = { offsets: Int32Array.of(0, ROWS), rows }
  const session = await device.load(program)
  const actual = await session.run(batch)
  session.dispose()
  const { values } = referenceWithBounds(program, batch)
  let wrong = 0
  values.forEach((value, i) => void (Math.fround(value) === actual[i] || wrong++))
  return { outputs: values.length, wrong }
}

/** A layer as it is in the model, without what is added to it, on random rows. @returns the worst distance in its bounds */
async function compareLayer(device: Device, op: LinearOp, seed: number): Promise<number> {
  const random = createRandom(seed, 'layer')
  const { K, N } = op.weight
  const program: Program = {
    buffers: [
      { name: 'input', rows: 'tokens', width: K, dtype: 'f32' },
      { name: 'output', rows: 'tokens', width: N, dtype: 'f32' },
    ],
    ops: [{ ...op, input: 0, output: 1, residual: null }],
    input: 0,
    output: 1,
  }
  const rows = Float32Array.from({ length: ROWS * K }, () => 2 * random.next() - 1)
  const batch: Batch = { offsets: Int32Array.of(0, ROWS), rows }
  const session = await device.load(program)
  const actual = await session.run(batch)
  session.dispose()
  const { values, bounds } = referenceWithBounds(program, batch)
  let worst = 0
  for (let i = 0; i < values.length; i++) {
    const off = Math.abs(actual[i] - values[i])
    const ratio = off === 0 ? 0 : off / bounds[i]
    if (Number.isNaN(ratio)) return NaN
    worst = Math.max(worst, ratio)
  }
  return worst
}
