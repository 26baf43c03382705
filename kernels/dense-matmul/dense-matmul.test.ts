import { describe, it } from 'vitest'
import { ALL_DEVICES } from '../testing/devices.ts'
import { MODEL_SHAPES, sweepShapes } from '../testing/shapes.ts'
import { sweepOn } from '../testing/suite.ts'

describe.each(ALL_DEVICES)('dense-matmul on $name, seed 1', (device) => {
  it('keeps the bound over the shape sweep', () => sweepOn(device, 'f32', sweepShapes()))
  it('keeps the bound at model shapes, with gelu', () =>
    sweepOn(
      device,
      'f32',
      MODEL_SHAPES.map((shape) => ({ ...shape, activation: 'gelu' })),
    ))
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
