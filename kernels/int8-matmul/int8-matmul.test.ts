import { describe, expect, it } from 'vitest'
import { assertExact } from '../testing/compare.ts'
import { ALL_DEVICES, type TestDevice } from '../testing/devices.ts'
import { MATRIX_SHAPES } from '../webgpu/matrix-shape.ts'
import { emulatedMatrixShader, PRODUCTS } from '../testing/emulated-matrices.ts'
import { bytes, integers, seededRandom, uniform } from '../testing/random.ts'
import { MODEL_SHAPES, sweepShapes, TALL_SHAPES } from '../testing/shapes.ts'
import { deviceOf, sweepOn } from '../testing/suite.ts'
import { linearProgram } from '../testing/sweep.ts'
import { randomWeight } from '../testing/weights.ts'
import { referenceWithBounds, runReference } from '../reference.ts'
import { createGpuDeviceWith } from '../webgpu/device.ts'
import type { Device } from '../program/device.ts'
import type { Program } from '../program/program.ts'
import type { EmbeddingTable, Int8Weight } from '../program/weights.ts'
import { quantizeRow, roundToEven } from '../program/quantization.ts'
import { int8AccumulatorsReference } from './reference.ts'
import { packFragments } from './webgpu.ts'

describe.each(ALL_DEVICES)('int8-matmul on $name, seed 1', (device) => {
  it('keeps the bound over the shape sweep, quantizing f32 rows', () => sweepOn(device, 'int8', sweepShapes()))
  it('gives the exact integers for quantized rows over the shape sweep', () =>
    sweepOn(
      device,
      'int8',
      sweepShapes().map((shape) => ({ ...shape, input: 's8', values: 'integers', exact: true })),
    ))
  it('gives the exact integers for many rows', () =>
    sweepOn(
      device,
      'int8',
      TALL_SHAPES.map((shape) => ({ ...shape, input: 's8', values: 'integers', exact: true })),
    ))
  it('does not saturate: all operands at 127 or -127', () =>
    sweepOn(
      device,
      'int8',
      [5, 6, 13].map((M) => ({ M, N: 19, K: 1000, input: 's8', values: 'saturated', exact: true, bias: false })),
    ))
  it('keeps the bound at model shapes, with gelu', () =>
    sweepOn(
      device,
      'int8',
      MODEL_SHAPES.map((shape) => ({ ...shape, activation: 'gelu' })),
    ))
  it('keeps the bound for an outlier, all-zero rows, constant rows', () =>
    sweepOn(device, 'int8', [
      { M: 7, N: 33, K: 64, input: 'outlier' },
      { M: 7, N: 33, K: 64, input: 'zero' },
      { M: 7, N: 33, K: 64, input: 'constant' },
      { M: 9, N: 64, K: 64, residual: true, activation: 'tanh' },
    ]))
  it('keeps the bound with a calibrated scale, inside its range and clipped', () =>
    sweepOn(device, 'int8', [
      ...sweepShapes().map((shape) => ({ ...shape, activationScale: 2 ** -7 })),
      ...MODEL_SHAPES.map((shape) => ({ ...shape, activationScale: Math.fround(0.003), activation: 'gelu' as const })),
      { M: 7, N: 33, K: 64, input: 'outlier', activationScale: Math.fround(0.011) },
      { M: 7, N: 33, K: 64, input: 'zero', activationScale: Math.fround(0.011) },
    ]))
  it('gives the exact integers with a calibrated scale of 1', () =>
    sweepOn(
      device,
      'int8',
      sweepShapes().map((shape) => ({
        ...shape,
        input: 'integers',
        values: 'integers',
        exact: true,
        activationScale: 1,
      })),
    ))
  it('quantizes one buffer anew for each layer of another scale', async () => {
    const [M, N, K] = [9, 16, 48]
    const random = seededRandom(8)
    const layer = (activationScale: number, output: number, residual: number | null): Program['ops'][number] => {
      const weight = randomWeight('int8', N, K, random, { values: 'integers', activationScale })
      return { kind: 'linear', input: 0, output, weight, bias: null, activation: 'none', residual }
    }
    const rows = (name: string, width: number): Program['buffers'][number] => ({
      name,
      rows: 'tokens',
      width,
      dtype: 'f32',
    })
    const program: Program = {
      buffers: [rows('input', K), rows('a', N), rows('b', N), rows('output', N)],
      // integers up to 8 are 8, 16 and 8 steps of these scales, all exact in f32
      ops: [layer(1, 1, null), layer(0.5, 2, 1), layer(1, 3, 2)],
      input: 0,
      output: 3,
    }
    const batch = { offsets: Int32Array.of(0, M), rows: integers(M * K, 8, random) }
    const session = await (await deviceOf(device)).load(program, { guard: true })
    assertExact(await session.run(batch), referenceWithBounds(program, batch).values, device.name)
    session.dispose()
  })
  it.each(['embedding', 'layernorm'] as const)(
    'takes a calibrated scale where the %s makes the bytes',
    async (maker) => {
      const [M, C, step] = [11, 48, 0.015]
      const random = seededRandom(9)
      const table = (rows: number): EmbeddingTable => ({ kind: 'f32', rows, width: C, data: uniform(rows * C, random) })
      const norm = { gamma: uniform(C, random), beta: uniform(C, random), epsilon: 1e-12 }
      // the unit matrix: the output is the quantized row itself
      const weight: Int8Weight = {
        kind: 'int8',
        N: C,
        K: C,
        data: Int8Array.from({ length: C * C }, (_, i) => (i % (C + 1) === 0 ? 1 : 0)),
        scales: new Float32Array(C).fill(1),
        activationScale: Math.fround(step),
      }
      const rows = (name: string): Program['buffers'][number] => ({ name, rows: 'tokens', width: C, dtype: 'f32' })
      const tables = { word: table(20), position: table(16), type: table(2) }
      const first: Program['ops'][number] =
        maker === 'embedding'
          ? { kind: 'embedding', output: 1, ...tables, ...norm }
          : { kind: 'layernorm', input: 0, output: 1, residual: null, ...norm }
      const program: Program = {
        buffers: [rows('input'), rows('normed'), rows('output')],
        ops: [first, { kind: 'linear', input: 1, output: 2, weight, bias: null, activation: 'none', residual: null }],
        input: maker === 'embedding' ? 'ids' : 0,
        output: 2,
      }
      const ids = Int32Array.from({ length: M }, () => Math.floor(random() * 20))
      const inputs = maker === 'embedding' ? { ids, types: new Int32Array(M) } : { rows: uniform(M * C, random) }
      const batch = { offsets: Int32Array.of(0, M), ...inputs }
      const session = await (await deviceOf(device)).load(program, { guard: true })
      const found = await session.run(batch)
      session.dispose()
      const wanted = referenceWithBounds(program, batch).values
      // what the norm rounds may fall on the other side of a tie: one step, rarely
      const differences = found.map((y, i) => Math.abs(y - wanted[i]))
      expect(Math.max(...differences)).toBeLessThan(step * 1.001)
      expect(differences.filter((d) => d > step * 0.001).length).toBeLessThanOrEqual(2)
      expect(Math.max(...found.map(Math.abs))).toBeCloseTo(127 * step, 4)
    },
  )
})

