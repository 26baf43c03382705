// Every activation as the epilogue of every kind of linear layer, on every device.

import { describe, expect, it } from 'vitest'
import type { Activation } from './program/program.ts'
import { ALL_DEVICES } from './testing/devices.ts'
import { seededRandom, uniform } from './testing/random.ts'
import { deviceOf, sweepOn } from './testing/suite.ts'
import { linearProgram } from './testing/sweep.ts'
import { randomWeight } from './testing/weights.ts'

const KINDS = ['f32', 'int8', 'csr', 'int8-1x4', 'nm'] as const
const ACTIVATIONS = ['gelu', 'tanh', 'relu', 'gelu_tanh', 'silu'] as const

describe.each(ALL_DEVICES)('activations on $name', (device) => {
  it.each(KINDS)('keep the bound in %s layers, of one row and of many', async (kind) => {
    const shapes = [1, 130].map((M) => ({ M, N: 37, K: 64, density: 0.5 }))
    const cases = ACTIVATIONS.flatMap((activation) => shapes.map((shape) => ({ ...shape, activation })))
    await sweepOn(device, kind, [...cases, { ...shapes[1], residual: true, activation: 'silu' }], 16)
  })
  it.each(KINDS)('give, in %s layers, NaN for NaN, and for nothing else', async (kind) => {
    const [M, N, K] = [6, 40, 64]
    const random = seededRandom(3)
    const bias = uniform(N, random).map((value, n) => (n % 7 === 3 ? NaN : value))
    const weight = randomWeight(kind, N, K, random, { density: 0.5 })
    const wrong: Activation[] = []
    for (const activation of ['none', ...ACTIVATIONS] as const) {
      const session = await (await deviceOf(device)).load(linearProgram(weight, bias, { M, N, K, activation }))
      const y = await session.run({ offsets: Int32Array.of(0, M), rows: uniform(M * K, random) })
      session.dispose()
      if (!y.every((value, i) => Number.isNaN(value) === Number.isNaN(bias[i % N]))) wrong.push(activation)
    }
    expect(wrong).toEqual([])
  })
  it('refuses a name that is none of them', async () => {
    const weight = randomWeight('f32', 4, 4, seededRandom(1))
    const program = linearProgram(weight, null, { M: 1, N: 4, K: 4, activation: 'gelu_new' as Activation })
    await expect((await deviceOf(device)).load(program)).rejects.toThrow(
      "activation 'gelu_new' is not known: expected one of none, gelu, tanh, relu, gelu_tanh, silu",
    )
  })
})
