// The benches run end to end on the smallest preset: rows are whole, results are right, wrong words are told.

import { execFileSync } from 'node:child_process'
import { expect, it, vi } from 'vitest'
import { findAdapter } from '../kernels/webgpu/adapter.ts'
import { benchKernels, kernelTable } from './kernels/bench.ts'
import { KERNEL_PEERS } from './kernels/peers.ts'
import { main } from './main.ts'
import { benchBreakEven } from './break-even.ts'
import { benchModels } from './models.ts'
import { peersInstalled } from './peers/install.ts'
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
    hosts: ['node'],
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

const small = { ...quiet, model: 'preset:tiny', batch: 2, tokens: 5, devices: ['cpu' as const], seed: 1 }

const hasTorch = (() => {
  try {
    execFileSync(process.env.PYTHON ?? 'python3', ['-c', 'import torch, transformers'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

it('times PyTorch in fp32 and quantized on the same weights, or says that there is none', async () => {
  const variants = ['baseline', 'q8+e8']
  const { rows, notes } = await benchModels({ ...small, variants, peers: ['torch'], hosts: ['node'] })
  const torch = rows.filter((row) => row.engine === 'torch')
  if (!hasTorch) {
    expect(torch).toEqual([])
    expect(notes.filter((note) => note.startsWith('torch did not run'))).toHaveLength(2)
    return
  }
  expect(torch.map((row) => row.variant)).toEqual(variants)
  expect(torch[0].maxError).toBeLessThan(1e-5)
  // one scale per tensor and its own rounding of activations: near ours, not ours
  expect(torch[1].maxError).toBeGreaterThan(1e-6)
  expect(torch[1].maxError).toBeLessThan(0.05)
  expect(rows[2].ratios!.torch.sameWeights).toBeGreaterThan(0)
  expect(notes.filter((note) => note.startsWith('torch: '))).toEqual([
    expect.stringContaining("fp32 for 'baseline'"),
    expect.stringMatching(/quantize_dynamic .* for 'q8\+e8'/),
  ])
})

it('says loudly that there is no PyTorch, and goes on', async () => {
  vi.stubEnv('PYTHON', 'no-such-python')
  try {
    const { rows, notes } = await benchModels({ ...small, variants: ['baseline'], peers: ['torch'], hosts: ['node'] })
    expect(rows.map((row) => row.engine)).toEqual(['compact-kernels'])
    expect(notes.join('\n')).toMatch(/torch did not run 'baseline': .*no-such-python/)
  } finally {
    vi.unstubAllEnvs()
  }
})

it('times whole models in pages, with threads where they are isolated', async () => {
  const { rows, notes } = await benchModels({
    ...small,
    threads: 2,
    variants: ['q8+e8'],
    peers: [],
    hosts: ['chromium', 'chromium-plain'],
  })
  expect(rows.map(({ host, threads }) => `${host} ${threads}`)).toEqual(['chromium 2', 'chromium-plain 1'])
  for (const row of rows) {
    expect(row.n).toBeGreaterThanOrEqual(3)
    expect(row.maxError).toBeLessThan(1e-5)
  }
  expect(notes.join('\n')).toMatch(/chromium: .*Chrome.*cross-origin isolated/)
})

it('times jax-js on WebGPU on the same weights, in a page where none was asked for; its lack of int8 is named', async () => {
  const { rows, notes } = await benchModels({
    ...small,
    devices: ['gpu'],
    variants: ['baseline', 'q8+e8'],
    peers: ['jax-webgpu'],
    hosts: ['node'],
  })
  expect(rows.map(({ engine, host, variant }) => `${engine} ${host ?? 'node'} ${variant}`)).toEqual([
    'compact-kernels node baseline',
    'compact-kernels chromium baseline',
    'jax-webgpu chromium baseline',
    'compact-kernels node q8+e8',
    'compact-kernels chromium q8+e8',
  ])
  for (const { maxError, agreement } of rows) {
    expect(maxError).toBeGreaterThan(0)
    expect(maxError).toBeLessThan(1e-5)
    expect(agreement).toBe(1)
  }
  expect(rows[1].ratios!['jax-webgpu'].sameWeights).toBeGreaterThan(0)
  expect(notes.filter((note) => note.startsWith('jax-webgpu'))).toEqual([
    expect.stringContaining('jax-webgpu in chromium: WebGPU backend'),
    expect.stringContaining(
      "did not run 'q8+e8': jax-webgpu in chromium q8+e8 gpu: Error: jax-js has no int8 products",
    ),
  ])
})

it('times kernels and gives their error and share of the ceiling', async () => {
  const { rows } = await benchKernels({
    ...quiet,
    ops: ['f32', 'int8-1x4', 'int8-16x32', 'low-rank', 'layernorm', 'call'],
    shapes: ['bert-tiny'],
    devices: ['cpu'],
    peers: [],
  })
  // three shapes of f32, three densities, tiles and a chain, then the two row ops
  expect(rows).toHaveLength(3 * 6 + 2)
  const sparse = rows.find((row) => row.variant === '80 % zero blocks')!
  expect(sparse.effectiveGops! / sparse.gops!).toBeGreaterThan(4)
  expect(sparse.ceilingShare).toBeGreaterThan(0)
  expect(rows.find((row) => row.model.startsWith('call'))!.gops).toBeUndefined()
})

it('takes copies of a layer in turn, each packed by itself', async () => {
  const settings = { ...quiet, ops: ['int8', 'layernorm'], shapes: ['bert-tiny'], devices: ['cpu' as const] }
  const { rows } = await benchKernels({ ...settings, copies: 3, peers: [] })
  const copied = rows.filter(({ model }) => model.startsWith('int8'))
  expect(copied.map(({ variant }) => variant)).toEqual(copied.map(() => 'dense, 3 copies in turn'))
  // the rows are quantized once, and then there is a record for each copy
  expect(copied.map(({ calls }) => calls)).toEqual(copied.map(() => 1 + 3))
  expect(rows.at(-1)!.variant).toBe('with residual')
  await expect(benchKernels({ ...settings, copies: 3, peers: ['jax-js'] })).rejects.toThrow('--copies is of ours alone')
})

it('times dense layers of other runtimes in Chromium', async () => {
  // the others are not fetched for a test: nobody needs hundreds of megabytes for it
  const peers = peersInstalled() ? KERNEL_PEERS : ['jax-js']
  const { rows, notes } = await benchKernels({
    ...quiet,
    ops: ['f32', 'int8'],
    shapes: ['bert-tiny'],
    devices: ['cpu'],
    peers,
  })
  const name = ({ engine, host, model }: (typeof rows)[number]) => `${engine} ${host ?? 'node'} ${model}`
  expect(rows.filter(({ model }) => model.endsWith(' 16x128x512')).map(name)).toEqual([
    'compact-kernels node f32 16x128x512',
    'compact-kernels chromium f32 16x128x512',
    ...peers.map((peer) => `${peer} chromium f32 16x128x512`),
    'compact-kernels node int8 16x128x512',
    'compact-kernels chromium int8 16x128x512',
    ...(peers.includes('litert') ? ['litert chromium int8 16x128x512'] : []),
  ])
  // LiteRT's int8 is its own: a scale and a zero point per row, not ours, but no f32 either
  const [f32, int8] = rows.filter(({ engine }) => engine === 'litert').map(({ maxError }) => maxError!)
  if (peers.includes('litert')) expect(int8).toBeGreaterThan(100 * f32)
  // our row in Node has another V8 than the peers
  expect(rows.slice(0, 2).map(({ ratios }) => Object.keys(ratios ?? {}))).toEqual([[], peers])
  expect(notes.filter((note) => note.includes('did not run'))).toEqual([])
  expect(kernelTable(rows)).toContain('x jax-js')
})

it('times storage formats of a layer at several densities, each within its bound', async () => {
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
  [['kernels', '--peers', 'wrong'], 1],
  [['models', '--peers', 'wrong'], 1],
  [['break-even', '--shapes', '64x63'], 1],
  [['break-even', '--zeros', '100'], 1],
  [['models', '--model', 'preset:wrong', '--rounds', '1'], 1],
  [['models', '--tokens', '0'], 1],
  [['models', '--hosts', 'wrong'], 1],
  [['train', '--model', 'preset:wrong'], 1],
  [['nothing'], 1],
  [['--help'], 0],
])('answers %j with exit code %i', async (argv, code) => {
  expect(await main(argv)).toBe(code)
})

it('measures dense f32 layers on the GPU in the precision asked for, and says where an adapter lacks f16', async () => {
  const { rows } = await benchKernels({
    ...quiet,
    ops: ['f32', 'csr'],
    shapes: ['bert-tiny'],
    devices: ['gpu'],
    peers: [],
    precision: 'f16-weights',
  })
  expect(new Set(rows.map(({ precision }) => precision))).toEqual(new Set(['f16-weights']))
  for (const { model, maxError } of rows)
    if (model.startsWith('f32')) expect(maxError).toBeGreaterThan(1e-4)
    else expect(maxError).toBeLessThan(1e-4)
  const { adapter } = await findAdapter('allow')
  if (adapter.features.has('shader-f16')) return
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  expect(await main(['models', '--model', 'preset:tiny', '--devices', 'gpu', '--precision', 'half'])).toBe(1)
  expect(await main(['gpu', '--model', 'preset:tiny', '--precision', 'f16'])).toBe(1)
  expect(write.mock.calls.join('\n')).toMatch(/--precision f16: the adapter .* lacks shader-f16, nothing was measured/)
  write.mockRestore()
})
