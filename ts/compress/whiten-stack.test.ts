import { describe, expect, test } from 'vitest'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { denseData } from './dense.ts'
import { multiply, view } from './linear-algebra.ts'
import { syntheticInputs } from '../../testing/factors.ts'
import { tuckerRanks } from './ranks.ts'
import { chainsFromTucker, tucker2 } from './tucker.ts'
import { commonMetric, fitCore, whitenedTucker2 } from './whiten-stack.ts'
import { outputError, ridged } from './whiten.ts'

const stack = (L: number, N: number, K: number) => {
  const random = seededRandom(L * N + K)
  const matrices = Array.from({ length: L }, (_, l) => uniform(N * K, random).map((w) => w * 2 ** l))
  const sums = matrices.map((_, l) => syntheticInputs(3 * K, K, l).sums)
  return { matrices, sums }
}

const SHAPES = [
  [3, 12, 20, 4, 5],
  [4, 20, 12, 6, 4],
  [2, 140, 132, 12, 12],
] as const

/** Each layer's squared output error over what its outputs are. */
const outputErrors = (
  matrices: readonly Float32Array[],
  rebuilt: readonly Float32Array[],
  N: number,
  sums: ReturnType<typeof stack>['sums'],
): number[] =>
  matrices.map((data, l) => {
    const size = outputError(data, new Float32Array(data.length), N, sums[l])
    return outputError(data, rebuilt[l], N, sums[l]) / size
  })

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

describe('whitened Tucker-2', () => {
  test.each(SHAPES)('%d layers [%d, %d]: full rank reproduces', async (L, N, K) => {
    const { matrices, sums } = stack(L, N, K)
    const tucker = await whitenedTucker2(matrices, [N, K], tuckerRanks(L, N, K, 1), (l) => sums[l], { seed: 1 })
    const rebuilt = chainsFromTucker(tucker, N, K).map(denseData)
    // the outputs come back to f32 rounding; weights of inputs that hardly vary, to what the ridge leaves of it
    for (const error of outputErrors(matrices, rebuilt, N, sums))
      expect(Math.sqrt(Math.max(0, error))).toBeLessThan(1e-5)
    matrices.forEach((data, l) => {
      const distance = data.reduce((sum, w, i) => sum + (w - rebuilt[l][i]) ** 2, 0)
      expect(Math.sqrt(distance / data.reduce((sum, w) => sum + w * w, 0))).toBeLessThan(1e-4)
    })
  })

  test.each(SHAPES)('%d layers [%d, %d] at ranks %d, %d: HOOI never raises the error', async (L, N, K, r1, r2) => {
    const { matrices, sums } = stack(L, N, K)
    const options = { seed: 2, tolerance: 0, maxIterations: 12 }
    const { errors } = await whitenedTucker2(matrices, [N, K], [r1, r2], (l) => sums[l], options)
    expect(errors.length).toBeGreaterThan(2)
    for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThanOrEqual(errors[i - 1] + 1e-12)
  })

  test.each(SHAPES)(
    '%d layers [%d, %d] at ranks %d, %d: outputs lose less than by the plain one',
    async (L, N, K, r1, r2) => {
      const { matrices, sums } = stack(L, N, K)
      const rebuild = async (whitened: boolean) => {
        const options = { seed: 1 }
        const tucker = whitened
          ? await whitenedTucker2(matrices, [N, K], [r1, r2], (l) => sums[l], options)
          : await tucker2(matrices, [N, K], [r1, r2], options)
        return outputErrors(matrices, chainsFromTucker(tucker, N, K).map(denseData), N, sums)
      }
      expect(total(await rebuild(true))).toBeLessThan(total(await rebuild(false)))
    },
  )

  test('a fitted core is the best one there: moving any entry of it only adds to the error', () => {
    const [N, K, r1, r2] = [10, 14, 3, 4]
    const { matrices, sums } = stack(2, N, K)
    const { metric } = ridged(sums[1])
    const basis = (R: number, n: number): Float64Array =>
      Float64Array.from({ length: R * n }, (_, i) => (i % n === Math.floor(i / n) ? 1 : 0))
    const left = basis(r1, N)
    const right = Float64Array.from(uniform(r2 * K, seededRandom(5)))
    const core = fitCore(matrices[1], [N, K], left, right, metric)
    const error = (G: Float64Array): number => {
      const low = multiply(view(G, r1, r2), view(right, r2, K))
      const whole = new Float32Array(N * K)
      whole.set(Float32Array.from(low))
      return outputError(matrices[1], whole, N, { ...sums[1], gram: metric })
    }
    const least = error(core)
    for (let i = 0; i < r1 * r2; i++)
      for (const move of [-0.1, 0.1]) {
        const moved = core.slice()
        moved[i] += move
        expect(error(moved)).toBeGreaterThan(least)
      }
  })

  test('the common metric has a mean diagonal of 1, every layer the same say; other widths are refused', () => {
    const { sums } = stack(3, 4, 10)
    const scaled = [sums[0], sums[1], { ...sums[2], gram: sums[2].gram.map((g) => g * 1e6) }]
    const [plain, heavy] = [sums, scaled].map((layers) => commonMetric(3, 10, (l) => layers[l]))
    plain.forEach((value, i) => expect(Math.abs(value - heavy[i])).toBeLessThan(1e-12))
    let trace = 0
    for (let k = 0; k < 10; k++) trace += plain[k * 11]
    expect(Math.abs(trace / 10 - 1)).toBeLessThan(1e-12)
    expect(() => commonMetric(3, 12, (l) => sums[l])).toThrow('10 inputs where the layers have 12')
  })
})
