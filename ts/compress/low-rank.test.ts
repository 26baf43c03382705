import { Matrix, SVD } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/runtime/weights.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { denseData } from './dense.ts'
import {
  gram,
  leadingEigenvectors,
  multiply,
  normalNumbers,
  orthonormalize,
  transpose,
  view,
} from './linear-algebra.ts'
import { breakEvenRank, chainFromSvd, svdRank, truncatedSvd } from './low-rank.ts'

const product = (a: Float32Array, b: Float32Array, m: number, k: number, n: number): Float64Array =>
  Float64Array.from({ length: m * n }, (_, i) => {
    let sum = 0
    for (let p = 0; p < k; p++) sum += a[Math.floor(i / n) * k + p] * b[p * n + (i % n)]
    return sum
  })

/** ||a - b|| in the Frobenius norm. */
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.sqrt(Array.from(a, (value, i) => (value - b[i]) ** 2).reduce((x, y) => x + y, 0))

describe('products', () => {
  // Around the tile (3 x 4) and the depth block (256).
  test.each([
    [1, 1, 1],
    [3, 256, 4],
    [4, 257, 5],
    [7, 300, 9],
    [2, 0, 3],
  ])('[%d, %d] times [.., %d] equals plain loops, transposed views too, and adds to what is there', (m, k, n) => {
    const random = seededRandom(m * 100 + n)
    const [a, b] = [uniform(m * k, random), uniform(k * n, random)]
    const expected = product(a, b, m, k, n)
    const close = (actual: Float64Array<ArrayBufferLike>): void =>
      actual.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-11))
    close(multiply(view(a, m, k), view(b, k, n)))
    const swapped = multiply(transpose(view(b, k, n)), transpose(view(a, m, k)))
    close(Float64Array.from({ length: m * n }, (_, i) => swapped[(i % n) * m + Math.floor(i / n)]))
    const onTop = multiply(view(a, m, k), view(b, k, n), new Float64Array(m * n).fill(2))
    close(onTop.map((value) => value - 2))
  })

  test('a Gram matrix is symmetric, equals a a^T, and accumulates', () => {
    const a = uniform(11 * 6, seededRandom(1))
    const half = gram(view(a, 11, 6))
    const whole = multiply(view(a, 11, 6), transpose(view(a, 11, 6)))
    half.forEach((value, i) => expect(Math.abs(value - whole[i])).toBeLessThan(1e-12))
    const twice = gram(view(a, 11, 6), Float64Array.from(half))
    twice.forEach((value, i) => expect(Math.abs(value - 2 * whole[i])).toBeLessThan(1e-12))
  })

  test('sizes that do not fit are refused', () => {
    expect(() => multiply(view(new Float32Array(6), 2, 3), view(new Float32Array(4), 2, 2))).toThrow(
      '[2, 3] times [2, 2]',
    )
    expect(() => view(new Float32Array(5), 2, 3)).toThrow('5 elements')
  })

  test('orthonormalize makes orthonormal rows even of dependent ones', () => {
    const normal = normalNumbers(2)
    const basis = Float64Array.from({ length: 5 * 8 }, normal)
    basis.copyWithin(8, 0, 8)
    basis.fill(0, 16, 24)
    orthonormalize(basis, 5, 8, normal)
    gram(view(basis, 5, 8)).forEach((value, i) => expect(Math.abs(value - (i % 6 === 0 ? 1 : 0))).toBeLessThan(1e-12))
    expect(() => orthonormalize(new Float64Array(6), 3, 2, normal)).toThrow('cannot be independent')
    expect(() => orthonormalize(new Float64Array(4).fill(NaN), 1, 4, () => NaN)).toThrow('NaN')
  })

  test('leading eigenvectors by subspace iteration hold nearly what the exact ones hold', () => {
    const n = 160
    const matrix = gram(view(uniform(n * 200, seededRandom(3)), n, 200))
    const held = (basis: Float64Array<ArrayBufferLike>, R: number): number => {
      const image = multiply(view(basis, R, n), view(matrix, n, n))
      return basis.reduce((sum, value, i) => sum + value * image[i], 0)
    }
    // Below 4/5 of n the iteration runs; asking for n takes the full decomposition, whose first rows are exact.
    const found = leadingEigenvectors(matrix, n, 24, normalNumbers(1))
    const exact = leadingEigenvectors(matrix, n, n, normalNumbers(1)).subarray(0, 24 * n)
    const share = held(found, 24) / held(exact, 24)
    // A random matrix has the flattest spectrum there is: the worst case for a power method.
    expect(share).toBeGreaterThan(0.98)
    expect(share).toBeLessThanOrEqual(1 + 1e-12)
  })
})

