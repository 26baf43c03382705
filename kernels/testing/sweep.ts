// The shared sweep: one linear kind on one device over shapes, values and epilogues, against the float64 reference,
// with guard bands around every buffer and NaN in every output beforehand.

import { referenceWithBounds } from '../reference.ts'
import type { Device } from '../program/device.ts'
import type { Activation, Batch, Program } from '../program/program.ts'
import { TILE_INPUTS, TILE_OUTPUTS, type LeafWeight } from '../program/weights.ts'
import { assertExact, assertWithin } from './compare.ts'
import { halfProductsReference, type Rounding } from './emulated-halves.ts'
import { assertNoDemotion } from './program.ts'
import { bytes, integers, seededRandom, uniform } from './random.ts'
import type { Shape } from './shapes.ts'
import { K_MULTIPLE, randomWeight, type WeightOptions } from './weights.ts'

export interface SweepCase extends Shape, WeightOptions {
  /** what the input rows hold; 's8' rows come quantized with scale 1, so that results are integers */
  input?: 'uniform' | 'integers' | 's8' | 'outlier' | 'zero' | 'constant'
  activation?: Activation
  bias?: boolean
  /** the input added to the output; N == K */
  residual?: boolean
  /** the device multiplies f32 layers in f16, rounding so */
  rounding?: Rounding
  /** f32 results must be the exact integers */
  exact?: boolean
}

export function linearProgram(weight: LeafWeight, bias: Float32Array | null, options: SweepCase): Program {
  return {
    buffers: [
      { name: 'input', rows: 'tokens', width: weight.K, dtype: options.input === 's8' ? 's8' : 'f32' },
      { name: 'output', rows: 'tokens', width: weight.N, dtype: 'f32' },
    ],
    ops: [
      {
        kind: 'linear',
        input: 0,
        output: 1,
        weight,
        bias,
        activation: options.activation ?? 'none',
        residual: options.residual ? 0 : null,
      },
    ],
    input: 0,
    output: 1,
  }
}

function inputRows(options: SweepCase, random: () => number): NonNullable<Batch['rows']> {
  const { M, K } = options
  switch (options.input ?? 'uniform') {
    case 'uniform':
      return uniform(M * K, random)
    case 'integers':
      return integers(M * K, 8, random)
    case 's8':
      return {
        data: options.values === 'saturated' ? new Int8Array(M * K).fill(127) : bytes(M * K, random),
        scales: new Float32Array(M).fill(1),
      }
    case 'outlier':
      return uniform(M * K, random).map((x, i) => (i % K === K >> 1 ? 1000 : x))
    case 'zero':
      return uniform(M * K, random).map((x, i) => (Math.floor(i / K) % 2 === 0 ? 0 : x))
    case 'constant':
      return new Float32Array(M * K).fill(0.37)
  }
}

/** Runs every case; collects failures and throws the first three. Returns how many cases ran. */
export async function sweepLinear(
  device: Device,
  kind: LeafWeight['kind'],
  cases: SweepCase[],
  seed: number,
): Promise<number> {
  const failures: string[] = []
  let ran = 0
  for (const given of cases) {
    const [ofN, ofK] = given.tiles ? [TILE_OUTPUTS, TILE_INPUTS] : [1, K_MULTIPLE[kind]]
    const options = { ...given, N: Math.ceil(given.N / ofN) * ofN, K: Math.ceil(given.K / ofK) * ofK }
    if (options.residual) options.N = options.K
    const { M, N, K } = options
    const random = seededRandom(seed + M * 7919 + N * 104729 + K)
    const weight = randomWeight(kind, N, K, random, options)
    const bias = options.bias === false ? null : options.exact ? integers(N, 8, random) : uniform(N, random)
    const program = linearProgram(weight, bias, options)
    const rows = inputRows(options, random)
    const before = rows instanceof Float32Array ? rows.slice() : rows.data.slice()
    const batch: Batch = { offsets: Int32Array.of(0, M), rows }
    const label = `${device.info().name} ${kind} ${JSON.stringify(options)} seed ${seed}`
    const session = await device.load(program, { guard: true })
    try {
      const actual = await session.run(batch)
      assertNoDemotion(device)
      const expected = options.rounding
        ? halfProductsReference(program, rows as Float32Array, options.rounding)
        : referenceWithBounds(program, batch)
      if (options.exact) assertExact(actual, expected.values, label)
      else assertWithin(actual, expected.values, expected.bounds, label)
      assertExact(rows instanceof Float32Array ? rows : rows.data, before, `${label}: the input`)
      const damage = await session.checkGuards()
      if (damage.length > 0) throw new Error(`${label}: ${damage.join('; ')}`)
      ran++
    } catch (error) {
      failures.push(String(error))
    } finally {
      session.dispose()
    }
  }
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${cases.length} cases failed:\n${failures.slice(0, 3).join('\n')}`)
  if (ran === 0) throw new Error('the sweep ran no case')
  return ran
}
