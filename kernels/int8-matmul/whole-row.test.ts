// int8 layers that own whole rows on the GPU: the input's quantization and the LayerNorm after the layer in one dispatch.

import { describe, expect, it } from 'vitest'
import { referenceWithBounds, runReference } from '../reference.ts'
import { createGpuDeviceWith } from '../webgpu/device.ts'
import { MATRIX_SHAPES } from '../webgpu/matrix-shape.ts'
import type { Device } from '../program/device.ts'
import type { Batch, Op, Program } from '../program/program.ts'
import type { Int8Weight } from '../program/weights.ts'
import { assertWithin } from '../testing/compare.ts'
import { GPU_DEVICES, type TestDevice } from '../testing/devices.ts'
import { emulatedSources, PRODUCTS } from '../testing/emulated-matrices.ts'
import { assertNoDemotion } from '../testing/program.ts'
import { integers, seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'
import { randomWeight } from '../testing/weights.ts'

const emulatedDevice = (sources = emulatedSources()): Promise<Device> =>
  createGpuDeviceWith({ kernels: 'tiled', emulatesMatrices: MATRIX_SHAPES[0], sources })

interface Tested {
  device: TestDevice
  shapes: { M: number; N: number; K: number }[]
  /** as `variants` of the device names them */
  ids: string[]
}

/** Rows at the edges of workgroups; columns at those of panels and of 256; inputs fewer than the groups that share them. */
const TESTED: Tested[] = [
  {
    device: GPU_DEVICES.find(({ name }) => name === 'webgpu tiled')!,
    shapes: [
      ...[129, 132, 256, 257, 1025, 1041].map((M) => ({ M, N: 9, K: 32 })),
      ...[2, 16, 17, 65, 256, 257, 330].map((N) => ({ M: 131, N, K: 64 })),
      ...[1, 16, 17, 64, 65, 160].map((K) => ({ M: 300, N: 70, K })),
    ],
    ids: ['whole-row/4', 'whole-row/2', 'whole-row/1'],
  },
  {
    device: { name: 'webgpu matrix', create: () => emulatedDevice() },
    shapes: [
      ...[257, 272, 289].map((M) => ({ M, N: 9, K: 32 })),
      ...[2, 16, 17, 65, 256, 257, 330].map((N) => ({ M: 259, N, K: 64 })),
      ...[17, 64, 160].map((K) => ({ M: 300, N: 70, K })),
    ],
    ids: ['whole-row-matrix'],
  },
]

interface Options {
  M: number
  N: number
  K: number
  /** who adds the residual, a buffer of integers that another layer has written */
  residual?: 'layer' | 'norm'
  values?: 'integers'
  activationScale?: number
}

const rows = (name: string, width: number): Program['buffers'][number] => ({
  name,
  rows: 'tokens',
  width,
  dtype: 'f32',
})

/** An f32 layer for the residual, an int8 layer, the LayerNorm of both. */
function layerAndNorm({ N, K, residual, values, activationScale }: Options, random: () => number): Program {
  const given =
    values === 'integers' ? (length: number) => integers(length, 8, random) : (n: number) => uniform(n, random)
  const linear = (kind: 'f32' | 'int8', output: number, residual: number | null): Op => {
    const weight = randomWeight(kind, N, K, random, { values, ...(kind === 'int8' ? { activationScale } : {}) })
    return { kind: 'linear', input: 0, output, weight, bias: given(N), activation: 'none', residual }
  }
  return {
    buffers: [rows('input', K), rows('other', N), rows('sum', N), rows('output', N)],
    ops: [
      ...(residual ? [linear('f32', 1, null)] : []),
      linear('int8', 2, residual === 'layer' ? 1 : null),
      {
        kind: 'layernorm',
        input: 2,
        residual: residual === 'norm' ? 1 : null,
        output: 3,
        gamma: uniform(N, random).map((x) => 1 + x / 5),
        beta: uniform(N, random),
        epsilon: 1e-5,
      },
    ],
    input: 0,
    output: 3,
  }
}

/** Runs on the device; every int8 layer of the program takes one dispatch, LayerNorm none. */
async function runWholeRows(device: TestDevice, program: Program, batch: Batch, label: string): Promise<Float32Array> {
  const on = await deviceOf(device)
  const session = await on.load(program, { guard: true })
  try {
    const actual = await session.run(batch)
    assertNoDemotion(on)
    expect(session.stats().calls, label).toBe(program.ops.filter(({ kind }) => kind === 'linear').length)
    expect(await session.checkGuards(), label).toEqual([])
    return actual
  } finally {
    session.dispose()
  }
}

describe.each(TESTED)('int8-matmul.whole-row on $device.name', ({ device, shapes, ids }) => {
  it.each(['layer', 'norm', undefined] as const)(
    'is exact but for the rounding of LayerNorm, residual from the %s',
    async (residual) => {
      for (const shape of residual === 'norm' ? shapes : shapes.filter((_, i) => i % 4 === 0)) {
        const random = seededRandom(shape.M * 7919 + shape.N * 104729 + shape.K)
        // inputs of small integers are their own bytes, and all sums of them exact in f32
        const program = layerAndNorm({ ...shape, residual, values: 'integers', activationScale: 1 }, random)
        const batch = { offsets: Int32Array.of(0, shape.M), rows: integers(shape.M * shape.K, 8, random) }
        const label = JSON.stringify({ ...shape, residual })
        const { values, bounds } = referenceWithBounds(program, batch)
        assertWithin(await runWholeRows(device, program, batch, label), values, bounds, label)
      }
    },
  )
  it("keeps the bounds of both ops with each row's own scale, rows of zeros among them", async () => {
    for (const shape of [...shapes.filter((_, i) => i % 3 === 1), { M: 130, N: 384, K: 1536 }]) {
      const random = seededRandom(shape.M + shape.N * 104729 + shape.K)
      const program = layerAndNorm(shape, random)
      const given = uniform(shape.M * shape.K, random).map((x, i) => (Math.floor(i / shape.K) % 5 === 0 ? 0 : x))
      const batch = { offsets: Int32Array.of(0, shape.M), rows: given }
      const { values, bounds } = referenceWithBounds(program, batch)
      const sums = referenceWithBounds({ ...program, ops: program.ops.slice(0, 1), output: 2 }, batch)
      const { gamma } = program.ops[1] as Extract<Op, { kind: 'layernorm' }>
      const label = JSON.stringify(shape)
      for (let m = 0; m < shape.M; m++) {
        const [first, end] = [m * shape.N, (m + 1) * shape.N]
        const sum = sums.values.subarray(first, end)
        const mean = sum.reduce((a, b) => a + b, 0) / shape.N
        const deviation = Math.sqrt(sum.reduce((a, b) => a + (b - mean) ** 2, 0) / shape.N + 1e-5)
        const moved = Math.max(...sums.bounds.subarray(first, end))
        // an element, the mean and the deviation each move by at most what the sums do
        for (let n = 0; n < shape.N; n++)
          bounds[first + n] += (moved / deviation) * (2 + Math.abs(sum[n] - mean) / deviation) * Math.abs(gamma[n])
      }
      assertWithin(await runWholeRows(device, program, batch, label), values, bounds, label)
    }
  })
  it.each([undefined, 0.015])('writes the bytes of the next layer, calibrated scale %s', async (step) => {
    for (const shape of [
      { M: 131, N: 70, K: 48 },
      { M: 273, N: 256, K: 32 },
      { M: 1027, N: 33, K: 160 },
    ]) {
      const { M, N } = shape
      const random = seededRandom(M)
      const program = layerAndNorm({ ...shape, residual: 'norm', values: 'integers', activationScale: 1 }, random)
      // the unit matrix: the output is the quantized row itself
      const weight: Int8Weight = {
        kind: 'int8',
        N,
        K: N,
        data: Int8Array.from({ length: N * N }, (_, i) => (i % (N + 1) === 0 ? 1 : 0)),
        scales: new Float32Array(N).fill(1),
        ...(step ? { activationScale: Math.fround(step) } : {}),
      }
      program.buffers.push(rows('bytes', N))
      program.ops.push({ kind: 'linear', input: 3, output: 4, weight, bias: null, activation: 'none', residual: null })
      program.output = 4
      const batch = { offsets: Int32Array.of(0, M), rows: integers(M * shape.K, 8, random) }
      const label = JSON.stringify({ ...shape, step })
      const actual = await runWholeRows(device, program, batch, label)
      const wanted = runReference(program, batch)
      const largest = (m: number): number => Math.max(...wanted.subarray(m * N, (m + 1) * N).map(Math.abs))
      const steps = Array.from({ length: M }, (_, m) => step ?? largest(m) / 127)
      // what the norm rounds may fall on the other side of a tie: one step, rarely
      const off = actual.map((y, i) => Math.abs(y - wanted[i]) / steps[Math.floor(i / N)])
      expect(Math.max(...off), label).toBeLessThan(1.01)
      expect(off.filter((share) => !(share < 0.01)).length, label).toBeLessThanOrEqual(Math.ceil((M * N) / 2000))
    }
  })
  it('is the kernel that it is meant to be', async () => {
    const found = (await deviceOf(device)).info().variants['int8-matmul'].split(', ')
    for (const id of ids) expect(found).toContain(id)
  })
})

it.each([
  ['one product off by one', PRODUCTS.right, PRODUCTS.wrong],
  ['half of the inputs left out', 'staged[at+256u]', '0'],
])('int8-matmul.whole-row-matrix is left out where it is wrong: %s', async (_, right, wrong) => {
  const sources = emulatedSources()
  const code = sources['int8-matmul.whole-row-matrix']!
  expect(code).toContain(right)
  sources['int8-matmul.whole-row-matrix'] = code.replace(right, wrong)
  const faulty = await emulatedDevice(sources)
  const session = await faulty.load(layerAndNorm({ M: 300, N: 20, K: 64 }, seededRandom(6)))
  expect(faulty.info().notes.join()).toMatch(/^int8-matmul.whole-row-matrix failed its self-test/)
  expect(faulty.info().variants['int8-matmul']).not.toContain('whole-row-matrix')
  session.dispose()
  await faulty.dispose()
})
