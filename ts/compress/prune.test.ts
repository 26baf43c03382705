import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import { isTileSparse } from '../../kernels/sparse-matmul/pack-tiles.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { denseData } from './dense.ts'
import {
  applyMask,
  blockMasks,
  cubicSparsity,
  keptCount,
  magnitudeMasks,
  nmMask,
  pruneMask,
  wandaMask,
} from './prune-mask.ts'
import type { Prunable } from './prune-mask.ts'
import { csrFromMask, masksFor, nmFromMask, prunableMatrices, prune } from './prune.ts'
import { factorizeTucker } from './factorize-tucker.ts'
import type { Calibration } from './calibration.ts'
import { encoderLinears } from './dense.ts'
import { isBlockSparse, quantizeLinears } from './quantize.ts'
import { syntheticModel, SMALL } from '../../testing/models.ts'
import { randomModel } from '../model/preset.ts'
import { linearLayers } from '../model/weights.ts'
import type { ModelWeights } from '../model/weights.ts'

const random = seededRandom(11)
const matrix = (name: string, N: number, K: number, scale = 1): Prunable => ({
  name,
  N,
  K,
  data: uniform(N * K, random).map((w) => w * scale),
})
const ones = (masks: readonly Uint8Array[]): number =>
  masks.reduce((sum, mask) => sum + mask.reduce((a, b) => a + b, 0), 0)

describe('magnitude masks', () => {
  const matrices = [matrix('a', 8, 12), matrix('b', 5, 16, 0.3), matrix('c', 1, 4, 5)]
  const total = 96 + 80 + 4

  test.each([0, 0.01, 0.5, 0.8, 0.95, 0.999])(
    'sparsity %d keeps exactly n, none smaller than one that is dropped',
    (sparsity) => {
      const masks = magnitudeMasks(matrices, sparsity)
      expect(ones(masks)).toBe(keptCount(total, sparsity))
      let smallestKept = Infinity
      let largestDropped = 0
      matrices.forEach(({ data }, i) =>
        data.forEach((w, j) => {
          if (masks[i][j] === 1) smallestKept = Math.min(smallestKept, Math.abs(w))
          else largestDropped = Math.max(largestDropped, Math.abs(w))
        }),
      )
      expect(smallestKept).toBeGreaterThanOrEqual(largestDropped)
    },
  )

  test('ties, zeros and equal magnitudes of both signs still give exactly n, earlier ones first', () => {
    const data = Float32Array.of(1, -1, 0, -0, 1, 1, -1, 0)
    expect([...magnitudeMasks([{ name: 'w', N: 2, K: 4, data }], 0.5)[0]]).toEqual([1, 1, 0, 0, 1, 1, 0, 0])
    expect(ones(magnitudeMasks([{ name: 'w', N: 2, K: 4, data: new Float32Array(8) }], 0.25))).toBe(6)
  })

  test('CSR of a mask is valid, holds exactly n, and equals the masked matrix', () => {
    const { N, K, data } = matrices[0]
    const [mask] = magnitudeMasks([matrices[0]], 0.8)
    const csr = csrFromMask(data, mask, N, K)
    checkLinearWeight(csr, 'csr')
    expect(csr.values.length).toBe(keptCount(96, 0.8))
    const masked = data.slice()
    applyMask(masked, mask)
    expect(denseData(csr)).toEqual(masked)
  })

  test('NaN, a wrong sparsity and a mask of the wrong length are refused', () => {
    const bad = { name: 'some.stem', N: 1, K: 4, data: Float32Array.of(1, NaN, 2, 3) }
    expect(() => magnitudeMasks([bad], 0.5)).toThrow('some.stem')
    expect(() => blockMasks([bad], 0.5)).toThrow('some.stem')
    expect(() => nmMask(bad, 2, 4)).toThrow('some.stem')
    expect(() => magnitudeMasks([matrices[0]], 1)).toThrow('sparsity 1')
    expect(() => applyMask(bad.data, new Uint8Array(3))).toThrow('mask of 3')
  })
})