describe('truncated SVD', () => {
  test.each([
    [12, 20],
    [20, 12],
    [9, 9],
  ])('[%d, %d]: the error is the tail of the singular values, at every rank', (N, K) => {
    const data = uniform(N * K, seededRandom(N))
    const values = new SVD(Matrix.from1DArray(N, K, data), { autoTranspose: true }).diagonal
    const norm = Math.hypot(...values)
    for (let R = 1; R <= Math.min(N, K); R++) {
      const svd = truncatedSvd(data, N, K, R, 1)
      const chain = chainFromSvd(svd, N, K)
      checkLinearWeight(chain, 'chain')
      const tail = Math.hypot(...values.slice(R), 0)
      expect(Math.abs(distance(denseData(chain), data) - tail)).toBeLessThan(1e-5)
      expect(Math.abs(svd.error * norm - tail)).toBeLessThan(1e-5)
    }
  })

  test('a large matrix of low rank comes back; a large random one is within 1 % of the best error', () => {
    const [N, K, R] = [200, 130, 16]
    const random = seededRandom(8)
    const low = Float32Array.from(product(uniform(N * R, random), uniform(R * K, random), N, R, K))
    const svd = truncatedSvd(low, N, K, R, 1)
    expect(svd.error).toBeLessThan(1e-5)
    assertWithin(denseData(chainFromSvd(svd, N, K)), low, 1e-5, 'rank 16')
    for (const [rows, columns] of [
      [N, K],
      [K, N],
    ] as const) {
      const data = uniform(N * K, random)
      const values = new SVD(Matrix.from1DArray(rows, columns, data), { autoTranspose: true }).diagonal
      const best = Math.hypot(...values.slice(R))
      const found = truncatedSvd(data, rows, columns, R, 1)
      expect(distance(denseData(chainFromSvd(found, rows, columns)), data) / best).toBeLessThan(1.01)
      expect(Math.abs((found.error * Math.hypot(...values)) / best - 1)).toBeLessThan(0.01)
    }
  })

  test('the factors are balanced: equal norms, row by column', () => {
    const data = uniform(10 * 14, seededRandom(2))
    const [first, second] = chainFromSvd(truncatedSvd(data, 10, 14, 4, 1), 10, 14).factors.map(denseData)
    for (let r = 0; r < 4; r++) {
      const row = Math.hypot(...first.subarray(r * 14, (r + 1) * 14))
      const column = Math.hypot(...Array.from({ length: 10 }, (_, n) => second[n * 4 + r]))
      expect(Math.abs(row / column - 1)).toBeLessThan(1e-5)
    }
  })

  test('zeros give zeros, the same seed the same bits', () => {
    const zeros = chainFromSvd(truncatedSvd(new Float32Array(130 * 140), 130, 140, 8, 1), 130, 140)
    expect(zeros.factors.flatMap((f) => [...denseData(f)]).every((value) => value === 0)).toBe(true)
    const data = uniform(130 * 140, seededRandom(1))
    expect(truncatedSvd(data, 130, 140, 8, 5)).toEqual(truncatedSvd(data, 130, 140, 8, 5))
  })
})

describe('ranks', () => {
  test.each([
    [768, 768, 0.25, 192],
    [3072, 768, 0.25, 192],
    [768, 3072, 1, 608],
    [768, 768, 1, 384],
    [768, 768, 100, 104],
    [768, 768, 0.001, 8],
    [24, 40, 0.25, 6],
    [24, 40, 1, 15],
    [4, 4, 0.01, 1],
  ])('[%d, %d] at %d gives %d', (N, K, R, expected) => {
    expect(svdRank(N, K, R)).toBe(expected)
    expect(expected).toBeLessThanOrEqual(breakEvenRank(N, K))
  })
})
