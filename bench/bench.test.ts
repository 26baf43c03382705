// The benches run end to end on the smallest preset: rows are whole, results are right, wrong words are told.

import { expect, it } from 'vitest'
import { benchKernels } from './kernels/bench.ts'
import { main } from './main.ts'
import { benchBreakEven } from './break-even.ts'
import { benchModels } from './models.ts'
import { benchTrain, trainTable } from './train.ts'

const quiet = { threads: 1, rounds: 1, burstMs: 5, command: 'test', log: () => {} }

it('times whole models in processes of their own', async () => {
  const { rows, ceilings, notes } = await benchModels({
    ...quiet,
    model: 'preset:tiny',
    variants: ['baseline', 'q8'],
    batch: 2,
    tokens: 5,
    devices: ['cpu'],
    peers: [],
    seed: 1,
  })
  expect(rows.map((row) => `${row.engine} ${row.variant} (${row.batch}, ${row.tokens})`)).toEqual([
    'compact-kernels baseline (2, 5)',
    'compact-kernels q8 (2, 5)',
  ])
  for (const row of rows) {
    expect(row.medianMs).toBeGreaterThan(0)
    expect(row.n).toBeGreaterThanOrEqual(3)
    expect(row.calls).toBeGreaterThan(0)
    // not 0 by being compared with itself: the reference is float64
    expect(row.maxError).toBeGreaterThan(0)
  }
  expect(rows[0].maxError).toBeLessThan(1e-5)
  expect(ceilings.cpu!.f32MulAdd).toBeGreaterThan(0.1)
  expect(notes.join('\n')).toContain('the float64 reference itself moves by')
})

it('times kernels and gives their error and share of the ceiling', async () => {
  const { rows } = await benchKernels({
    ...quiet,
    ops: ['f32', 'int8-1x4', 'low-rank', 'layernorm', 'call'],
    shapes: ['bert-tiny'],
    devices: ['cpu'],
  })
  // three shapes of f32, three densities and a chain, then the two row ops
  expect(rows).toHaveLength(3 * 5 + 2)
  const sparse = rows.find((row) => row.variant === '80 % zero blocks')!
  expect(sparse.effectiveGops! / sparse.gops!).toBeGreaterThan(4)
  expect(sparse.ceilingShare).toBeGreaterThan(0)
  expect(rows.find((row) => row.model.startsWith('call'))!.gops).toBeUndefined()
})

it('times forms of a layer at several densities, each within its bound', async () => {
  const shape: [number, number] = [64, 64]
  const { rows } = await benchBreakEven({ ...quiet, shapes: [shape], tokens: [1, 5], zeros: [50, 90] })
  // two dense, csr and 1x4 at two densities, n:m at four, two ranks
  expect(rows).toHaveLength(2 * (2 + 2 * 2 + 4 + 2))
  expect(rows.filter(({ form }) => form === 'n:m').map(({ density }) => density)).toEqual(
    [1, 2].flatMap(() => [1 / 2, 1 / 4, 1 / 8, 1 / 16]),
  )
  for (const { maxError, variant } of rows) expect(maxError, variant).toBeGreaterThan(0)
})

it('times a training step beside the kernel, dense and of chains', async () => {
  const [B, T] = [2, 9]
  const { rows } = await benchTrain({ ...quiet, model: 'preset:tiny', batch: B, tokens: T, seed: 1 })
  const [M, C, F, L] = [B * T, 128, 512, 2]
  const layer = 4 * C * C + 2 * C * F
  const head = C * C + 2 * C
  // forward, gradient of the input, gradient of the weight; attention: two products forward and five backward
  const step = 6 * (L * M * layer + B * head) + L * 7 * 2 * B * C * T * T
  // R = 32, a quarter of the smaller side; fewer weights: four of 128 x 128, two of 512 x 128
  const chained = step - 6 * L * M * (layer - 4 * 32 * 2 * C - 2 * 32 * (C + F))
  const operations = rows.map(({ gops, medianMs }) => gops! * medianMs * 1e6)
  for (const [i, expected] of [2 * M * layer, step, chained].entries())
    expect(Math.abs(operations[i] / expected - 1), rows[i].variant).toBeLessThan(1e-9)
  for (const { parts, kernelShare } of rows.slice(1)) {
    expect(kernelShare).toBeGreaterThan(0)
    const shares = Object.values(parts!).map(({ timeShare }) => timeShare)
    expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-9)
    expect(Object.keys(parts!)).toContain('optimizer')
  }
  expect(trainTable(rows)).toContain('gradients of weights')
})

it.each([
  [['kernels', '--op', 'wrong'], 1],
  [['kernels', '--shapes', 'wrong'], 1],
  [['models', '--peers', 'wrong'], 1],
  [['break-even', '--shapes', '64x63'], 1],
  [['break-even', '--zeros', '100'], 1],
  [['models', '--model', 'preset:wrong', '--rounds', '1'], 1],
  [['models', '--tokens', '0'], 1],
  [['train', '--model', 'preset:wrong'], 1],
  [['nothing'], 1],
  [['--help'], 0],
])('answers %j with exit code %i', async (argv, code) => {
  expect(await main(argv)).toBe(code)
})
