// Layers on the caller's own device and buffers, of every weight kind and of chains, against float64.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceWithBounds } from '../reference.ts'
import { linearProgram } from '../program/linear-program.ts'
import type { Activation } from '../program/program.ts'
import type { ChainWeight, LeafWeight, LinearWeight } from '../program/weights.ts'
import type { Int8Rows } from '../program/device.ts'
import { assertWithin } from '../testing/compare.ts'
import { guardedBuffer, readGuarded, type GuardedBuffer } from '../testing/gpu-rows.ts'
import { assertInt8Rows } from '../testing/int8-rows.ts'
import { bytes, integers, seededRandom, uniform } from '../testing/random.ts'
import { randomWeight, type WeightOptions } from '../testing/weights.ts'
import { WEBGPU_VARIANTS } from '../variants.ts'
import { createGpuLinearOn, type GpuLinear, type GpuLinearOptions } from './caller-linear.ts'
import { padded } from './call.ts'
import { createContext, type ContextOptions, type GpuContext } from './context.ts'
import { createGpuLinear, requestGpuDevice } from './device.ts'

let device: GPUDevice
beforeAll(async () => {
  device = await requestGpuDevice()
})
afterAll(() => device.destroy())

/** Contexts whose kernels are taken for proven: that start-up self-tests pass is device.test.ts's to show. */
const contexts = new Map<string, Promise<GpuContext>>()
function contextOf(options: Omit<ContextOptions, 'device'>): Promise<GpuContext> {
  const key = JSON.stringify(options)
  let context = contexts.get(key)
  if (!context) {
    context = createContext({ device, keepsSparse: true, ...options }).then((made) => {
      for (const rows of Object.values(WEBGPU_VARIANTS)) for (const row of rows) made.trusted.add(row)
      return made
    })
    contexts.set(key, context)
  }
  return context
}

const layerOn = async (
  options: Omit<ContextOptions, 'device'>,
  weight: LinearWeight,
  given: GpuLinearOptions = {},
): Promise<GpuLinear> => createGpuLinearOn(await contextOf(options), weight, given)

async function run(layer: GpuLinear, rows: Float32Array, M: number, label: string): Promise<Float32Array> {
  const input = guardedBuffer(device, M * layer.K * 4, rows)
  const output = guardedBuffer(device, M * layer.N * 4)
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  layer.encode(pass, input.buffer, output.buffer, M)
  pass.end()
  const [values, before] = await readGuarded(device, encoder, [output, input], label)
  expect(new Float32Array(before), `${label}: the input`).toEqual(rows)
  for (const { buffer } of [input, output]) buffer.destroy()
  return new Float32Array(values)
}

/** |W| [N, K] of a weight that multiplies in f32. */
function magnitudes(weight: LeafWeight): Float64Array {
  const { N, K } = weight
  const rows = Float32Array.from({ length: K * K }, (_, i) => (i % (K + 1) === 0 ? 1 : 0))
  const { values } = referenceWithBounds(linearProgram(weight, null, 'none'), { offsets: Int32Array.of(0, K), rows })
  return Float64Array.from({ length: N * K }, (_, i) => Math.abs(values[(i % K) * N + Math.floor(i / K)]))
}

/**
 * The chain in float64, with each factor's bound carried through those after it. No activation here is steeper than
 * `slope`. Factors that multiply in int8 must come first, or after sums of integers, which are exact.
 */
function chainReference(
  factors: LeafWeight[],
  bias: Float32Array,
  activation: Activation,
  rows: Float32Array,
  slope = 1,
) {
  const M = rows.length / factors[0].K
  let values: Float64Array = Float64Array.from(rows)
  let bounds: Float64Array = new Float64Array(rows.length)
  for (const [i, weight] of factors.entries()) {
    const isLast = i === factors.length - 1
    const program = linearProgram(weight, isLast ? bias : null, isLast ? activation : 'none')
    const made = referenceWithBounds(program, { offsets: Int32Array.of(0, M), rows: Float32Array.from(values) })
    const own = made.bounds
    const { N, K } = weight
    if (weight.kind.startsWith('int8')) {
      if (i > 0) expect(values.every(Number.isInteger)).toBe(true)
    } else {
      const W = magnitudes(weight)
      for (let m = 0; m < M; m++)
        for (let n = 0; n < N; n++)
          for (let k = 0; k < K; k++)
            own[m * N + n] += slope * W[n * K + k] * (bounds[m * K + k] + Math.abs(values[m * K + k]) * 2 ** -24)
    }
    values = made.values
    bounds = own
  }
  return { values, bounds }
}

const chainOf = (factors: LeafWeight[]): ChainWeight => ({
  kind: 'chain',
  N: factors.at(-1)!.N,
  K: factors[0].K,
  factors,
})

type Case = [kind: LeafWeight['kind'], N: number, K: number, options: WeightOptions & { precision?: 'f16-weights' }]

