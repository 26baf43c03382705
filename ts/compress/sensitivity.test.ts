import { describe, expect, it } from 'vitest'
import type { DenseWeight, LinearWeight } from '../../kernels/program/weights.ts'
import { quantizeRow } from '../../kernels/program/quantization.ts'
import { slotBytes, tensorSlots, shapeOfModel } from '../model/shape.ts'
import { syntheticModel } from '../../testing/models.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { correctedBias } from './bias.ts'
import { denseData, denseTable } from './dense.ts'
import { layerInputs, linearCandidates, roundingError, tableCandidates, weightBytes } from './sensitivity.ts'
import type { InputSums } from './calibration.ts'

const ROWS = 400

/** Rows with a mean, inputs of different strength and correlations among them. */
function inputRows(K: number, seed: number): Float32Array[] {
  const random = createRandom(seed, 'rows')
  const mix = Float64Array.from({ length: K * K }, () => random.normal() / Math.sqrt(K))
  const strength = Float64Array.from({ length: K }, (_, k) => (k === 3 ? 4 : 0.3 + random.next()))
  return Array.from({ length: ROWS }, () => {
    const free = Float64Array.from({ length: K }, () => random.normal())
    return Float32Array.from({ length: K }, (_, k) => {
      let sum = 0
      for (let j = 0; j < K; j++) sum += mix[k * K + j] * free[j]
      return strength[k] * (sum + 0.5 * Math.sin(k))
    })
  })
}

function sumsOf(rows: Float32Array[]): InputSums {
  const K = rows[0].length
  const gram = new Float64Array(K * K)
  const sum = new Float64Array(K)
  const largest = new Float32Array(K)
  for (const x of rows)
    for (let i = 0; i < K; i++) {
      sum[i] += x[i]
      largest[i] = Math.max(largest[i], Math.abs(x[i]))
      for (let j = 0; j < K; j++) gram[i * K + j] += x[i] * x[j]
    }
  return { K, rows: rows.length, gram, sum, largest }
}

function randomDense(N: number, K: number, seed: number): DenseWeight {
  const random = createRandom(seed, 'weight')
  return { kind: 'f32', N, K, data: Float32Array.from({ length: N * K }, () => random.normal() / Math.sqrt(K)) }
}

const apply = (data: Float32Array, x: ArrayLike<number>, N: number, bias?: Float32Array): Float64Array =>
  Float64Array.from({ length: N }, (_, n) => {
    let sum = bias ? bias[n] : 0
    for (let k = 0; k < x.length; k++) sum += data[n * x.length + k] * x[k]
    return sum
  })

const SHAPES = [
  [24, 16],
  [16, 40],
  [64, 64],
]

