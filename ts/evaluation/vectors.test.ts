import { describe, expect, test } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import type { Features } from '../inference/embedder.ts'
import { compareVectors, meanInterval, neighbourOverlaps, rowCosines } from './vectors.ts'

const of = (rows: number[][]): Features => ({
  data: Float32Array.from(rows.flat()),
  dims: [rows.length, rows[0].length],
})

const noise = (rows: number, C: number, seed: number): number[][] => {
  const random = createRandom(seed)
  return Array.from({ length: rows }, () => Array.from({ length: C }, () => random.normal()))
}

describe('rowCosines', () => {
  test('of known angles, whatever the lengths; 0 of a row of zeros', () => {
    const first = of([
      [2, 0, 0],
      [0, 3, 0],
      [1, 1, 0],
      [0, 0, 0],
    ])
    const second = of([
      [5, 0, 0],
      [0, -1, 0],
      [1, 0, 0],
      [1, 2, 3],
    ])
    const [same, opposite, half, none] = rowCosines(first, second)
    expect([same, opposite, none]).toEqual([1, -1, 0])
    expect(half).toBeCloseTo(Math.SQRT1_2, 14)
  })

  test('refuses other widths, other numbers of texts, NaN and vectors of tokens', () => {
    expect(() => rowCosines(of([[1, 2]]), of([[1, 2, 3]]))).toThrow('vectors of 2 and of 3 numbers')
    expect(() => rowCosines(of([[1]]), of([[1], [2]]))).toThrow('vectors of 1 and of 2 texts')
    expect(() => rowCosines(of([[NaN]]), of([[1]]))).toThrow('NaN or infinity')
    expect(() => rowCosines({ data: new Float32Array(4), dims: [1, 2, 2] }, of([[1]]))).toThrow('[texts, C]')
  })
})

describe('neighbourOverlaps', () => {
  test('is what sorting all similarities gives', () => {
    const [rows, C, k] = [40, 7, 5]
    const [first, second] = [noise(rows, C, 1), noise(rows, C + 2, 2)]
    const nearest = (of: number[][], i: number): number[] => {
      const unit = of.map((row) => row.map((x) => Math.fround(x) / Math.hypot(...row.map(Math.fround))))
      const s = unit.map((row) => row.reduce((sum, x, c) => sum + x * unit[i][c], 0))
      return [...s.keys()]
        .filter((j) => j !== i)
        .sort((a, b) => s[b] - s[a])
        .slice(0, k)
    }
    const expected = first.map((_, i) => {
      const [a, b] = [nearest(first, i), nearest(second, i)]
      return a.filter((j) => b.includes(j)).length / k
    })
    expect([...neighbourOverlaps(of(first), of(second), k)]).toEqual(expected)
  })

  test('is 1 for turned and stretched vectors, and about k / (rows - 1) for others', () => {
    const rows = noise(200, 6, 3)
    const turned = rows.map(([a, b, ...rest]) => [3 * b, -3 * a, ...rest.map((x) => 3 * x)])
    expect(new Set(neighbourOverlaps(of(rows), of(turned)))).toEqual(new Set([1]))
    const { mean } = meanInterval(neighbourOverlaps(of(rows), of(noise(200, 6, 4))), { seed: 1 })
    expect(mean).toBeGreaterThan(0.02)
    expect(mean).toBeLessThan(0.09)
  })

  test('needs more texts than neighbours', () => {
    expect(() => neighbourOverlaps(of(noise(10, 2, 1)), of(noise(10, 2, 1)), 10)).toThrow('10 neighbours of 10 texts')
  })
})

describe('meanInterval', () => {
  test('is as wide as the standard error says, and the same with the same seed', () => {
    const random = createRandom(5)
    const values = Float64Array.from({ length: 400 }, () => random.normal())
    const { mean, low, high } = meanInterval(values, { seed: 1 })
    expect(low).toBeLessThan(mean)
    expect(high).toBeGreaterThan(mean)
    // 2 * 1.96 / sqrt(400) = 0.196
    expect(high - low).toBeGreaterThan(0.16)
    expect(high - low).toBeLessThan(0.23)
    expect(meanInterval(values, { seed: 1 })).toEqual({ mean, low, high })
  })

  test('refuses an empty list', () => expect(() => meanInterval([], { seed: 1 })).toThrow('no numbers'))
})

test('compareVectors: both measures; no cosine between widths that differ', () => {
  const rows = noise(60, 8, 6)
  const near = noise(60, 8, 7).map((row, i) => row.map((x, c) => rows[i][c] + 0.1 * x))
  const { cosine, overlap, texts, neighbours } = compareVectors(of(rows), of(near), { seed: 1 })
  expect([texts, neighbours]).toEqual([60, 10])
  expect(cosine!.mean).toBeGreaterThan(0.98)
  expect(overlap.mean).toBeGreaterThan(0.7)
  expect(overlap.low).toBeLessThan(overlap.mean)
  expect(compareVectors(of(rows), of(noise(60, 3, 8)), { seed: 1 }).cosine).toBeNull()
})