describe('1x4 block masks', () => {
  test('keep whole blocks, exactly n of them, none of smaller L2 norm than one that is dropped', () => {
    const matrices = [matrix('a', 8, 12), matrix('b', 6, 16, 0.5)]
    const masks = blockMasks(matrices, 0.8)
    expect(ones(masks)).toBe(4 * keptCount(24 + 24, 0.8))
    const kept: number[] = []
    const dropped: number[] = []
    matrices.forEach(({ data }, i) => {
      for (let block = 0; block < data.length; block += 4) {
        const bits = [...masks[i].subarray(block, block + 4)]
        expect(new Set(bits).size).toBe(1)
        ;(bits[0] === 1 ? kept : dropped).push(Math.hypot(...data.subarray(block, block + 4)))
      }
    })
    expect(Math.min(...kept)).toBeGreaterThanOrEqual(Math.max(...dropped))
  })

  test('K that 4 does not divide is refused', () => {
    expect(() => blockMasks([matrix('odd', 2, 6)], 0.5)).toThrow('odd: K = 6 is not a multiple of 4')
  })
})

describe('n:m masks', () => {
  test.each([
    [2, 4, 40, 16],
    [1, 4, 32, 8],
    [3, 8, 7, 16],
  ])('%d:%d of [%d, %d] keeps n of every m, the same in a group, those with the largest sums', (n, m, N, K) => {
    const { data } = matrix('w', N, K)
    const mask = nmMask({ name: 'w', N, K, data }, n, m)
    const weight = nmFromMask(data, mask, { N, K, n, m })
    checkLinearWeight(weight, 'nm')
    const masked = data.slice()
    applyMask(masked, mask)
    expect(denseData(weight)).toEqual(masked)
    for (let first = 0; first < N; first += 32) {
      const group = Array.from({ length: Math.min(32, N - first) }, (_, i) => first + i)
      for (let k0 = 0; k0 < K; k0 += m) {
        const inputs = Array.from({ length: m }, (_, i) => k0 + i)
        const sums = inputs.map((k) => group.reduce((sum, row) => sum + Math.abs(data[row * K + k]), 0))
        const best = inputs.toSorted((a, b) => sums[b - k0] - sums[a - k0]).slice(0, n)
        for (const row of group) for (const k of inputs) expect(mask[row * K + k]).toBe(best.includes(k) ? 1 : 0)
      }
    }
  })

  test('K that m does not divide is refused', () => {
    expect(() => nmMask(matrix('w', 2, 6), 2, 4)).toThrow('K = 6 is not a multiple of 4')
  })
})

describe('16x32 tile masks', () => {
  test('keep whole tiles, exactly n of them, none of smaller norm than one that is dropped', () => {
    const matrices = [matrix('a', 32, 96), matrix('b', 16, 64, 0.9)]
    const masks = pruneMask(matrices, { kind: 'tiles', sparsity: 0.6 })
    expect(ones(masks)).toBe(16 * 32 * keptCount(6 + 2, 0.6))
    const kept: number[] = []
    const dropped: number[] = []
    matrices.forEach(({ N, K, data }, i) => {
      for (let n0 = 0; n0 < N; n0 += 16)
        for (let k0 = 0; k0 < K; k0 += 32) {
          const at = Array.from({ length: 16 * 32 }, (_, j) => (n0 + Math.floor(j / 32)) * K + k0 + (j % 32))
          const bits = new Set(at.map((j) => masks[i][j]))
          expect(bits.size).toBe(1)
          ;(bits.has(1) ? kept : dropped).push(Math.hypot(...at.map((j) => data[j])))
        }
    })
    expect(Math.min(...kept)).toBeGreaterThan(Math.max(...dropped))
  })

  test('sizes that do not divide into tiles are refused', () => {
    expect(() => pruneMask([matrix('a', 16, 40)], { kind: 'tiles', sparsity: 0.5 })).toThrow('a: K = 40 is not')
    expect(() => pruneMask([matrix('b', 24, 32)], { kind: 'tiles', sparsity: 0.5 })).toThrow('b: N = 24 is not')
  })
})

