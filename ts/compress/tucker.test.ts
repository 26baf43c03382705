import { tuckerRanks } from './ranks.ts'
import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import type { ChainWeight } from '../../kernels/program/weights.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { denseData } from './dense.ts'
import { multiply, view } from './linear-algebra.ts'
import { contractChain } from '../../kernels/low-rank-linear/contract-chain.ts'
import { chainsFromTucker, hooiIterations, storedElements, tucker2 } from './tucker.ts'

/** L matrices [N, K] of different norms. */
const layers = (L: number, N: number, K: number, seed: number): Float32Array[] => {
  const random = seededRandom(seed)
  return Array.from({ length: L }, (_, l) => uniform(N * K, random).map((w) => w * 3 ** l))
}

const relativeDistance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, w, i) => sum + (w - b[i]) ** 2, 0) / b.reduce((sum, w) => sum + w * w, 0))

describe('Tucker-2 of stacked layers', () => {
  test.each([
    [3, 10, 14],
    [4, 14, 10],
    [1, 6, 9],
    [2, 30, 8],
  ])('%d layers [%d, %d]: full rank reproduces within 1e-5', async (L, N, K) => {
    const matrices = layers(L, N, K, 1)
    const tucker = await tucker2(matrices, [N, K], tuckerRanks(L, N, K, 1), { seed: 1 })
    chainsFromTucker(tucker, N, K).forEach((chain, l) => {
      checkLinearWeight(chain, 'chain')
      expect(relativeDistance(denseData(chain), matrices[l])).toBeLessThan(1e-5)
    })
  })

  // The last two are large enough for the random starts and for the warm steps without a Gram matrix.
  test.each([
    [5, 12, 20, 4, 4],
    [4, 20, 12, 3, 6],
    [3, 140, 136, 16, 16],
    [2, 400, 130, 10, 8],
  ])('%d layers [%d, %d] at ranks %d, %d: HOOI never raises the error', async (L, N, K, r1, r2) => {
    const options = { seed: 2, tolerance: 0, maxIterations: 12 }
    const { errors } = await tucker2(layers(L, N, K, 3), [N, K], [r1, r2], options)
    expect(errors.length).toBeGreaterThan(2)
    for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThanOrEqual(errors[i - 1] + 1e-12)
    expect(errors.at(-1)!).toBeLessThan(errors[0])
  })

  test('the reported error is the distance of what the chains rebuild, over the normalised stack', async () => {
    const [L, N, K] = [3, 12, 16]
    const matrices = layers(L, N, K, 4)
    const tucker = await tucker2(matrices, [N, K], [5, 4], { seed: 1 })
    const distances = chainsFromTucker(tucker, N, K).map((chain, l) => relativeDistance(denseData(chain), matrices[l]))
    const expected = Math.sqrt(distances.reduce((sum, d) => sum + d * d, 0) / L)
    expect(Math.abs(tucker.errors.at(-1)! - expected)).toBeLessThan(1e-6)
  })

  test('a stack that has shared bases is found exactly at their rank, zero layers included', async () => {
    const [N, K, r] = [150, 140, 8]
    const random = seededRandom(6)
    const [U, V] = [uniform(N * r, random), uniform(r * K, random)]
    const matrices = Array.from({ length: 3 }, () => {
      const core = view(uniform(r * r, random), r, r)
      return Float32Array.from(multiply(view(multiply(view(U, N, r), core), N, r), view(V, r, K)))
    })
    matrices.push(new Float32Array(N * K))
    const chains = chainsFromTucker(await tucker2(matrices, [N, K], [r, r], { seed: 1 }), N, K)
    chains.slice(0, 3).forEach((chain, l) => expect(relativeDistance(denseData(chain), matrices[l])).toBeLessThan(1e-5))
    expect(denseData(chains[3]).every((w) => w === 0)).toBe(true)
  })

  test('the same seed gives the same bits', async () => {
    const matrices = layers(2, 140, 130, 5)
    const run = () => tucker2(matrices, [140, 130], [8, 8], { seed: 3 })
    expect(await run()).toEqual(await run())
  })

  test('ranks outside the shape are refused', async () => {
    await expect(tucker2(layers(1, 4, 4, 1), [4, 4], [5, 1], { seed: 1 })).rejects.toThrow('ranks [5, 1]')
  })
})

