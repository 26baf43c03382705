// Two factors in one dispatch on the GPU, and chains of one input side by side.

import { describe, expect, it } from 'vitest'
import { SHADERS } from '../generated/shaders.ts'
import { createGpuDevice, createGpuDeviceWith } from '../webgpu/device.ts'
import type { Activation, Batch, Op, Program } from '../program/program.ts'
import type { DenseWeight } from '../program/weights.ts'
import { assertExact, assertWithin } from '../testing/compare.ts'
import type { TestDevice } from '../testing/devices.ts'
import { integers, seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'
import { randomWeight, type Values } from '../testing/weights.ts'
import { lowRankReference } from './reference.ts'
import { LOW_RANK_WEBGPU } from './variants.ts'

interface ChainCase {
  K: number
  /** ranks of each chain */
  ranks: number[]
  N: number
  activation?: Activation
  values?: Values
  /** all chains begin with the first one's own factor */
  shared?: boolean
  residual?: boolean
}

/** Chains of one input; with a residual one chain from N inputs. The program's output is the last chain's. */
function chainsProgram({ K, ranks, N, activation = 'none', values, shared, residual }: ChainCase, seed: number) {
  const random = seededRandom(seed)
  const weight = (N: number, K: number): DenseWeight => randomWeight('f32', N, K, random, { values }) as DenseWeight
  const first = weight(ranks[0], K)
  const chains = ranks.map((R, i) => ({
    factors: [shared || i === 0 ? first : weight(R, K), weight(N, R)] as [DenseWeight, DenseWeight],
    bias: values === 'integers' ? integers(N, 8, random) : uniform(N, random),
  }))
  const program: Program = {
    buffers: [{ name: 'input', rows: 'tokens', width: K, dtype: 'f32' }],
    ops: [],
    input: 0,
    output: 0,
  }
  const outputs: number[] = []
  for (const { factors, bias } of chains) {
    let input = 0
    factors.forEach((factor, level) => {
      const output = program.buffers.push({ name: `rows`, rows: 'tokens', width: factor.N, dtype: 'f32' }) - 1
      const isLast = level === 1
      program.ops.push({
        kind: 'linear',
        input,
        output,
        weight: factor,
        bias: isLast ? bias : null,
        activation: isLast ? activation : 'none',
        residual: isLast && residual ? 0 : null,
      } satisfies Op)
      input = output
    })
    outputs.push(input)
  }
  program.output = outputs.at(-1)!
  return { program, chains, outputs }
}

/** Runs the case at each number of rows, for every chain's output, and returns the dispatches of each. */
async function check(device: TestDevice, given: ChainCase, rows: number[]): Promise<number[]> {
  const { program, chains, outputs } = chainsProgram(given, given.K + given.N)
  const own = await deviceOf(device)
  const counts: number[] = []
  const sessions = await Promise.all(outputs.map((output) => own.load({ ...program, output }, { guard: true })))
  for (const M of rows) {
    const random = seededRandom(M)
    const x = given.values === 'integers' ? integers(M * given.K, 8, random) : uniform(M * given.K, random)
    const batch: Batch = { offsets: Int32Array.of(0, M), rows: x }
    for (const [i, { factors, bias }] of chains.entries()) {
      const label = `${device.name} ${M} rows ${JSON.stringify(given)} chain ${i}`
      const actual = await sessions[i].run(batch)
      const epilogue = { bias, activation: given.activation ?? 'none', residual: given.residual ? x : null }
      const { values, bounds } = lowRankReference(x, factors, epilogue)
      if (given.values === 'integers') assertExact(actual, values, label)
      else assertWithin(actual, values, bounds, label)
      expect(await sessions[i].checkGuards(), label).toEqual([])
    }
    counts.push(sessions[0].stats().calls)
  }
  for (const session of sessions) session.dispose()
  expect(own.info().notes).toEqual([])
  return counts
}

const tiled: TestDevice = { name: 'webgpu tiled', create: () => createGpuDevice({ kernels: 'tiled' }) }
const direct: TestDevice = { name: 'webgpu direct', create: () => createGpuDevice({ kernels: 'direct' }) }
const halves: TestDevice = {
  name: 'webgpu tiled, weights as halves',
  create: () => createGpuDevice({ kernels: 'tiled', precision: 'f16-weights' }),
}

describe('low-rank-linear fused, seed 1', () => {
  it('keeps the bound around its tiles of rows, ranks, inputs and outputs, in one dispatch', async () => {
    for (const R of [1, 8, 15, 16, 17, 63, 64, 65, 129, 256])
      expect(await check(tiled, { K: 20, ranks: [R], N: 33 }, [5])).toEqual([1])
    for (const N of [1, 63, 64, 65, 255, 257]) expect(await check(tiled, { K: 20, ranks: [8], N }, [5])).toEqual([1])
    for (const K of [1, 15, 16, 17, 63, 65, 257])
      expect(await check(tiled, { K, ranks: [9], N: 9 }, [1, 3, 4, 5, 8, 32])).toEqual([1, 1, 1, 1, 1, 1])
  })
  it('adds bias, activation and residual, and takes more rows in two dispatches', async () => {
    expect(await check(tiled, { K: 24, ranks: [8], N: 24, residual: true, activation: 'gelu' }, [3, 32, 33])).toEqual([
      1, 1, 2,
    ])
    expect(await check(tiled, { K: 24, ranks: [8], N: 70, activation: 'silu' }, [3, 200])).toEqual([1, 2])
  })
  it('takes up to three chains of one input, of unequal ranks, with a first factor in common', async () => {
    for (const ranks of [
      [8, 8],
      [16, 70, 9],
    ])
      for (const N of [48, 70, 300])
        expect(await check(tiled, { K: 40, ranks, N, activation: 'gelu' }, [1, 6, 33])).toEqual([1, 1, 2])
    expect(await check(tiled, { K: 40, ranks: [24, 24, 24], N: 48, shared: true }, [1, 40, 200])).toEqual([1, 2, 2])
    expect(await check(direct, { K: 40, ranks: [16, 70, 9], N: 70 }, [1, 33])).toEqual([2, 2])
    expect(await check(direct, { K: 40, ranks: [24, 24], N: 48, shared: true }, [3])).toEqual([2])
  })
  it('keeps the bound at model shapes', async () => {
    expect(await check(tiled, { K: 768, ranks: [64], N: 768 }, [1, 16])).toEqual([1, 1])
    expect(await check(tiled, { K: 768, ranks: [32, 32, 32], N: 768 }, [1, 6])).toEqual([1, 1])
  })
  it('is exact on small integers, of weights in half precision as well', async () => {
    for (const device of [tiled, halves])
      for (const ranks of [[9], [64, 17]])
        await check(device, { K: 33, ranks, N: 70, values: 'integers' }, [1, 4, 7, 16, 33])
  })
})

describe('the choice between one dispatch and two', () => {
  const maxRows = (factorBytes: number, ranks: number, widths: number[]): number[] => {
    const size = { factorBytes, ranks, widths }
    return LOW_RANK_WEBGPU.flatMap(({ fits, rows }) => (fits(size) ? [rows.most(size)] : []))
  }
  it('is by what workgroups read of the first factor again', () => {
    // query, key and value of BERT-base at rank 64; its attention output; its first feed-forward layer
    expect(maxRows(768 * 64 * 4, 64, [768, 768, 768])).toEqual([4, 24])
    expect(maxRows(768 * 64 * 4, 64, [768])).toEqual([20, 32])
    expect(maxRows(768 * 64 * 4, 64, [3072])).toEqual([4, 20])
    // too much for one core: its second feed-forward layer, and rank 96
    expect(maxRows(3072 * 64 * 4, 64, [768])).toEqual([])
    expect(maxRows(768 * 96 * 4, 96, [768])).toEqual([])
    expect(maxRows(64 * 272 * 4, 272, [64])).toEqual([])
  })
  it('leaves ranks that another op reads', async () => {
    const { program, outputs } = chainsProgram({ K: 16, ranks: [8, 8], N: 16 }, 1)
    const own = await deviceOf(tiled)
    const batch: Batch = { offsets: Int32Array.of(0, 3), rows: uniform(3 * 16, seededRandom(2)) }
    const session = await own.load({ ...program, output: outputs[0] - 1 })
    await session.run(batch)
    // the first chain's ranks are wanted: four dispatches but for the second chain, which is one
    expect(session.stats().calls).toBe(3)
    session.dispose()
  })
  it('is demoted where the kernel is wrong', async () => {
    const source = SHADERS['low-rank-linear.fused'].replace('let w1 = weight[', 'let w1 = 1.001 * weight[')
    expect(source).not.toBe(SHADERS['low-rank-linear.fused'])
    const faulty = await createGpuDeviceWith({ kernels: 'tiled', sources: { 'low-rank-linear.fused': source } })
    const { program } = chainsProgram({ K: 16, ranks: [8], N: 16 }, 1)
    const session = await faulty.load(program)
    await session.run({ offsets: Int32Array.of(0, 3), rows: uniform(3 * 16, seededRandom(2)) })
    expect(session.stats().calls).toBe(2)
    expect(faulty.info().notes.join()).toContain('low-rank-linear.fused failed its self-test')
    session.dispose()
    await faulty.dispose()
  })
})
