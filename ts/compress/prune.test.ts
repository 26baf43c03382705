import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/runtime/weights.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { denseData } from './dense.ts'
import { applyMask, blockMasks, keptCount, magnitudeMasks, nmMask } from './prune-mask.ts'
import type { Prunable } from './prune-mask.ts'
import { csrFromMask, nmFromMask } from './prune.ts'

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