const LAYERS: Case[] = [
  ['f32', 32, 48, {}],
  ['f32', 7, 9, {}],
  ['f32', 24, 40, { values: 'halves', precision: 'f16-weights' }],
  ['int8', 33, 20, {}],
  ['int8', 64, 32, { activationScale: 2 ** -6 }],
  ['csr', 16, 17, {}],
  ['csr', 32, 64, { tiles: true }],
  ['int8-1x4', 19, 36, {}],
  ['int8-1x4', 32, 64, { tiles: true }],
  ['nm', 35, 24, {}],
]

/** Factors from first to last, and what the first one and its input hold. */
const CHAINS: [factors: string, values: 'uniform' | 'integers'][] = [
  ['f32 8x48, f32 40x8', 'uniform'],
  ['f32 5x19, f32 33x5', 'uniform'],
  ['f32 12x32, f32 9x12, f32 20x9', 'uniform'],
  ['csr 20x33, f32 17x20', 'uniform'],
  ['nm 12x24, nm 34x12', 'uniform'],
  ['int8 16x40, f32 24x16', 'uniform'],
  ['f32 16x40, int8 24x16', 'integers'],
  ['csr 12x20, int8-1x4 18x12', 'integers'],
]

/** The tiled kernels of the others take the software adapter's compiler 1 to 8 s each; their own sweeps run them. */
const isQuickInTiles = ([kind, , , { tiles, precision }]: Case): boolean => kind !== 'int8' && !tiles && !precision

describe.each(['direct', 'tiled'] as const)('on the caller’s buffers, %s kernels', (kernels) => {
  const isQuick = (layer: Case): boolean => kernels === 'direct' || isQuickInTiles(layer)

  it.each(LAYERS.filter(isQuick))('%s [%i, %i] %o', async (kind, N, K, { precision, ...options }) => {
    const random = seededRandom(N)
    const weight = randomWeight(kind, N, K, random, options)
    const bias = uniform(N, random)
    using layer = await layerOn({ kernels, precision }, weight, { bias, activation: 'gelu' })
    for (const M of [1, 5, 70]) {
      const rows = uniform(M * K, random)
      const label = `${kernels} ${kind} ${M} ${N} ${K}`
      const actual = await run(layer, rows, M, label)
      const program = linearProgram(weight, bias, 'gelu')
      const { values, bounds } = referenceWithBounds(program, { offsets: Int32Array.of(0, M), rows })
      assertWithin(actual, values, bounds, label)
    }
  })

  it.each(CHAINS.filter(([name]) => kernels === 'direct' || !name.includes('int8 ')))(
    'a chain of %s, %s',
    async (name, values) => {
      const random = seededRandom(name.length)
      const factors = name.split(', ').map((factor, i) => {
        const [, kind, N, K] = /^(\S+) (\d+)x(\d+)$/.exec(factor)!
        return randomWeight(kind as LeafWeight['kind'], +N, +K, random, i === 0 ? { values } : {})
      })
      const weight = chainOf(factors)
      const bias = uniform(weight.N, random)
      using layer = await layerOn({ kernels }, weight, { bias, activation: 'relu' })
      for (const M of [1, 6, 70]) {
        const rows = (values === 'integers' ? (count: number) => integers(count, 8, random) : uniform)(
          M * weight.K,
          random,
        )
        const label = `${kernels} chain of ${name}, ${M} rows`
        const actual = await run(layer, rows, M, label)
        const expected = chainReference(factors, bias, 'relu', rows)
        assertWithin(actual, expected.values, expected.bounds, label)
      }
      // factors hand on rows padded to 16
      const inner = factors.slice(0, -1).reduce((sum, { N }) => sum + Math.ceil(N / 16) * 64, 0)
      expect(layer.scratchBytes(70)).toBeGreaterThanOrEqual(80 * inner)
      expect(layer.weightBytes).toBeGreaterThan(0)
    },
  )
})

