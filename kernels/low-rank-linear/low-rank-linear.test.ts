import { describe, expect, it } from 'vitest'
import { referenceWithBounds, runReference } from '../reference.ts'
import type { Program } from '../program/program.ts'
import type { ChainWeight, LeafWeight } from '../program/weights.ts'
import { checkLinearWeight } from '../program/weights.ts'
import { assertWithin } from '../testing/compare.ts'
import { ALL_DEVICES } from '../testing/devices.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'
import { randomWeight } from '../testing/weights.ts'
import { multiplyOut, toDense } from './reference.ts'

/** The ops a chain becomes: one linear per factor, bias and activation on the last. */
function chainProgram(factors: LeafWeight[], bias: Float32Array): Program {
  return {
    buffers: [
      { name: 'input', rows: 'tokens', width: factors[0].K, dtype: 'f32' },
      ...factors.map((factor, i) => ({
        name: `factor ${i}`,
        rows: 'tokens' as const,
        width: factor.N,
        dtype: 'f32' as const,
      })),
    ],
    ops: factors.map((weight, i) => ({
      kind: 'linear',
      input: i,
      output: i + 1,
      weight,
      bias: i === factors.length - 1 ? bias : null,
      activation: i === factors.length - 1 ? 'gelu' : 'none',
      residual: null,
    })),
    input: 0,
    output: factors.length,
  }
}

const CHAINS: [string, (random: () => number) => LeafWeight[]][] = [
  ['rank 1', (random) => [randomWeight('f32', 1, 20, random), randomWeight('f32', 33, 1, random)]],
  ['rank 8', (random) => [randomWeight('f32', 8, 20, random), randomWeight('f32', 33, 8, random)]],
  ['full rank', (random) => [randomWeight('f32', 20, 20, random), randomWeight('f32', 33, 20, random)]],
  [
    'three factors',
    (random) => [
      randomWeight('f32', 8, 20, random),
      randomWeight('f32', 12, 8, random),
      randomWeight('f32', 33, 12, random),
    ],
  ],
  ['int8 factors', (random) => [randomWeight('int8', 8, 20, random), randomWeight('int8', 33, 8, random)]],
  ['a sparse factor', (random) => [randomWeight('f32', 8, 20, random), randomWeight('csr', 33, 8, random)]],
]

describe.each(ALL_DEVICES)('low-rank-linear on $name', (device) => {
  for (const [name, make] of CHAINS)
    it(name, async () => {
      const random = seededRandom(4)
      const factors = make(random)
      const program = chainProgram(factors, uniform(33, random))
      const batch = { offsets: Int32Array.of(0, 7), rows: uniform(7 * 20, random) }
      const session = await (await deviceOf(device)).load(program)
      const { values, bounds } = referenceWithBounds(program, batch)
      // earlier factors' errors pass through the last one; an int8 factor also requantizes what another backend rounded
      const slack = factors.some((factor) => factor.kind === 'int8') ? 4e-3 : 1e-5
      const scale = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length)
      assertWithin(
        await session.run(batch),
        values,
        bounds.map((bound) => bound * 4 + slack * scale),
        name,
      )
      session.dispose()
    })
})

describe('a chain of full rank', () => {
  it('equals the dense layer it stands for', () => {
    const random = seededRandom(5)
    const factors = [randomWeight('f32', 20, 20, random), randomWeight('f32', 33, 20, random)]
    const chain: ChainWeight = { kind: 'chain', N: 33, K: 20, factors }
    checkLinearWeight(chain, 'chain')
    const dense: LeafWeight = { kind: 'f32', N: 33, K: 20, data: Float32Array.from(multiplyOut(chain)) }
    const bias = uniform(33, random)
    const batch = { offsets: Int32Array.of(0, 5), rows: uniform(100, random) }
    const values = runReference(chainProgram([dense], bias), batch)
    assertWithin(runReference(chainProgram(factors, bias), batch), values, 1e-5, 'chain against dense')
    expect(toDense(dense).length).toBe(660)
  })
  it('is refused where its factors do not fit', () => {
    const random = seededRandom(6)
    const factors = [randomWeight('f32', 8, 20, random), randomWeight('f32', 33, 9, random)]
    expect(() => checkLinearWeight({ kind: 'chain', N: 33, K: 20, factors }, 'layer 3')).toThrow(
      'layer 3: chain weight [33, 20] is not valid: factor 1 has K = 9, expected 8',
    )
  })
})
