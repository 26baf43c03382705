import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import type { LinearWeight } from '../../kernels/program/weights.ts'
import { quantizeRow } from '../../kernels/program/quantization.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { syntheticModel } from '../../testing/models.ts'
import { linearLayers } from '../model/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Calibration } from './calibration.ts'
import { quantizationSensitivity, quantizeWithinGate } from './quantize-gate.ts'
import { denseData, denseTable } from './dense.ts'
import { csrFromMask } from './prune.ts'
import { blockMasks } from './prune-mask.ts'
import {
  dequantizeWeight,
  isBlockSparse,
  quantizeBlocks,
  quantizeEmbedding,
  quantizeLinear,
  quantizeLinears,
} from './quantize.ts'
import { quantizeWeight } from './quantize-weight.ts'

/** f32 rounding of scale * q beside the half step: the product of a value below 127.5 scales, in units of the scale. */
const ROUNDING = 128 * 2 ** -23

/** Throws where |data - dequantized| exceeds half a step of its row. */
function expectHalfStep(data: Float32Array, back: Float32Array, scales: Float32Array, K: number): void {
  for (let i = 0; i < data.length; i++) {
    const scale = scales[Math.floor(i / K)]
    const difference = Math.abs(data[i] - back[i])
    if (!(difference <= scale * (0.5 + ROUNDING)))
      throw new Error(`element ${i}: ${data[i]} came back as ${back[i]}, scale ${scale}`)
  }
}

const rows: Record<string, (random: () => number) => Float32Array> = {
  uniform: (random) => uniform(64, random),
  'one huge outlier': (random) => uniform(64, random).map((w, i) => (i === 5 ? 1e6 : w)),
  'all one sign': (random) => uniform(64, random).map((w) => Math.abs(w) + 3),
  denormals: (random) => uniform(64, random).map((w) => w * 1e-40),
  'a few units of the smallest f32': (random) => uniform(64, random).map((w) => w * 6e-45),
  'near the largest f32': (random) => uniform(64, random).map((w) => w * 3e38),
  'one value': () => new Float32Array(64).fill(-0.37),
  zeros: () => new Float32Array(64),
}

describe('int8 weights', () => {
  test.each(Object.keys(rows))('%s: error at most half a step, q in [-127, 127], seed 3', (name) => {
    const random = seededRandom(3)
    const data = new Float32Array(5 * 64)
    for (let row = 0; row < 5; row++) data.set(rows[name](random), row * 64)
    const before = data.slice()
    const weight = quantizeWeight(data, 5, 64)
    checkLinearWeight(weight, name)
    expectHalfStep(data, dequantizeWeight(weight), weight.scales, 64)
    expect(data).toEqual(before)
  })

  test.each(Object.keys(rows))('%s: one scale per tensor errs by at most half of its step, seed 3', (name) => {
    const random = seededRandom(3)
    const data = new Float32Array(3 * 64)
    for (const row of [0, 1, 2]) data.set(rows[name](random), row * 64)
    const weight = quantizeWeight(data, 3, 64, name, { perTensor: true })
    checkLinearWeight(weight, name)
    expect(new Set(weight.scales).size).toBe(1)
    expectHalfStep(data, dequantizeWeight(weight), weight.scales, 64)
  })

  test('the largest magnitude of a row becomes +-127; a row of zeros has scale 0', () => {
    const weight = quantizeWeight(Float32Array.of(0.5, -2, 1, 0, 0, 0), 2, 3)
    expect([...weight.data]).toEqual([32, -127, 64, 0, 0, 0])
    expect([...weight.scales]).toEqual([Math.fround(2 / 127), 0])
  })

  test.each([NaN, Infinity, -Infinity])('%s is refused with its place', (bad) => {
    const data = new Float32Array(12).fill(1)
    data[7] = bad
    expect(() => quantizeWeight(data, 3, 4, 'some.stem')).toThrow(`some.stem: found ${bad} at [1, 3]`)
  })
})