describe.each(['direct', 'tiled'] as const)('s8 rows on the caller’s buffers, %s kernels', (kernels) => {
  const kinds = (['int8', 'int8-1x4'] as const).filter((kind) => kernels === 'direct' || kind !== 'int8')
  it.each(kinds)('%s layers chain in s8', async (kind) => {
    const [K, F, N] = [20, 40, 24]
    const random = seededRandom(kind.length)
    const [first, second] = [randomWeight(kind, F, K, random), randomWeight(kind, N, F, random)]
    const bias = uniform(F, random)
    for (const outputScale of [undefined, 2 ** -3]) {
      using one = await layerOn({ kernels }, first, {
        bias,
        activation: 'relu',
        input: 's8',
        output: 's8',
        outputScale,
      })
      using two = await layerOn({ kernels }, second, { input: 's8' })
      for (const M of [1, 6, 70]) {
        const label = `${kernels} ${kind} ${outputScale} ${M}`
        const rows: Int8Rows = { data: bytes(M * K, random), scales: uniform(M, random).map((s) => 0.01 + s * s) }
        // what lies behind a row's 20 bytes is anything
        const stride = padded(K)
        const spread = bytes(M * stride, random)
        for (let m = 0; m < M; m++) spread.set(rows.data.subarray(m * K, (m + 1) * K), m * stride)
        const input = [guardedBuffer(device, M * stride, spread), guardedBuffer(device, M * 4, rows.scales)]
        const between = [guardedBuffer(device, M * padded(F)), guardedBuffer(device, M * 4)]
        const output = guardedBuffer(device, M * N * 4)
        const asRows = ([data, scales]: GuardedBuffer[]) => ({ data: data.buffer, scales: scales.buffer })
        const encoder = device.createCommandEncoder()
        const pass = encoder.beginComputePass()
        one.encode(pass, asRows(input), asRows(between), M)
        two.encode(pass, asRows(between), output.buffer, M)
        pass.end()
        const [data, scales, last] = await readGuarded(device, encoder, [...between, output], label)
        const hidden: Int8Rows = { data: new Int8Array(M * F), scales: new Float32Array(scales) }
        for (let m = 0; m < M; m++) {
          const row = new Int8Array(data, m * padded(F), padded(F))
          hidden.data.set(row.subarray(0, F), m * F)
          expect([...row.subarray(F)], `${label}: padding`).toEqual(new Array(padded(F) - F).fill(0))
        }
        const offsets = Int32Array.of(0, M)
        const wanted = referenceWithBounds(linearProgram(first, bias, 'relu', 's8'), { offsets, rows })
        assertInt8Rows(hidden, wanted, F, label, outputScale)
        const then = referenceWithBounds(linearProgram(second, null, 'none', 's8'), { offsets, rows: hidden })
        assertWithin(new Float32Array(last), then.values, then.bounds, `${label}: the second`)
        for (const { buffer } of [...input, ...between, output]) buffer.destroy()
      }
      // f32 rows before they are rounded are the handle's
      expect(one.scratchBytes(70)).toBe(80 * padded(F) * 4)
    }
  })
})

describe('a handle', () => {
  const [N, K] = [16, 32]
  it('chains with another in one pass, and is refused buffers that are too small', async () => {
    const random = seededRandom(3)
    const [first, second] = [randomWeight('f32', 48, K, random), randomWeight('f32', N, 48, random)]
    using one = await createGpuLinear(device, first, { activation: 'tanh' })
    using two = await createGpuLinear(device, second)
    expect(one.scratchBytes(5)).toBe(0)
    const M = 3
    const rows = uniform(M * K, random)
    const input = guardedBuffer(device, M * K * 4, rows)
    const between = guardedBuffer(device, M * 48 * 4)
    const output = guardedBuffer(device, M * N * 4)
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    one.encode(pass, input.buffer, between.buffer, M)
    two.encode(pass, between.buffer, output.buffer, M)
    expect(() => one.encode(pass, input.buffer, between.buffer, 30)).toThrow('30 rows need 3840 bytes of input')
    expect(() => one.encode(pass, input.buffer, between.buffer, 1.5)).toThrow('expected a whole number')
    pass.end()
    const [middle, last] = await readGuarded(device, encoder, [between, output], 'two handles')
    const batch = (given: Float32Array) => ({ offsets: Int32Array.of(0, M), rows: given })
    const wanted = referenceWithBounds(linearProgram(first, null, 'tanh'), batch(rows))
    assertWithin(new Float32Array(middle), wanted.values, wanted.bounds, 'the first')
    const then = referenceWithBounds(linearProgram(second, null, 'none'), batch(new Float32Array(middle)))
    assertWithin(new Float32Array(last), then.values, then.bounds, 'the second')
  })

  it('says where rows are more than the device binds, and what is wrong with a weight', async () => {
    const weight = randomWeight('f32', 8, 8, seededRandom(1))
    using layer = await layerOn({ kernels: 'direct', maxBindingBytes: 32768 }, weight)
    const buffer = guardedBuffer(device, 1 << 15).buffer
    const pass = device.createCommandEncoder().beginComputePass()
    expect(() => layer.encode(pass, buffer, buffer, 1000)).toThrow('the device binds 32768; encode fewer rows')
    await expect(createGpuLinear(device, { ...weight, N: 9 })).rejects.toThrow('data has 64 elements, expected 72')
    await expect(createGpuLinear(device, chainOf([weight]))).rejects.toThrow('1 factors, expected 2 or 3')
    const refused = (options: object): Promise<unknown> => createGpuLinear(device, weight, options)
    await expect(refused({ input: 's8' })).rejects.toThrow("s8 rows need an int8 weight, this one is 'f32'")
    await expect(refused({ output: 'u8' })).rejects.toThrow("output 'u8' is not known; expected f32, s8")
    await expect(refused({ outputScale: 1 })).rejects.toThrow("say output: 's8'")
    await expect(refused({ output: 's8', outputScale: 0.1 })).rejects.toThrow('expected an f32 from 2^-100')
    using rounding = await layerOn({ kernels: 'direct' }, weight, { output: 's8' })
    expect(() => rounding.encode(pass, buffer, buffer, 1)).toThrow('output is s8, expected { data, scales }')
  })
})