describe('int8-matmul.matrix, its matrices emulated', () => {
  const create = (code: string): Promise<Device> =>
    createGpuDeviceWith({
      kernels: 'tiled',
      emulatesMatrices: MATRIX_SHAPES[0],
      sources: { 'int8-matmul.matrix': code },
    })
  const emulated: TestDevice = { name: 'webgpu matrix', create: () => create(emulatedMatrixShader()) }
  // rows below, at and above 16 and the two variants' tiles, beyond the few that other kernels take; inputs padded to 32
  const shapes = [
    ...[33, 47, 48, 49, 64, 97, 128, 129, 256, 257, 385].map((M) => ({ M, N: 9, K: 32 })),
    ...[1, 16, 17, 64, 130].map((N) => ({ M: 37, N, K: 64 })),
    ...[17, 64, 113].map((K) => ({ M: 270, N: 70, K })),
    ...[31, 50, 96, 160].map((K) => ({ M: 37, N: 70, K })),
  ]

  it('gives the exact integers', async () => {
    await sweepOn(
      emulated,
      'int8',
      shapes.map((shape) => ({ ...shape, input: 's8', values: 'integers', exact: true })),
    )
    expect((await deviceOf(emulated)).info().variants['int8-matmul']).toContain('matrix')
  })
  it('keeps the bound, quantizing f32 rows, with gelu, tanh and residual', () =>
    sweepOn(emulated, 'int8', [
      // up to 128 rows of f32 are another kernel's
      ...shapes.map((shape) => ({ ...shape, M: Math.max(shape.M, 129), activation: 'gelu' as const })),
      { M: 135, N: 384, K: 768, activation: 'tanh' },
      { M: 135, N: 128, K: 128, residual: true },
      { M: 300, N: 96, K: 96, residual: true, activationScale: 2 ** -7 },
    ]))
  it('writes three layers of one input at once', async () => {
    const random = seededRandom(5)
    const [M, K] = [130, 64]
    const widths = [64, 17, 130]
    const buffers: Program['buffers'] = [{ name: 'input', rows: 'tokens', width: K, dtype: 's8' }]
    const ops: Program['ops'] = widths.map((N, i) => {
      buffers.push({ name: `output ${i}`, rows: 'tokens', width: N, dtype: 'f32' })
      const weight = randomWeight('int8', N, K, random, { values: 'integers' })
      return { kind: 'linear', input: 0, output: i + 1, weight, bias: null, activation: 'none', residual: null }
    })
    const rows = { data: bytes(M * K, random), scales: new Float32Array(M).fill(1) }
    const batch = { offsets: Int32Array.of(0, M), rows }
    const device = await deviceOf(emulated)
    for (const output of [1, 2, 3]) {
      const program: Program = { buffers, ops, input: 0, output }
      const session = await device.load(program, { guard: true })
      assertExact(
        await session.run(batch),
        runReference({ ...program, ops: [ops[output - 1]] }, batch),
        `output ${output}`,
      )
      expect(session.stats().calls).toBe(1)
      expect(await session.checkGuards()).toEqual([])
      session.dispose()
    }
  })
  it.each([
    ['a fragment of weights at a wrong place', 'at+c*(COLUMNS*32u)', 'at+c*(COLUMNS*32u)+c/2u*32u'],
    ['a quarter of the inputs left out', '<SPLIT; t++', '<SPLIT-SPLIT/4u; t++'],
    ['one product off by one', PRODUCTS.right, PRODUCTS.wrong],
  ])('is left out where it is not exact: %s', async (_, right, wrong) => {
    const code = emulatedMatrixShader()
    expect(code).toContain(right)
    const faulty = await create(code.replace(right, wrong))
    const program = linearProgram(randomWeight('int8', 20, 64, seededRandom(6)), null, { M: 140, N: 20, K: 64 })
    const session = await faulty.load(program)
    expect(faulty.info().notes.join()).toMatch(/^int8-matmul.matrix failed its self-test/)
    expect(faulty.info().variants['int8-matmul']).not.toContain('matrix')
    session.dispose()
    await faulty.dispose()
  })
})

