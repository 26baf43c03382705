import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import type { InputSums } from './calibration.ts'
import { centered } from './bias.ts'
import { denseData } from './dense.ts'
import { cholesky, gram, multiply, solveLower, view } from './linear-algebra.ts'
import { chainFromSvd, truncatedSvd } from './low-rank.ts'
import { syntheticInputs } from '../../testing/factors.ts'
import { chainOfSpectrum, outputError, positiveCholesky, spectrum, whitenedSvd } from './whiten.ts'

/** Squared distance of the outputs of two weights over the rows, by plain loops. */
function outputDistance(x: Float32Array, a: Float32Array, b: Float32Array, N: number, K: number): number {
  let total = 0
  for (let m = 0; m < x.length / K; m++)
    for (let n = 0; n < N; n++) {
      let difference = 0
      for (let k = 0; k < K; k++) difference += x[m * K + k] * (a[n * K + k] - b[n * K + k])
      total += difference * difference
    }
  return total
}

/** Two factors rounded to f32, 2^-24 each, move the outputs by less than this share of their norm. */
const FACTOR_ROUNDING = 5e-7

/** Difference of two squared errors as distances, relative to the outputs': rounding adds to distances, not squares. */
const rootGap = (a: number, b: number, total: number): number =>
  Math.abs(Math.sqrt(Math.max(0, a)) - Math.sqrt(b)) / Math.sqrt(total)

const SHAPES = [
  [12, 20],
  [20, 12],
  [16, 16],
  [5, 130],
  [130, 5],
] as const

describe('whitened SVD', () => {
  test.each(SHAPES)('[%d, %d]: the loss is the tail, at every rank, and what the rows themselves measure', (N, K) => {
    const data = uniform(N * K, seededRandom(N))
    const { x, sums } = syntheticInputs(3 * K, K, K)
    const total = outputDistance(x, data, new Float32Array(N * K), N, K)
    for (let R = 1; R <= Math.min(N, K); R++) {
      const { chain, loss, tail } = whitenedSvd(data, N, K, R, sums)
      checkLinearWeight(chain, 'chain')
      expect(loss).toBe(tail[R])
      const rebuilt = denseData(chain)
      const measured = outputDistance(x, data, rebuilt, N, K)
      expect(rootGap(measured, loss, total)).toBeLessThan(FACTOR_ROUNDING)
      expect(rootGap(outputError(data, rebuilt, N, sums), loss, total)).toBeLessThan(FACTOR_ROUNDING)
      if (R === 1) expect(Math.abs(tail[0] / total - 1)).toBeLessThan(1e-9)
    }
  })

  test.each(SHAPES)('[%d, %d]: at every rank below the full one it beats the plain SVD on the outputs', (N, K) => {
    const data = uniform(N * K, seededRandom(N + 1))
    const { sums } = syntheticInputs(4 * K, K, K + 1)
    for (let R = 1; R < Math.min(N, K); R++) {
      const plain = denseData(chainFromSvd(truncatedSvd(data, N, K, R, 1), N, K))
      expect(whitenedSvd(data, N, K, R, sums).loss).toBeLessThan(outputError(data, plain, N, sums))
    }
  })

  test.each(SHAPES)('[%d, %d]: full rank gives the matrix back, with inputs that span little as well', (N, K) => {
    const data = uniform(N * K, seededRandom(N + 2))
    for (const rows of [3 * K, 2]) {
      const { chain, loss, tail } = whitenedSvd(data, N, K, Math.min(N, K), syntheticInputs(rows, K, 4).sums)
      assertWithin(denseData(chain), data, 1e-5, `${rows} rows`)
      expect(loss).toBe(0)
      // two rows span two directions: beyond rank 2 there is nothing left to lose
      if (rows === 2 && tail.length > 3) expect(tail[2]).toBeLessThan(1e-9 * tail[0])
    }
  })

  test('the tail falls, and what flows between the factors is balanced with the columns it meets', () => {
    const [N, K, R] = [14, 18, 6]
    const data = uniform(N * K, seededRandom(9))
    const { x, sums } = syntheticInputs(100, K, 9)
    const { chain, tail } = whitenedSvd(data, N, K, R, sums)
    for (let r = 1; r < tail.length; r++) expect(tail[r]).toBeLessThan(tail[r - 1])
    const [first, second] = chain.factors.map(denseData)
    for (let r = 0; r < R; r++) {
      let square = 0
      for (let m = 0; m < 100; m++) {
        let inner = 0
        for (let k = 0; k < K; k++) inner += x[m * K + k] * first[r * K + k]
        square += inner * inner
      }
      const column = Math.hypot(...Array.from({ length: N }, (_, n) => second[n * R + r]))
      expect(Math.abs(Math.sqrt(square / 100) / column - 1)).toBeLessThan(1e-4)
    }
  })

  test.each(SHAPES)('[%d, %d]: sums rounded to f32 do as well, from texts that span little too', (N, K) => {
    const data = uniform(N * K, seededRandom(N + 3))
    for (const rows of [3 * K, 4]) {
      const { sums } = syntheticInputs(rows, K, 6)
      const rounded = { ...sums, gram: Float64Array.from(Float32Array.from(sums.gram)) }
      for (const layer of [rounded, centered(rounded)]) {
        const R = Math.ceil(Math.min(N, K) / 3)
        const { chain, loss } = whitenedSvd(data, N, K, R, layer)
        const total = outputError(data, new Float32Array(N * K), N, layer)
        expect(rootGap(outputError(data, denseData(chain), N, layer), loss, total)).toBeLessThan(1e-3)
      }
    }
  })

  test('inputs that never came, zero matrices and sums of another layer', () => {
    const data = uniform(6 * 8, seededRandom(3))
    const none: InputSums = {
      K: 8,
      rows: 5,
      gram: new Float64Array(64),
      sum: new Float64Array(8),
      largest: new Float32Array(8),
    }
    assertWithin(denseData(whitenedSvd(data, 6, 8, 6, none).chain), data, 1e-5, 'no inputs')
    expect(whitenedSvd(data, 6, 8, 2, none).loss).toBeLessThan(1e-12)
    const { sums } = syntheticInputs(20, 8, 1)
    expect(denseData(whitenedSvd(new Float32Array(48), 6, 8, 2, sums).chain).every((w) => w === 0)).toBe(true)
    expect(() => whitenedSvd(data, 8, 6, 2, sums)).toThrow('8 inputs, the matrix [8, 6] has 6')
    expect(() => whitenedSvd(data, 6, 8, 7, sums)).toThrow('rank 7')
    none.gram[0] = NaN
    expect(() => whitenedSvd(data, 6, 8, 2, none)).toThrow('NaN')
  })
})

