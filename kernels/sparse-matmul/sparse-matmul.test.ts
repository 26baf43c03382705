import { describe, it } from 'vitest'
import { ALL_DEVICES } from '../testing/devices.ts'
import { MODEL_SHAPES, sweepShapes } from '../testing/shapes.ts'
import { sweepOn } from '../testing/suite.ts'

const KINDS = ['csr', 'int8-1x4', 'nm'] as const

describe.each(ALL_DEVICES)('sparse-matmul on $name, seed 1', (device) => {
  for (const kind of KINDS) {
    it(`${kind} keeps the bound over the shape sweep`, () => sweepOn(device, kind, sweepShapes()))
    it(`${kind} is exact on integers`, () =>
      sweepOn(
        device,
        kind,
        sweepShapes().map((shape) => ({
          ...shape,
          input: kind === 'int8-1x4' ? 's8' : 'integers',
          values: 'integers',
          exact: true,
        })),
      ))
    it(`${kind} keeps the bound at every density`, () =>
      sweepOn(
        device,
        kind,
        [0, 0.01, 0.05, 0.5, 1].flatMap((density) => [
          { M: 7, N: 33, K: 64, density },
          { M: 37, N: 40, K: 128, density, activation: 'gelu' as const },
        ]),
      ))
    it(`${kind} keeps the bound at model shapes, fuses residual and tanh`, () =>
      sweepOn(device, kind, [
        ...MODEL_SHAPES.map((shape) => ({ ...shape, density: 0.1 })),
        { M: 9, N: 64, K: 64, residual: true, activation: 'tanh' },
        { M: 9, N: 31, K: 64, bias: false },
      ]))
  }
  it('int8-1x4 keeps the bound with a calibrated scale, inside its range and clipped, and is exact on integers', async () => {
    await sweepOn(device, 'int8-1x4', [
      ...sweepShapes().map((shape) => ({ ...shape, activationScale: Math.fround(0.004) })),
      { M: 7, N: 33, K: 64, input: 'outlier', activationScale: Math.fround(0.011) },
    ])
    await sweepOn(
      device,
      'int8-1x4',
      sweepShapes().map((shape) => ({
        ...shape,
        input: 'integers',
        values: 'integers',
        exact: true,
        activationScale: 0.5,
      })),
    )
  })
})
