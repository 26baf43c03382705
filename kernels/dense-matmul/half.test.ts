// Products in f16: on adapters that have shader-f16 the kernel itself, and everywhere its emulation in f32.

import { describe, expect, it } from 'vitest'
import { referenceWithBounds } from '../reference.ts'
import { createGpuDevice, createGpuDeviceWith } from '../webgpu/device.ts'
import type { Device } from '../program/device.ts'
import { findAdapter } from '../webgpu/adapter.ts'
import { HALF_FEATURE } from '../webgpu/half.ts'
import type { DenseWeight } from '../program/weights.ts'
import type { TestDevice } from '../testing/devices.ts'
import { emulatedHalfShader, type Rounding } from '../testing/emulated-halves.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { TALL_SHAPES } from '../testing/shapes.ts'
import { deviceOf, sweepOn } from '../testing/suite.ts'
import { linearProgram } from '../testing/sweep.ts'
import { randomWeight } from '../testing/weights.ts'
import { halfProductsError } from './reference.ts'

const { adapter } = await findAdapter('allow')
const hasHalves = adapter.features.has(HALF_FEATURE)

const emulate = (code: string): Promise<Device> =>
  createGpuDeviceWith({
    kernels: 'tiled',
    precision: 'f16',
    emulatesHalves: true,
    sources: { 'dense-matmul.half': code },
  })

const ROUNDINGS = ['fused', 'separate'] satisfies Rounding[]
const nameOf = (rounding: Rounding): string => `webgpu f16, emulated, ${rounding}`
const EMULATED: TestDevice[] = ROUNDINGS.map((rounding) => ({
  name: nameOf(rounding),
  create: () => emulate(emulatedHalfShader(rounding)),
}))
const REAL: TestDevice = { name: 'webgpu f16', create: () => createGpuDevice({ kernels: 'tiled', precision: 'f16' }) }
const DEVICES = hasHalves ? [...EMULATED, REAL] : EMULATED

describe.each(ROUNDINGS)('dense-matmul in f16, emulated, %s, seed 1', (rounding) => {
  const device = EMULATED[ROUNDINGS.indexOf(rounding)]

  it('rounds what it should and nothing else: many rows, around 32 inputs, gelu, tanh', () =>
    sweepOn(
      device,
      'f32',
      [
        ...(rounding === 'fused' ? TALL_SHAPES : []),
        ...[16, 31, 32, 33, 48, 49, 96, 512].map((K) => ({ M: 130, N: 70, K, activation: 'gelu' as const })),
        { M: 140, N: 9, K: 768, activation: 'tanh' as const },
        { M: 131, N: 33, K: 64, input: 'outlier' as const },
        { M: 131, N: 33, K: 64, input: 'zero' as const },
      ].map((shape) => ({ ...shape, values: 'halves', rounding })),
    ))
  it('multiplies few rows in f32', async () => {
    await sweepOn(device, 'f32', [
      { M: 3, N: 70, K: 96, values: 'halves' },
      { M: 128, N: 70, K: 96, values: 'halves' },
    ])
    expect((await deviceOf(device)).info().variants).toMatchObject({
      precision: 'f16',
      'dense-matmul': expect.stringContaining('half') as string,
    })
  })
})

describe.each(DEVICES)('dense-matmul on $name, seed 1', (device) => {
  it('is exact on small integers: 32 products of 8 x 8 are 2048', () =>
    sweepOn(
      device,
      'f32',
      [...TALL_SHAPES, { M: 130, N: 66, K: 768 }].map((shape) => ({
        ...shape,
        input: 'integers',
        values: 'integers',
        exact: true,
      })),
    ))
  it.each(['none', 'residual'] as const)('keeps the bound of the contract, epilogue %s', async (epilogue) => {
    const [M, N, K] = epilogue === 'residual' ? [130, 256, 256] : [130, 40, 768]
    const random = seededRandom(3)
    const weight = randomWeight('f32', N, K, random, { values: 'halves' }) as DenseWeight
    const rows = uniform(M * K, random)
    const program = linearProgram(weight, null, { M, N, K, residual: epilogue === 'residual' })
    const batch = { offsets: Int32Array.of(0, M), rows }
    const session = await (await deviceOf(device)).load(program)
    const actual = await session.run(batch)
    session.dispose()
    const { values, bounds } = referenceWithBounds(program, batch)
    const moved = halfProductsError(rows, weight)
    const errors = values.map((value, i) => Math.abs(actual[i] - value))
    expect(errors.findIndex((error, i) => !(error <= bounds[i] + moved[i]))).toBe(-1)
    // the bound is for the worst case; by chance roundings cancel
    const rms = (of: Float64Array): number => Math.sqrt(of.reduce((sum, x) => sum + x * x, 0) / of.length)
    expect(rms(errors) / rms(values)).toBeLessThan(1 / 500)
    expect(rms(errors)).toBeGreaterThan(rms(bounds) / 10)
  })
})

describe('the f16 kernel, emulated', () => {
  it.each([
    ['sums that are not begun anew', '\npart3 = vec4<f32>();', ''],
    ['weights of the next column', 'weight[panel+step*256u+slot]', 'weight[panel+step*256u+slot+1u]'],
  ])('is left out where it is wrong, and a note says so: %s', async (_, right, wrong) => {
    const code = emulatedHalfShader('fused')
    expect(code.split(right)).toHaveLength(2)
    const faulty = await emulate(code.replace(right, wrong))
    const program = linearProgram(randomWeight('f32', 20, 64, seededRandom(6)), null, { M: 40, N: 20, K: 64 })
    const session = await faulty.load(program)
    expect(faulty.info().notes.join()).toMatch(/^dense-matmul.half failed its self-test and is not used: element/)
    session.dispose()
    await faulty.dispose()
  })
})

describe("precision 'f16'", () => {
  it('is refused where the adapter or the device lacks shader-f16', async () => {
    const lacks = /precision 'f16' needs the feature shader-f16, which .* lacks; 'f16-weights'/
    const own = await adapter.requestDevice()
    await expect(createGpuDevice({ device: own, precision: 'f16' })).rejects.toThrow(lacks)
    own.destroy()
    if (!hasHalves) await expect(createGpuDevice({ precision: 'f16' })).rejects.toThrow(lacks)
  })
  it('is refused in words that are not known', async () => {
    const precision = 'fp16' as 'f16'
    await expect(createGpuDevice({ precision })).rejects.toThrow(
      "'fp16' is not known; expected one of f32, f16-weights, f16",
    )
  })
  it('with direct kernels multiplies in f32, and a note says so', async () => {
    const direct = await createGpuDeviceWith({ kernels: 'direct', precision: 'f16', emulatesHalves: true })
    expect(direct.info().notes).toEqual([expect.stringContaining('multiply in f32')])
    await direct.dispose()
  })
})