test.each(SHAPES)('[%d, %d]: without sums the spectrum is the plain SVD', (N, K) => {
  const data = uniform(N * K, seededRandom(N + 5))
  const plain = spectrum(data, N, K, null)
  for (let R = 1; R <= Math.min(N, K); R++) {
    const rebuilt = denseData(chainOfSpectrum(plain, R))
    let distance = 0
    for (let i = 0; i < N * K; i++) distance += (data[i] - rebuilt[i]) ** 2
    expect(rootGap(distance, plain.tail[R], plain.tail[0])).toBeLessThan(FACTOR_ROUNDING)
    const { values } = truncatedSvd(data, N, K, R, 1)
    values.forEach((value, r) => expect(Math.abs(plain.values[r] / values[0] - value / values[0])).toBeLessThan(1e-6))
  }
})

describe('Cholesky', () => {
  test('S S^T is the matrix, x S^-1 solves, and what is not positive definite is refused', () => {
    const n = 9
    const matrix = gram(view(uniform(n * 20, seededRandom(1)), n, 20))
    const S = cholesky(matrix, n)!
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(S[i * n + j]).toBe(0)
    gram(view(S, n, n)).forEach((value, i) => expect(Math.abs(value - matrix[i])).toBeLessThan(1e-12))
    const x = Float64Array.from(uniform(3 * n, seededRandom(2)))
    const solved = x.slice()
    solveLower(solved, 3, S, n)
    multiply(view(solved, 3, n), view(S, n, n)).forEach((v, i) => expect(Math.abs(v - x[i])).toBeLessThan(1e-12))
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBe(null)
    expect(cholesky(Float64Array.of(NaN), 1)).toBe(null)
  })

  test('what rounding took below zero is lifted by little; what never was a sum of squares is refused', () => {
    // one direction, rounded to f32: its other eigenvalues are noise of both signs
    const x = uniform(20, seededRandom(4))
    const matrix = Float64Array.from(
      Float32Array.from({ length: 400 }, (_, i) => 50 * x[i % 20] * x[Math.floor(i / 20)]),
    )
    expect(cholesky(matrix, 20)).toBe(null)
    const { S, added } = positiveCholesky(matrix, 20)
    let trace = 0
    for (let i = 0; i < 20; i++) trace += matrix[i * 21]
    expect(added).toBeLessThan((1e-4 * trace) / 20)
    gram(view(S, 20, 20)).forEach((v, i) =>
      expect(Math.abs(v - matrix[i] - (i % 21 === 0 ? added : 0))).toBeLessThan(1e-10 * trace),
    )
    expect(positiveCholesky(Float64Array.of(4), 1)).toEqual({ S: Float64Array.of(2), added: 0 })
    expect(() => positiveCholesky(Float64Array.of(1, 9, 9, 1), 2)).toThrow('no sums of squares')
    expect(() => positiveCholesky(Float64Array.of(NaN), 1)).toThrow('no sums of squares')
  })
})