describe('int8 blocks and other storage formats', () => {
  const [N, K] = [6, 16]
  const data = uniform(N * K, seededRandom(5))

  test('whole 1x4 blocks become int8-1x4 with the same positions, error at most half a step', () => {
    const [mask] = blockMasks([{ name: 'w', N, K, data }], 0.5)
    const csr = csrFromMask(data, mask, N, K)
    expect(isBlockSparse(csr)).toBe(true)
    const blocks = quantizeBlocks(csr)
    checkLinearWeight(blocks, 'blocks')
    expect(blocks.columns.length).toBe(12)
    expectHalfStep(denseData(csr), dequantizeWeight(blocks), blocks.scales, K)
  })

  test('single weights are not blocks: quantizeBlocks refuses, quantizeLinear gives dense int8 with the zeros kept', () => {
    const mask = Uint8Array.from({ length: N * K }, (_, i) => (i % 3 === 0 ? 1 : 0))
    const csr = csrFromMask(data, mask, N, K)
    expect(isBlockSparse(csr)).toBe(false)
    expect(() => quantizeBlocks(csr, 'w')).toThrow('whole 1x4 blocks')
    const weight = quantizeLinear(csr, 'w')
    expect(weight.kind).toBe('int8')
    denseData(weight).forEach((w, i) => expect(mask[i] === 1 || w === 0).toBe(true))
  })

  test('four columns in a run that do not start at a multiple of 4 are no block', () => {
    const mask = new Uint8Array(N * K)
    mask.fill(1, 2, 6)
    expect(isBlockSparse(csrFromMask(data, mask, N, K))).toBe(false)
  })

  test('factors that share an array are quantized once and stay shared', () => {
    const factor = { kind: 'f32', N: 4, K, data: data.slice(0, 4 * K) } as const
    const chain = { kind: 'chain' as const, N: 4, K, factors: [factor, { ...factor, K: 4, data: data.slice(0, 16) }] }
    const shared = new Map()
    const [a, b] = [quantizeLinear(chain, 'a', shared), quantizeLinear(chain, 'b', shared)]
    if (a.kind !== 'chain' || b.kind !== 'chain') throw new Error('expected chains')
    expect(a.factors.map((f) => f.kind)).toEqual(['int8', 'int8'])
    expect(a.factors[0]).toBe(b.factors[0])
    expect(() => quantizeLinear(a, 'a')).toThrow('q8: a factor 0 is stored as int8 already')
  })
})

describe('int8 embeddings', () => {
  test.each(Object.keys(rows))('%s: error at most half a step of the row, seed 4', (name) => {
    const random = seededRandom(4)
    const data = new Float32Array(3 * 64)
    for (let row = 0; row < 3; row++) data.set(rows[name](random), row * 64)
    const table = quantizeEmbedding({ kind: 'f32', rows: 3, width: 64, data })
    // The rule is in exact numbers: offset + scale * q in f64, so that f32's own rounding of the sum is not counted.
    for (let i = 0; i < data.length; i++) {
      const row = Math.floor(i / 64)
      const back = table.offsets[row] + table.scales[row] * table.data[i]
      const bound = table.scales[row] * (0.5 + 256 * 2 ** -23)
      expect(Math.abs(data[i] - back) <= bound, `element ${i}: ${data[i]} came back as ${back}`).toBe(true)
    }
  })

  test('a row of one value comes back exactly', () => {
    const data = new Float32Array(8).fill(0.1)
    const table = quantizeEmbedding({ kind: 'f32', rows: 2, width: 4, data })
    expect(denseTable(table)).toEqual(data)
    expect([...table.scales]).toEqual([0, 0])
  })

  test('an int8 table is refused', () => {
    const table = quantizeEmbedding({ kind: 'f32', rows: 1, width: 2, data: Float32Array.of(0, 1) })
    expect(() => quantizeEmbedding(table)).toThrow('e8')
  })
})