describe('Wanda masks', () => {
  const inputSquares = Float64Array.from(uniform(48, random), (x) => (10 * x) ** 2)
  test.each([
    [1, 0],
    [1, 0.37],
    [1, 0.8],
    [1, 0.99],
    [4, 0.5],
    [4, 0.8],
  ] as const)(
    'blocks of %d at sparsity %d: every row keeps exactly n, those with the largest scores',
    (width, sparsity) => {
      const { N, K, data } = matrix('w', 9, 48)
      const mask = wandaMask({ name: 'w', N, K, data, inputSquares }, sparsity, width)
      for (let row = 0; row < N; row++) {
        const scores = Array.from({ length: K / width }, (_, unit) => {
          const inputs = Array.from({ length: width }, (_, i) => unit * width + i)
          return Math.hypot(...inputs.map((k) => Math.abs(data[row * K + k]) * Math.sqrt(inputSquares[k])))
        })
        const wanted = keptCount(K / width, sparsity)
        const best = scores.map((_, i) => i).sort((i, j) => scores[j] - scores[i])
        for (const [place, unit] of best.entries())
          for (let i = 0; i < width; i++) expect(mask[row * K + unit * width + i]).toBe(place < wanted ? 1 : 0)
      }
    },
  )

  test('ties and rows of zeros give exactly n, earlier ones first', () => {
    const zeros = { name: 'w', N: 2, K: 4, data: new Float32Array(8), inputSquares: new Float64Array(4) }
    expect([...wandaMask(zeros, 0.5)]).toEqual([1, 1, 0, 0, 1, 1, 0, 0])
  })

  test('equal inputs make it magnitude within a row; without squares it says what is needed', () => {
    const [one] = [matrix('w', 1, 40)]
    const same = { ...one, inputSquares: new Float64Array(40).fill(3) }
    expect(wandaMask(same, 0.7)).toEqual(magnitudeMasks([one], 0.7)[0])
    expect(() => wandaMask(one, 0.7)).toThrow('context.calibration')
    expect(() => wandaMask({ ...same, data: same.data.map((_, i) => (i === 3 ? NaN : 1)) }, 0.7)).toThrow(
      'w: holds NaN',
    )
  })
})

test('the cubic schedule starts and ends where it should, rises, and does most of it early', () => {
  const steps = Array.from({ length: 11 }, (_, i) => cubicSparsity(i / 10, 0.1, 0.9))
  expect([steps[0], steps[10]]).toEqual([expect.closeTo(0.1, 12), 0.9])
  steps.slice(1).forEach((s, i) => expect(s).toBeGreaterThan(steps[i]))
  expect(steps[5]).toBeCloseTo(0.9 - 0.8 / 8, 12)
  expect([cubicSparsity(-1, 0.1, 0.9), cubicSparsity(2, 0.1, 0.9)]).toEqual([cubicSparsity(0, 0.1, 0.9), 0.9])
})

/** Sums of seeded rows for every linear of a model. */
function seededCalibration(model: ModelWeights): Calibration {
  return new Map(
    [...linearLayers(model)].map(({ stem, linear }) => {
      const { K } = linear.weight
      const gram = new Float64Array(K * K)
      for (let row = 0; row < 2 * K; row++) {
        const x = uniform(K, random)
        for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) gram[i * K + j] += x[i] * x[j] * (1 + i)
      }
      return [stem, { K, rows: 2 * K, gram, sum: new Float64Array(K), largest: new Float32Array(K).fill(1) }]
    }),
  )
}