describe('chains', () => {
  test('twelve layers share the same outer arrays; the core stays between them', async () => {
    const matrices = layers(12, 16, 16, 7)
    const chains = chainsFromTucker(await tucker2(matrices, [16, 16], [4, 4], { seed: 1 }), 16, 16)
    for (const { factors } of chains) {
      expect(factors.length).toBe(3)
      expect(denseData(factors[0])).toBe(denseData(chains[0].factors[0]))
      expect(denseData(factors[2])).toBe(denseData(chains[0].factors[2]))
    }
    expect(storedElements(chains)).toBe(2 * 16 * 4 + 12 * 16)
  })

  test('one layer has nothing to share: its core is multiplied in', async () => {
    const chains = chainsFromTucker(await tucker2(layers(1, 16, 12, 7), [16, 12], [4, 4], { seed: 1 }), 16, 12)
    expect(chains[0].factors.length).toBe(2)
    expect(storedElements(chains)).toBe(4 * (16 + 12))
  })

  test.each([
    [20, 12, 4, 4, 'first'],
    [12, 20, 4, 4, 'last'],
    [12, 12, 8, 3, 'last'],
    [12, 12, 3, 8, 'first'],
  ])('contracting [%d, %d] at ranks %d, %d goes into the %s factor and computes the same', (N, K, r1, r2, side) => {
    const random = seededRandom(N + r1)
    const factor = (n: number, k: number) => ({ kind: 'f32' as const, N: n, K: k, data: uniform(n * k, random) })
    const chain: ChainWeight = { kind: 'chain', N, K, factors: [factor(r2, K), factor(r1, r2), factor(N, r1)] }
    const short = contractChain(chain)
    checkLinearWeight(short, 'short')
    expect(short.factors.length).toBe(2)
    expect(short.factors[side === 'first' ? 1 : 0]).toBe(chain.factors[side === 'first' ? 2 : 0])
    const expected = denseData(chain)
    assertWithin(denseData(short), expected, 1e-5, side)
    expect(contractChain(short)).toBe(short)
  })

  test('a chain that would run slower contracted stays', () => {
    const factor = (n: number, k: number) => ({ kind: 'f32' as const, N: n, K: k, data: new Float32Array(n * k) })
    // 4 inputs to 4, to 1, to 4: 16 + 4 + 4; contraction into the last would cost 16 + 16, into the first 4 + 4.
    const chain: ChainWeight = { kind: 'chain', N: 4, K: 4, factors: [factor(4, 4), factor(1, 4), factor(4, 1)] }
    expect(contractChain(chain).factors.map(({ N, K }) => [N, K])).toEqual([
      [1, 4],
      [4, 1],
    ])
    const int8 = { kind: 'int8' as const, N: 2, K: 2, data: new Int8Array(4), scales: new Float32Array(2) }
    const quantized: ChainWeight = { kind: 'chain', N: 2, K: 2, factors: [int8, int8, int8] }
    expect(contractChain(quantized)).toBe(quantized)
  })
})

test.each([
  [12, 3072, 768, 0.25, [192, 192]],
  [12, 768, 768, 0.25, [192, 192]],
  [12, 3072, 768, 1, [3072, 768]],
  [1, 3072, 768, 1, [768, 768]],
  [12, 768, 3072, 1000, [768, 1000]],
  [4, 24, 40, 0.25, [6, 6]],
])('tuckerRanks of %d x [%d, %d] at %d are %j', (L, N, K, R, expected) => {
  expect(tuckerRanks(L, N, K, R)).toEqual(expected)
})

test('HOOI has 20 iterations on small models and at least one on large ones', () => {
  expect(hooiIterations(4, [256, 256], [64, 64])).toBe(20)
  expect(hooiIterations(12, [3072, 768], [192, 192])).toBe(1)
  expect(hooiIterations(24, [4096, 1024], [1024, 1024])).toBe(1)
})