describe('step q8 and its options', () => {
  const model = syntheticModel('f32', 6)
  const calibration: Calibration = new Map(
    [...linearLayers(model)].map(({ stem, linear: { weight } }, i) => {
      const { K } = weight
      const gram = new Float64Array(K * K)
      for (let k = 0; k < K; k++) gram[k * K + k] = 1 + k
      return [
        stem,
        { K, rows: 9, gram, sum: new Float64Array(K), largest: new Float32Array(K).fill(0.1).fill(1.5 + i, 3, 4) },
      ]
    }),
  )
  const weights = (m: ModelWeights): [string, LinearWeight][] =>
    [...linearLayers(m)].map(({ stem, linear }) => [stem, linear.weight])

  test('static scales span the largest activation; clipping narrows them; query, key and value see one', () => {
    const shared = new Map(calibration)
    for (const role of ['key', 'value'])
      shared.set(
        `bert.encoder.layer.0.attention.self.${role}`,
        shared.get('bert.encoder.layer.0.attention.self.query')!,
      )
    const { model: quantized, notes } = quantizeLinears(model, { isStatic: true, calibration: shared })
    const scales = weights(quantized).map(([stem, weight]) => {
      checkLinearWeight(weight, stem)
      if (weight.kind !== 'int8') throw new Error('expected int8')
      expect(weight.activationScale).toBe(Math.fround(Math.max(...shared.get(stem)!.largest) / 127))
      return weight.activationScale
    })
    expect(new Set(scales.slice(0, 3)).size).toBe(1)
    expect(notes.join()).toContain('calibrated activation scales')
    const clipped = quantizeLinears(model, { isStatic: true, calibration, clip: 0.5 }).model.classifier!.weight
    if (clipped.kind !== 'int8') throw new Error('expected int8')
    expect(clipped.activationScale).toBe(Math.fround((0.5 * Math.max(...calibration.get('classifier')!.largest)) / 127))
  })

  test('static activations err by at most half a step up to the largest that was seen', () => {
    const [[stem]] = weights(model)
    const weight = weights(quantizeLinears(model, { isStatic: true, calibration }).model)[0][1]
    if (weight.kind !== 'int8' || !weight.activationScale) throw new Error('expected a static int8 weight')
    const most = Math.max(...calibration.get(stem)!.largest)
    const x = uniform(1000, seededRandom(2)).map((v) => v * most)
    const q = new Int8Array(1000)
    quantizeRow(x, q, weight.activationScale)
    expectHalfStep(
      x,
      Float32Array.from(q, (v) => v * weight.activationScale!),
      Float32Array.of(weight.activationScale),
      1000,
    )
  })

  test('only the first factor of a chain has a static scale', () => {
    const chain = syntheticModel('chain', 6)
    const { model: quantized } = quantizeLinears(chain, { isStatic: true, calibration })
    const { weight } = quantized.layers[0].output
    if (weight.kind !== 'chain') throw new Error('expected a chain')
    expect(weight.factors.map((f) => f.kind === 'int8' && f.activationScale !== undefined)).toEqual([true, false])
  })

  test('no calibration, one of another model, and a bad clip are refused', () => {
    expect(() => quantizeLinears(model, { isStatic: true })).toThrow('give context.calibration')
    const other = new Map(calibration).set('classifier', { ...calibration.get('classifier')!, K: 7 })
    expect(() => quantizeLinears(model, { isStatic: true, calibration: other })).toThrow('the calibration has 7')
    expect(() => quantizeLinears(model, { isStatic: true, calibration, clip: 0 })).toThrow('clip 0')
  })

  test('layers named in keepFloat stay as they are; unknown names are refused', () => {
    const keepFloat = new Set(['classifier', 'bert.encoder.layer.1.output.dense'])
    const { model: quantized, notes } = quantizeLinears(model, { keepFloat })
    for (const [stem, weight] of weights(quantized)) expect(weight.kind).toBe(keepFloat.has(stem) ? 'f32' : 'int8')
    expect(notes.join()).toContain('left in f32: classifier, bert.encoder.layer.1.output.dense')
    expect(() => quantizeLinears(model, { keepFloat: new Set(['pooler']) })).toThrow('names pooler')
  })

  test('sensitivity is the exact squared output error over the calibration rows, largest first', () => {
    const found = quantizationSensitivity(model, calibration)
    expect(found.map(({ stem }) => stem).toSorted()).toEqual([...calibration.keys()].toSorted())
    found.slice(1).forEach(({ error }, i) => expect(error).toBeLessThanOrEqual(found[i].error))
    const quantized = new Map(weights(quantizeLinears(model).model))
    for (const [stem, weight] of weights(model)) {
      const [w, r] = [denseData(weight), denseData(quantized.get(stem)!)]
      // the Gram matrix is diagonal: input k has squares 1 + k
      let [lost, whole] = [0, 0]
      w.forEach((x, i) => {
        lost += (x - r[i]) ** 2 * (1 + (i % weight.K))
        whole += x ** 2 * (1 + (i % weight.K))
      })
      const { error } = found.find((layer) => layer.stem === stem)!
      expect(Math.abs(error / (lost / whole) - 1)).toBeLessThan(1e-6)
      expect(error).toBeGreaterThan(0)
    }
  })

  test('the gate gives up layers in order until the score holds, and says where none does', async () => {
    const order = weights(model).map(([stem]) => stem)
    const floats = (m: ModelWeights): number => weights(m).filter(([, { kind }]) => kind === 'f32').length
    const evaluate = async (m: ModelWeights): Promise<number> => (floats(m) >= 3 ? 0.9 : 0.7)
    const held = await quantizeWithinGate(model, order, evaluate, 0.01)
    expect([held.keptFloat, held.before, held.after, held.isHeld]).toEqual([order.slice(0, 3), 0.9, 0.9, true])
    expect(floats(held.model)).toBe(3)
    expect(held.notes.join()).toContain('gate of 1.00 % held: score 0.9000 before, 0.9000 after')
    const at = await quantizeWithinGate(model, order, async (m) => (floats(m) === order.length ? 1 : 0.99), 0.01)
    expect(at.keptFloat).toEqual([])
    const never = await quantizeWithinGate(model, order.slice(0, 2), async (m) => (m === model ? 1 : 0.5), 0.01)
    expect([never.isHeld, never.keptFloat, never.after]).toEqual([false, order.slice(0, 2), 0.5])
    await expect(quantizeWithinGate(model, order, async () => NaN)).rejects.toThrow("the model's own score is NaN")
  })
})
