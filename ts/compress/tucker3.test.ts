import { tuckerRanks, commonCores } from './ranks.ts'
import { expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { mixtureOf } from '../model/weights.ts'
import { denseData } from './dense.ts'
import { sumOfSquares } from './linear-algebra.ts'
import { storedElements, tucker2 } from './tucker.ts'
import { chainsFromTucker3, mixCores } from './tucker3.ts'

const SHAPES = [
  [3, 12, 20],
  [6, 20, 12],
  [1, 8, 8],
] as const

/** L matrices [N, K] of different norms. */
const layers = (L: number, N: number, K: number): Float32Array[] => {
  const random = seededRandom(L + N)
  return Array.from({ length: L }, (_, l) => uniform(N * K, random).map((w) => w * 3 ** l))
}
const norm = (data: ArrayLike<number>): number => Math.sqrt(sumOfSquares(data))
const distance = (a: Float32Array, b: Float32Array): number => norm(a.map((w, i) => w - b[i])) / norm(b)

test.each(SHAPES)('%d layers [%d, %d]: full rank and a common core per layer reproduce', async (L, N, K) => {
  const matrices = layers(L, N, K)
  const tucker = await tucker2(matrices, [N, K], tuckerRanks(L, N, K, 1), { seed: 1 })
  const chains = chainsFromTucker3(mixCores(tucker, matrices.map(norm), L), N, K)
  chains.forEach((chain, l) => {
    checkLinearWeight(chain, 'chain')
    expect(distance(denseData(chain), matrices[l])).toBeLessThan(1e-5)
  })
})

test.each(SHAPES)('%d layers [%d, %d]: the error falls with the common cores, down to the unmixed', async (L, N, K) => {
  const matrices = layers(L, N, K)
  const tucker = await tucker2(matrices, [N, K], [4, 5], { seed: 1 })
  let before = Infinity
  for (let P = 1; P <= L; P++) {
    const mixed = mixCores(tucker, matrices.map(norm), P)
    const error = mixed.errors.at(-1)!
    const chains = chainsFromTucker3(mixed, N, K)
    const distances = chains.map((chain, l) => distance(denseData(chain), matrices[l]))
    expect(Math.abs(norm(distances) / Math.sqrt(L) - error)).toBeLessThan(1e-6)
    expect(error).toBeLessThanOrEqual(before + 1e-12)
    expect(storedElements(chains)).toBe(4 * N + 5 * K + P * 20 + L * P)
    before = error
  }
  expect(Math.abs(before - tucker.errors.at(-1)!)).toBeLessThan(1e-9)
  expect(() => mixCores(tucker, matrices.map(norm), L + 1)).toThrow(`${L + 1} common cores for ${L} layers`)
})

test('every layer names the same basis, and its core is the mixture of it', async () => {
  const matrices = layers(4, 10, 10)
  const tucker = await tucker2(matrices, [10, 10], [3, 3], { seed: 1 })
  const cores = chainsFromTucker3(mixCores(tucker, matrices.map(norm), commonCores(4)), 10, 10).map(({ factors }) => {
    const [, core] = factors
    if (core.kind !== 'f32') throw new Error(`expected f32, found ${core.kind}`)
    return core.data
  })
  const first = mixtureOf(cores[0])!
  for (const core of cores) {
    const { basis, weights } = mixtureOf(core)!
    expect(basis).toBe(first.basis)
    expect(weights.length).toBe(2)
    core.forEach((w, i) =>
      expect(Math.abs(w - weights[0] * basis[i] - weights[1] * basis[9 + i])).toBeLessThan(1e-5 * norm(core)),
    )
  }
  expect(mixtureOf(cores[0].slice())).toBe(undefined)
})