describe('candidates', () => {
  it.each(SHAPES)('[%i, %i]: errors are those of the outputs, with the corrected bias, row by row', (N, K) => {
    const rows = inputRows(K, 5)
    const sums = sumsOf(rows)
    const inputs = layerInputs(sums)
    const weight = randomDense(N, K, 7)
    const bias = Float32Array.from({ length: N }, (_, n) => n / N)
    const outputs = rows.map((x) => apply(weight.data, x, N, bias))
    const mean = apply(
      weight.data,
      sums.sum.map((total) => total / ROWS),
      N,
      bias,
    )
    let total = 0
    for (const y of outputs) y.forEach((value, n) => (total += (value - mean[n]) ** 2))
    const candidates = linearCandidates(weight, 'layer', inputs)
    expect(candidates.length).toBeGreaterThan(15)
    for (const { method, error, make } of candidates) {
      const made = make()
      const corrected = correctedBias({ weight, bias }, made, sums)
      const data = denseData(made)
      let squares = 0
      rows.forEach((x, t) => apply(data, x, N, corrected).forEach((y, n) => (squares += (y - outputs[t][n]) ** 2)))
      const expected = (squares + roundingError(made, inputs)) / total
      expect(Math.abs(error - expected), `${method}: ${error}, by rows ${expected}`).toBeLessThanOrEqual(
        1e-4 * expected + 1e-9,
      )
    }
  })

  it('more bytes of one method never err more; rounding is told within a factor of four', () => {
    const [N, K] = [64, 64]
    const rows = inputRows(K, 9)
    const inputs = layerInputs(sumsOf(rows))
    const candidates = linearCandidates(randomDense(N, K, 11), 'layer', inputs)
    for (const family of [/^sp\d+$/, /^sp\d+x4\+q8$/, /^nm/, /^wsvd:\d+$/, /^wsvd:\d+\+q8$/]) {
      const members = candidates.filter(({ method }) => family.test(method)).sort((a, b) => a.bytes - b.bytes)
      expect(members.length).toBeGreaterThan(1)
      for (let i = 1; i < members.length; i++) expect(members[i].error).toBeLessThan(members[i - 1].error)
    }
    const q8 = candidates.find(({ method }) => method === 'q8')!.make()
    const data = denseData(q8)
    let measured = 0
    for (const x of rows) {
      const q = new Int8Array(K)
      const scale = quantizeRow(x, q)
      const rounded = Float32Array.from(q, (v, k) => v * scale - x[k])
      for (const y of apply(data, rounded, N)) measured += y * y
    }
    const told = roundingError(q8, inputs)
    expect(told / measured).toBeGreaterThan(1 / 4)
    expect(told / measured).toBeLessThan(4)
  })

  it('bytes are those of the file', () => {
    const model = syntheticModel('f32')
    const layer = model.layers[0]
    const weight = randomDense(64, 64, 3)
    const inputs = layerInputs(sumsOf(inputRows(64, 1)))
    for (const { method, bytes, make } of linearCandidates(weight, 'layer', inputs)) {
      const made: LinearWeight = make()
      const shape = shapeOfModel({ ...model, layers: [{ ...layer, query: { weight: made, bias: null } }] })
      const stem = 'bert.encoder.layer.0.attention.self.query.'
      const slots = [...tensorSlots(shape)].filter(({ name }) => name.startsWith(stem))
      expect(bytes, method).toBe(slots.reduce((sum, slot) => sum + slotBytes(slot), 0))
      expect(bytes).toBe(weightBytes(made))
    }
  })

  it('few rows, summed in f32, leave G indefinite: the errors are still those of the outputs', () => {
    const [N, K] = [64, 32]
    const rows = inputRows(K, 3).slice(0, 6)
    const sums = sumsOf(rows.map((x) => x.map((value) => value + 30)))
    sums.gram = Float64Array.from(sums.gram, Math.fround)
    const weight = randomDense(N, K, 5)
    for (const { method, error, make } of linearCandidates(weight, 'layer', layerInputs(sums))) {
      const rank = Number(/^wsvd:(\d+)$/.exec(method)?.[1] ?? 0)
      // six rows span five directions about their mean
      if (rank >= 5) expect([method, error < 1e-2]).toEqual([method, true])
      expect(denseData(make()).every(Number.isFinite)).toBe(true)
      expect(error).toBeGreaterThanOrEqual(0)
    }
  })

  it('refuses NaN and inputs of another width', () => {
    const inputs = layerInputs(sumsOf(inputRows(16, 1)))
    expect(() => linearCandidates(randomDense(8, 24, 1), 'layer', inputs)).toThrow(/16 inputs, the layer 24/)
    const weight = randomDense(8, 16, 1)
    weight.data[5] = NaN
    expect(() => linearCandidates(weight, 'layer', inputs)).toThrow(/NaN at \[0, 5\]/)
  })
})

it('a table is judged by the words that occur', () => {
  const random = createRandom(1, 'table')
  const data = Float32Array.from({ length: 5 * 8 }, (_, i) => random.normal() * (i < 8 ? 100 : 1))
  const table = { kind: 'f32' as const, rows: 5, width: 8, data }
  const counts = [0, 3, 1, 0, 2]
  const [plain, e8] = tableCandidates(table, counts)
  expect([plain.method, plain.error, plain.bytes]).toEqual(['f32', 0, 160])
  expect([e8.method, e8.bytes]).toEqual(['e8', 5 * 16])
  const now = denseTable(e8.make())
  let [error, total] = [0, 0]
  counts.forEach((count, row) => {
    for (let i = row * 8; i < row * 8 + 8; i++) {
      error += count * (now[i] - data[i]) ** 2
      total += count * data[i] ** 2
    }
  })
  expect(e8.error).toBeCloseTo(error / total, 12)
  expect(e8.error).toBeGreaterThan(0)
  expect(tableCandidates(e8.make(), counts).map(({ method }) => method)).toEqual(['e8'])
})
