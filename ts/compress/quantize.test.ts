import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/runtime/weights.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { denseData, denseTable } from './dense.ts'
import { csrFromMask } from './prune.ts'
import { blockMasks } from './prune-mask.ts'
import {
  dequantizeWeight,
  isBlockSparse,
  quantizeBlocks,
  quantizeEmbedding,
  quantizeLinear,
  quantizeWeight,
} from './quantize.ts'

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

describe('int8 blocks and other forms', () => {
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
    // The law is in exact numbers: offset + scale * q in f64, so that f32's own rounding of the sum is not counted.
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