describe('masks of a model', () => {
  const model = syntheticModel('f32', 3)

  test('are those of the step, by tensor stem', () => {
    const calibration = seededCalibration(model)
    for (const rule of [
      { kind: 'unstructured', sparsity: 0.8 },
      { kind: 'blocks', sparsity: 0.8 },
      { kind: 'wanda', sparsity: 0.8, blocks: true },
    ] as const) {
      const masks = masksFor(model, rule, calibration)
      const pruned = prune(model, rule, 'step', calibration).model
      expect(Object.keys(masks)).toEqual(encoderLinears(model).map(({ stem }) => stem))
      encoderLinears(model).forEach(({ stem, linear }, i) => {
        const wanted = denseData(linear.weight).slice()
        applyMask(wanted, masks[stem])
        expect(denseData(encoderLinears(pruned)[i].linear.weight)).toEqual(wanted)
      })
    }
  })

  test('Wanda needs a calibration of this model, and says so', () => {
    const rule = { kind: 'wanda', sparsity: 0.8, blocks: false } as const
    expect(() => prune(model, rule, 'wanda80')).toThrow(
      'wanda80: weighs weights by their inputs and needs context.calibration',
    )
    const other = seededCalibration(model)
    other.delete('bert.encoder.layer.1.output.dense')
    expect(() => prune(model, rule, 'wanda80', other)).toThrow(
      'wanda80: bert.encoder.layer.1.output.dense takes 40 inputs, the calibration has none',
    )
  })

  test('factors weigh by what enters them, summed over the layers that share them', async () => {
    const calibration = seededCalibration(model)
    const tucker = (await factorizeTucker(model, 0.9, { seed: 1 })).model
    const found = new Map(prunableMatrices(tucker, 'wanda80', calibration).map((p) => [p.data, p.inputSquares!]))
    const wanted = new Map<Float32Array, Float64Array>()
    for (const { stem, linear } of encoderLinears(tucker)) {
      if (linear.weight.kind !== 'chain') throw new Error('expected chains')
      const { gram } = calibration.get(stem)!
      const { K } = linear.weight
      // the map from the layer's inputs to the factor's, in plain loops
      let rows = Array.from({ length: K }, (_, i) => Float64Array.from({ length: K }, (_, j) => (i === j ? 1 : 0)))
      for (const factor of linear.weight.factors) {
        const data = denseData(factor)
        const squares = rows.map((p) =>
          p.reduce((sum, a, i) => sum + p.reduce((s, b, j) => s + a * b * gram[i * K + j], 0), 0),
        )
        const known = wanted.get(data)
        wanted.set(data, known ? known.map((s, k) => s + squares[k]) : Float64Array.from(squares))
        const from = rows
        rows = Array.from({ length: factor.N }, (_, n) =>
          Float64Array.from({ length: K }, (_, j) =>
            from.reduce((sum, p, k) => sum + data[n * factor.K + k] * p[j], 0),
          ),
        )
      }
    }
    expect(found.size).toBe(wanted.size)
    expect(found.size).toBeLessThan(encoderLinears(tucker).length * 3)
    for (const [data, squares] of wanted)
      squares.forEach((square, k) => expect(Math.abs(found.get(data)![k] / square - 1)).toBeLessThan(1e-9))
  })

  test('tiles are whole tiles to the GPU, and whole 1x4 blocks to q8', () => {
    const wide = randomModel({ ...SMALL, hiddenSize: 64, intermediateSize: 96 }, 2)
    const { model: pruned } = prune(wide, { kind: 'tiles', sparsity: 0.5 }, 'sp50x16x32')
    for (const { linear } of encoderLinears(pruned)) {
      if (linear.weight.kind !== 'csr') throw new Error('expected csr')
      expect(isTileSparse(linear.weight)).toBe(true)
      expect(isBlockSparse(linear.weight)).toBe(true)
    }
    for (const { linear } of encoderLinears(quantizeLinears(pruned).model)) {
      if (linear.weight.kind !== 'int8-1x4') throw new Error('expected int8-1x4')
      expect(isTileSparse(linear.weight)).toBe(true)
    }
  })
})
