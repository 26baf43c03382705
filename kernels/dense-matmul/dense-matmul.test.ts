import { describe, expect, it } from 'vitest'
import { referenceWithBounds } from '../reference.ts'
import { createGpuDevice } from '../webgpu/device.ts'
import { ALL_DEVICES, type TestDevice } from '../testing/devices.ts'
import { MODEL_SHAPES, sweepShapes, TALL_SHAPES } from '../testing/shapes.ts'
import { deviceOf, sweepOn } from '../testing/suite.ts'
import { linearProgram } from '../testing/sweep.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { randomWeight } from '../testing/weights.ts'

describe.each(ALL_DEVICES)('dense-matmul on $name, seed 1', (device) => {
  it('keeps the bound over the shape sweep', () => sweepOn(device, 'f32', sweepShapes()))
  it('keeps the bound at model shapes, with gelu', () =>
    sweepOn(
      device,
      'f32',
      MODEL_SHAPES.map((shape) => ({ ...shape, activation: 'gelu' })),
    ))
  it('keeps the bound for many rows', () => sweepOn(device, 'f32', TALL_SHAPES))
  it('keeps the bound around blocks of K and of rows', () =>
    sweepOn(device, 'f32', [
      { M: 2, N: 9, K: 513 },
      { M: 3, N: 9, K: 511 },
      { M: 91, N: 33, K: 257 },
      { M: 97, N: 8, K: 520 },
      { M: 192, N: 17, K: 256 },
      { M: 193, N: 17, K: 24 },
    ]))
  it('is exact on small integers', () =>
    sweepOn(
      device,
      'f32',
      sweepShapes().map((shape) => ({ ...shape, input: 'integers', values: 'integers', exact: true })),
    ))
  it('fuses tanh, the residual, and no bias', () =>
    sweepOn(device, 'f32', [
      { M: 7, N: 24, K: 24, activation: 'tanh' },
      { M: 13, N: 24, K: 24, residual: true },
      { M: 7, N: 33, K: 33, residual: true, activation: 'gelu' },
      { M: 7, N: 9, K: 24, bias: false },
    ]))
})

describe.each(['direct', 'tiled'] as const)('dense-matmul with weights in half precision, %s, seed 1', (kernels) => {
  const device: TestDevice = {
    name: `half ${kernels}`,
    create: () => createGpuDevice({ kernels, precision: 'f16-weights' }),
  }

  it('keeps the bound where the weights are halves', () =>
    sweepOn(
      device,
      'f32',
      [...sweepShapes(), ...MODEL_SHAPES, ...TALL_SHAPES].map((shape) => ({ ...shape, values: 'halves' })),
    ))
  it('is exact on small integers', () =>
    sweepOn(
      device,
      'f32',
      TALL_SHAPES.map((shape) => ({ ...shape, input: 'integers', values: 'integers', exact: true })),
    ))
  it.each([
    ['uniform', 1],
    ['small: some below the least normal half', 2e-4],
  ])('moves the sum by no more than the contract says: weights %s', async (_, size) => {
    const [M, N, K] = [9, 70, 96]
    const random = seededRandom(4)
    const weight = { kind: 'f32' as const, N, K, data: uniform(N * K, random).map((w) => w * size) }
    const program = linearProgram(weight, null, { M, N, K })
    const x = uniform(M * K, random)
    const batch = { offsets: Int32Array.of(0, M), rows: x }
    const session = await (await deviceOf(device)).load(program)
    const actual = await session.run(batch)
    const { values, bounds } = referenceWithBounds(program, batch)
    let isMoved = false
    values.forEach((value, i) => {
      const row = Math.floor(i / N) * K
      let moved = bounds[i]
      for (let k = 0; k < K; k++)
        moved += Math.abs(x[row + k]) * Math.max(2 ** -11 * Math.abs(weight.data[(i % N) * K + k]), 2 ** -15)
      expect(Math.abs(actual[i] - value)).toBeLessThanOrEqual(moved)
      isMoved ||= Math.abs(actual[i] - value) > bounds[i]
    })
    expect(isMoved).toBe(true)
    session.dispose()
  })
  it('holds half of the bytes', async () => {
    const program = linearProgram(randomWeight('f32', 128, 256, seededRandom(5)), null, { M: 1, N: 128, K: 256 })
    const session = await (await deviceOf(device)).load(program)
    // weights, bias, sizes
    expect(session.stats().weightBytes).toBe(128 * 256 * 2 + 128 * 4 + 64)
    session.dispose()
  })
  it('refuses weights beyond a half', async () => {
    const weight = { kind: 'f32' as const, N: 1, K: 2, data: Float32Array.of(1, 7e4) }
    const program = linearProgram(weight, null, { M: 1, N: 1, K: 2 })
    await expect((await deviceOf(device)).load(program)).rejects.toThrow(/70000 is not within \[-65504, 65504\]/)
  })
})
