import { createRandom } from '../../kernels/program/random.ts'
import { Matrix, SVD } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { SMALL } from '../../testing/models.ts'
import { randomModel } from '../model/preset.ts'
import type { ModelWeights } from '../model/weights.ts'
import { denseData, encoderLinears } from './dense.ts'
import { gram, leadingEigenvectors, multiply, orthonormalize, transpose, view } from './linear-algebra.ts'
import { chainFromSvd, factorizeSvd, truncatedSvd } from './low-rank.ts'
import { breakEvenRank, svdRank } from './ranks.ts'
import { syntheticCalibration } from '../../testing/factors.ts'
import { spectrum } from './whiten.ts'

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
    const normal = createRandom(2).normal
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
    const found = leadingEigenvectors(matrix, n, 24, createRandom(1).normal)
    const exact = leadingEigenvectors(matrix, n, n, createRandom(1).normal).subarray(0, 24 * n)
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

describe('steps svd and wsvd', () => {
  const config = { ...SMALL, labels: ['a', 'b'], hiddenSize: 32, intermediateSize: 64 }
  const model = randomModel(config, 4)
  // what tells the layers apart: some are nearly of low rank
  for (const { linear } of encoderLinears(model).filter((_, i) => i % 3 === 0)) {
    const { weight } = linear
    if (weight.kind !== 'f32') throw new Error('expected f32')
    const svd = truncatedSvd(weight.data, weight.N, weight.K, 4, 1)
    weight.data.set(denseData(chainFromSvd(svd, weight.N, weight.K)).map((w, i) => w + 0.1 * weight.data[i]))
  }
  const { rows, calibration } = syntheticCalibration(model, 3)
  const ranksOf = (made: ModelWeights): number[] =>
    encoderLinears(made).map(({ linear: { weight } }) => (weight.kind === 'chain' ? weight.factors[0].N : 0))
  const encoderBytes = (made: ModelWeights): number =>
    encoderLinears(made).reduce(
      (sum, { linear: { weight } }, i) => sum + 4 * (ranksOf(made)[i] * (weight.N + weight.K) + weight.N),
      0,
    )

  /** Squared output error of every layer over its rows, by plain loops, biases included; relative to the variance. */
  const losses = (made: ModelWeights): number[] =>
    encoderLinears(made).map(({ stem, linear }, layer) => {
      const before = encoderLinears(model)[layer].linear
      const [old, now] = [denseData(before.weight), denseData(linear.weight)]
      const { N, K } = linear.weight
      const x = rows.get(stem)!
      let loss = 0
      let size = 0
      for (let m = 0; m < x.length / K; m++)
        for (let n = 0; n < N; n++) {
          let [was, is] = [before.bias![n], linear.bias![n]]
          for (let k = 0; k < K; k++) {
            was += old[n * K + k] * x[m * K + k]
            is += now[n * K + k] * x[m * K + k]
          }
          loss += (was - is) ** 2
          size += was ** 2
        }
      return loss / size
    })
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

  test('energy: each layer has a rank of its own, the lowest that keeps the share, none above break-even', async () => {
    const { model: made, notes } = await factorizeSvd(model, { by: 'energy', share: 0.8 }, { seed: 1 })
    const ranks = ranksOf(made)
    expect(new Set(ranks).size).toBeGreaterThan(3)
    encoderLinears(model).forEach(({ linear: { weight } }, i) => {
      expect(ranks[i]).toBeLessThanOrEqual(breakEvenRank(weight.N, weight.K))
      const { tail } = spectrum(denseData(weight), weight.N, weight.K, null)
      if (tail[ranks[i]] > 0.2 * tail[0]) expect(ranks[i]).toBe(breakEvenRank(weight.N, weight.K))
      expect(tail[ranks[i] - 1]).toBeGreaterThan(0.2 * tail[0])
    })
    expect(notes[0]).toContain(`ranks ${Math.min(...ranks)} to ${Math.max(...ranks)}`)
  })
  test('says which ranks it held to break-even', async () => {
    const noteOf = async (R: number): Promise<string> => (await factorizeSvd(model, R, { seed: 1 })).notes.join('\n')
    expect(await noteOf(1)).toMatch(/svd: \d+ of \d+ layers asked for more than break-even, .* held to it/)
    expect(await noteOf(0.25)).not.toMatch(/break-even/)
  })

  test('bytes: the encoder fits, hardly anything is left over, and it loses less than one rank for all', async () => {
    const same = (await factorizeSvd(model, 8, { seed: 1 })).model
    const bytes = encoderBytes(same)
    const { model: made } = await factorizeSvd(model, { by: 'bytes', bytes }, { seed: 1 })
    expect(encoderBytes(made)).toBeLessThanOrEqual(bytes)
    expect(encoderBytes(made)).toBeGreaterThan(bytes - 4 * 96)
    const lost = (ranks: number[]): number =>
      sum(
        encoderLinears(model).map(({ linear: { weight } }, i) => {
          const { tail } = spectrum(denseData(weight), weight.N, weight.K, null)
          return tail[ranks[i]] / tail[0]
        }),
      )
    expect(lost(ranksOf(made))).toBeLessThan(lost(ranksOf(same)))
    await expect(factorizeSvd(model, { by: 'bytes', bytes: 100 }, { seed: 1 })).rejects.toThrow('the budget is 100')
  })

  test('on the outputs: whitened beats plain, the corrected bias helps both, about the mean is best', async () => {
    const made = async (whitened: boolean, biasCorrection: boolean): Promise<number[]> =>
      losses((await factorizeSvd(model, 6, { seed: 1, calibration, whitened, biasCorrection })).model)
    const [plain, plainCorrected, whitened, corrected] = await Promise.all([
      made(false, false),
      made(false, true),
      made(true, false),
      made(true, true),
    ])
    plain.forEach((loss, i) => {
      expect(plainCorrected[i]).toBeLessThan(loss)
      expect(whitened[i]).toBeLessThan(loss)
      expect(corrected[i]).toBeLessThan(whitened[i])
      expect(corrected[i]).toBeLessThan(plainCorrected[i])
    })
  })
})
