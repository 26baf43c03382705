// Programs of random kinds, shapes, epilogues and batches on a GPU, with guard bands around every buffer and a pattern in
// each beforehand: single layers within the bound of the float64 reference, exact where all is whole; encoders of random
// widths and lengths as far from it as sums in another order are.

import fc from 'fast-check'
import type { Device } from '../../kernels/program/device.ts'
import type { Activation, Batch, Program } from '../../kernels/program/program.ts'
import { TILE_INPUTS, TILE_OUTPUTS } from '../../kernels/program/weights.ts'
import { referenceWithBounds, runReference } from '../../kernels/reference.ts'
import { assertExact, assertWithin } from '../../kernels/testing/compare.ts'
import { encoder, tokens } from '../../kernels/testing/encoder.ts'
import { bytes, integers, seededRandom, uniform } from '../../kernels/testing/random.ts'
import { linearProgram } from '../../kernels/testing/sweep.ts'
import { K_MULTIPLE, randomWeight } from '../../kernels/testing/weights.ts'
import { createGpuDeviceWith } from '../../kernels/webgpu/device.ts'
import { Fault, runCases, type FuzzReport, type Outcome } from './report.ts'

const KINDS = ['f32', 'int8', 'csr', 'int8-1x4', 'nm'] as const
const ACTIVATIONS: Activation[] = ['none', 'gelu', 'tanh', 'relu', 'gelu_tanh', 'silu']
const NM = [
  [1, 4],
  [2, 4],
  [1, 2],
  [2, 8],
] as const
/** Logits of one layer of f32 sums: the tests of encoders hold the devices to the same (kernels/webgpu/device.test.ts). */
const ENCODER_BOUND = 1e-4

/** A software GPU compiles and tries out a shader that it meets for the first time. */
const MOST_MS = 60_000

const layer = fc.record({
  kind: fc.constantFrom(...KINDS),
  M: fc.integer({ min: 1, max: 150 }),
  N: fc.integer({ min: 1, max: 140 }),
  K: fc.integer({ min: 1, max: 140 }),
  activation: fc.constantFrom(...ACTIVATIONS),
  bias: fc.boolean(),
  residual: fc.boolean(),
  /** rows that are whole numbers, so that every sum is exact */
  exact: fc.boolean(),
  tiles: fc.boolean(),
  density: fc.constantFrom(0, 0.05, 0.3, 1),
  nm: fc.constantFrom(...NM),
})
type Layer = typeof layer extends fc.Arbitrary<infer T> ? T : never

const whole = fc.record({
  kind: fc.constantFrom('f32', 'csr', 'nm'),
  heads: fc.integer({ min: 1, max: 4 }),
  headSize: fc.constantFrom(4, 8, 12, 16, 32),
  lengths: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 9 }),
})
type Whole = typeof whole extends fc.Arbitrary<infer T> ? T : never

const drawn = fc.oneof({ arbitrary: layer, weight: 9 }, { arbitrary: whole, weight: 1 })

/** On the direct kernels and on the tiled ones, which real GPUs take, in turns; or on one of them. */
export async function fuzzGpu(
  cases: number,
  seed: number,
  progress?: (done: number) => void,
  kernels: readonly ('direct' | 'tiled')[] = ['direct', 'tiled'],
): Promise<FuzzReport> {
  const devices: Device[] = []
  for (const choice of kernels) devices.push(await createGpuDeviceWith({ kernels: choice, keepsSparse: true }))
  try {
    const sample = fc.sample(drawn, { numRuns: cases, seed })
    return await runCases(
      cases,
      seed,
      (index) => {
        const device = devices[index % devices.length]
        const given = sample[index]
        return 'lengths' in given ? runEncoder(device, given, seed + index) : runLayer(device, given, seed + index)
      },
      progress,
      MOST_MS,
    )
  } finally {
    for (const device of devices) await device.dispose()
  }
}

async function runLayer(device: Device, given: Layer, seed: number): Promise<Outcome> {
  const { kind, M, activation, exact, density, nm } = given
  const isInt8 = kind === 'int8' || kind === 'int8-1x4'
  const tiles = given.tiles && (kind === 'csr' || kind === 'int8-1x4')
  const [ofN, ofK] = tiles ? [TILE_OUTPUTS, TILE_INPUTS] : [1, kind === 'nm' ? nm[1] : K_MULTIPLE[kind]]
  const up = (n: number, of: number): number => Math.ceil(n / of) * of
  const K = up(given.K, ofK)
  const residual = given.residual && !(exact && isInt8)
  const N = residual ? up(K, ofN) : up(given.N, ofN)
  const random = seededRandom(seed)
  const [n, m] = nm
  const weight = randomWeight(kind, N, residual ? N : K, random, {
    ...{ density, tiles, n, m },
    values: exact ? 'integers' : 'uniform',
  })
  const bias = !given.bias ? null : exact ? integers(N, 8, random) : uniform(N, random)
  const input = exact && isInt8 ? ('s8' as const) : exact ? ('integers' as const) : ('uniform' as const)
  const options = { M, N, K: weight.K, activation: exact ? ('none' as const) : activation, residual, input }
  const program = linearProgram(weight, bias, options)
  const rows =
    input === 's8'
      ? { data: bytes(M * weight.K, random), scales: new Float32Array(M).fill(1) }
      : input === 'integers'
        ? integers(M * weight.K, 8, random)
        : uniform(M * weight.K, random)
  const batch: Batch = { offsets: Int32Array.of(0, M), rows }
  const label = `${device.info().name} ${JSON.stringify(given)}`
  const actual = await guarded(device, program, batch, label)
  const { values, bounds } = referenceWithBounds(program, batch)
  wrongIs(() => (exact ? assertExact(actual, values, label) : assertWithin(actual, values, bounds, label)))
  return 'taken'
}

async function runEncoder(device: Device, given: Whole, seed: number): Promise<Outcome> {
  const { heads, headSize, kind } = given
  const lengths = given.lengths.some((length) => length > 0) ? given.lengths : [1]
  const program = encoder(1, heads * headSize, heads, kind as 'f32')
  const batch = tokens(
    lengths.filter((length) => length > 0),
    seed,
  )
  const label = `${device.info().name} ${JSON.stringify(given)}`
  const actual = await guarded(device, program, batch, label)
  wrongIs(() => assertWithin(actual, runReference(program, batch), ENCODER_BOUND, label))
  return 'taken'
}

/** The output; what was written outside the rows of any buffer is a fault. */
async function guarded(device: Device, program: Program, batch: Batch, label: string): Promise<Float32Array> {
  const session = await device.load(program, { guard: true })
  try {
    const output = await session.run(batch)
    const damage = await session.checkGuards()
    if (damage.length > 0) throw new Fault(`${label}: ${damage.join('; ')}`)
    return output
  } finally {
    session.dispose()
  }
}

function wrongIs(check: () => void): void {
  try {
    check()
  } catch (error) {
    throw new Fault((error as Error).message)
  }
}