it('packs fragments of 16 outputs and 32 inputs, zeros beyond both', () => {
  const random = seededRandom(7)
  const [K, padded, columns] = [90, 96, 192]
  // the second layer starts at the next multiple of 64
  const starts = [0, 64]
  const parts = [20, 70].map((N, output) => {
    const weight = { kind: 'int8' as const, N, K, data: bytes(N * K, random), scales: new Float32Array(N) }
    return { weight, bias: null, output }
  })
  const memory = new ArrayBuffer(columns * padded)
  packFragments(memory, parts)
  const expected = new Int8Array(columns * padded)
  parts.forEach(({ weight: { N, data } }, part) => {
    for (let n = 0; n < N; n++)
      for (let k = 0; k < K; k++) {
        const column = starts[part] + n
        const fragment = (Math.floor(column / 64) * 3 + Math.floor(k / 32)) * 4 + (Math.floor(column / 16) % 4)
        expected[fragment * 512 + (column % 16) * 32 + (k % 32)] = data[n * K + k]
      }
  })
  assertExact(new Int8Array(memory), expected, 'fragments')
})

it('gives the same integers on every device', async () => {
  const [M, N, K] = [37, 65, 768]
  const random = seededRandom(2)
  const weight = { kind: 'int8' as const, N, K, data: bytes(N * K, random), scales: new Float32Array(N).fill(1) }
  const rows = { data: bytes(M * K, random), scales: new Float32Array(M).fill(1) }
  const expected = int8AccumulatorsReference(rows.data, weight.data, M, N, K)
  for (const device of ALL_DEVICES) {
    const session = await (await deviceOf(device)).load(linearProgram(weight, null, { M, N, K, input: 's8' }))
    assertExact(await session.run({ offsets: Int32Array.of(0, M), rows }), expected, device.name)
    session.dispose()
  }
})

describe('the law of quantization', () => {
  it('errs by at most half a step and keeps to [-127, 127]', () => {
    const random = seededRandom(3)
    for (let round = 0; round < 50; round++) {
      const x = Float32Array.from({ length: 67 }, () => (random() - 0.5) * 10 ** (round % 9))
      const q = new Int8Array(x.length)
      const scale = quantizeRow(x, q)
      x.forEach((value, k) => expect(Math.abs(value - q[k] * scale)).toBeLessThanOrEqual(scale * 0.50001))
      expect(Math.max(...q.map(Math.abs))).toBe(127)
    }
  })
  it('with a calibrated scale errs by at most half a step inside its range and clips to 127 beyond', () => {
    const random = seededRandom(4)
    const x = Float32Array.from({ length: 500 }, () => (random() - 0.5) * 3)
    const q = new Int8Array(x.length)
    const scale = Math.fround(0.7 / 127)
    expect(quantizeRow(x, q, scale)).toBe(scale)
    x.forEach((value, k) => {
      if (Math.abs(value) > 0.7) expect(q[k]).toBe(Math.sign(value) * 127)
      else expect(Math.abs(value - q[k] * scale)).toBeLessThanOrEqual(scale * 0.50001)
    })
  })
  it('gives an all-zero row scale 0', () => {
    const q = Int8Array.of(1, 1)
    expect(quantizeRow(Float32Array.of(0, 0), q)).toBe(0)
    expect([...q]).toEqual([0, 0])
  })
  it('rounds ties to even', () =>
    expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5].map((x) => roundToEven(x) + 0)).toEqual([0, 2, 2, 0, -2, -2]))
})
