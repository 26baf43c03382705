// The benches run end to end on the smallest preset: rows are whole, results are right, wrong words are told.

import { expect, it } from 'vitest'
import { benchKernels } from './kernels/bench.ts'
import { main } from './main.ts'
import { benchModels } from './models.ts'

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

it.each([
  [['kernels', '--op', 'wrong'], 1],
  [['kernels', '--shapes', 'wrong'], 1],
  [['models', '--peers', 'wrong'], 1],
  [['models', '--model', 'preset:wrong', '--rounds', '1'], 1],
  [['models', '--tokens', '0'], 1],
  [['nothing'], 1],
  [['--help'], 0],
])('answers %j with exit code %i', async (argv, code) => {
  expect(await main(argv)).toBe(code)
})
