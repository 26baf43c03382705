import { describe, expect, it } from 'vitest'
import { referenceWithBounds } from '../reference.ts'
import type { Program } from '../program/program.ts'
import { afterInt8 } from '../testing/after-int8.ts'
import { assertWithin } from '../testing/compare.ts'
import { ALL_DEVICES, WASM_DEVICES } from '../testing/devices.ts'
import { checkProgram } from '../testing/program.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'

/** One buffer serves as query, key and value: the op only reads them. */
function selfAttention(heads: number, headSize: number, distanceBias: Float32Array | null = null): Program {
  const width = heads * headSize
  return {
    buffers: [
      { name: 'input', rows: 'tokens', width, dtype: 'f32' },
      { name: 'output', rows: 'tokens', width, dtype: 'f32' },
    ],
    ops: [{ kind: 'attention', query: 0, key: 0, value: 0, output: 1, heads, headSize, distanceBias }],
    input: 0,
    output: 1,
  }
}

describe.each(WASM_DEVICES)('attention in integers on $name', (device) => {
  it.each([
    [1, 8],
    [3, 16],
    [12, 32],
    [2, 64],
    [1, 80],
    [1, 20],
  ])('%i heads of %i after int8 layers', async (heads, headSize) => {
    const offsets = Int32Array.of(0, 1, 48, 96, 145, 190, 253, 257, 385)
    const random = seededRandom(3 * heads + headSize)
    const batch = { offsets, rows: uniform(385 * 16, random).map((v) => v * 0.3) }
    await checkProgram(
      await deviceOf(device),
      afterInt8(heads, headSize, random),
      batch,
      `H = ${heads}, D = ${headSize}`,
    )
  })
  it('sums of the largest operands and weights after int8 layers', async () => {
    const batch = { offsets: Int32Array.of(0, 512), rows: new Float32Array(512 * 16).fill(0.1) }
    await checkProgram(await deviceOf(device), afterInt8(1, 64, seededRandom(2)), batch, 'T = 512')
  })
  it('equal scores and zeros after int8 layers', async () => {
    const batch = { offsets: Int32Array.of(0, 50), rows: new Float32Array(50 * 16) }
    await checkProgram(await deviceOf(device), afterInt8(2, 8, seededRandom(1)), batch, 'zeros')
  })
})

describe.each(ALL_DEVICES)('attention on $name', (device) => {
  for (const [heads, headSize] of [
    [1, 1],
    [1, 4],
    [3, 5],
    [2, 16],
    [12, 32],
    [2, 64],
    [1, 80],
  ])
    it(`${heads} heads of ${headSize} over ragged sequences`, async () => {
      const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 65]
      const offsets = Int32Array.from([0, ...lengths]).map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0))
      const rows = uniform(offsets[offsets.length - 1] * heads * headSize, seededRandom(heads + headSize))
      await checkProgram(
        await deviceOf(device),
        selfAttention(heads, headSize),
        { offsets, rows },
        `H = ${heads}, D = ${headSize}`,
      )
    })
  it('keeps scores of a large magnitude finite', async () => {
    const rows = uniform(20 * 16, seededRandom(9)).map((x) => x * 6)
    await checkProgram(
      await deviceOf(device),
      selfAttention(1, 16),
      { offsets: Int32Array.of(0, 20), rows },
      'large scores',
    )
  })
  it.each([
    [1, 1, 65],
    [3, 5, 65],
    [2, 16, 80],
    [2, 64, 65],
    [1, 80, 512],
  ])('%i heads of %i with a bias for distances of up to %i tokens', async (heads, headSize, positions) => {
    const lengths = [1, 2, 4, 5, 7, 8, 9, 33, 65]
    const offsets = Int32Array.from([0, ...lengths]).map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0))
    const random = seededRandom(heads + headSize)
    const rows = uniform(offsets[offsets.length - 1] * heads * headSize, random)
    const bias = uniform(heads * (2 * positions - 1), random).map((value) => 4 * value)
    const program = selfAttention(heads, headSize, bias)
    await checkProgram(await deviceOf(device), program, { offsets, rows }, `P = ${positions}, D = ${headSize}`)
  })
  it('in f32 after int8 layers where there is a bias', async () => {
    const random = seededRandom(21)
    const program = afterInt8(2, 16, random, uniform(2 * 199, random))
    const batch = { offsets: Int32Array.of(0, 20, 120), rows: uniform(120 * 16, random).map((v) => v * 0.3) }
    await checkProgram(await deviceOf(device), program, batch, 'a bias after int8 layers')
  })
  it('a sequence longer than its bias and a bias of another shape are refused', async () => {
    const rows = new Float32Array(6 * 4)
    const session = await (await deviceOf(device)).load(selfAttention(1, 4, new Float32Array(9)))
    await expect(session.run({ offsets: Int32Array.of(0, 6), rows })).rejects.toThrow(
      'batch: sequence 0 has 6 tokens, the distance bias of attention is for 5',
    )
    session.dispose()
    await expect((await deviceOf(device)).load(selfAttention(1, 4, new Float32Array(8)))).rejects.toThrow(
      'attention: distanceBias has 8 elements, which are not [1, 2 P - 1] for a whole P',
    )
  })
  it('first rows alone', async () => {
    const whole = selfAttention(2, 20)
    const batch = { offsets: Int32Array.of(0, 1, 10, 27, 60), rows: uniform(60 * 40, seededRandom(11)) }
    const { values, bounds } = referenceWithBounds(whole, batch)
    const first: Program = {
      buffers: [...whole.buffers, { name: 'first', rows: 'sequences', width: 40, dtype: 'f32' }],
      ops: [...whole.ops, { kind: 'first-token', input: 1, output: 2 }],
      input: 0,
      output: 2,
    }
    const rowsOf = (all: Float64Array): Float64Array =>
      Float64Array.from([0, 1, 10, 27].flatMap((t) => [...all.subarray(t * 40, t * 40 + 40)]))
    const session = await (await deviceOf(device)).load(first, { guard: true })
    assertWithin(await session.run(batch), rowsOf(values), rowsOf(bounds), 'first rows')
    expect(await session.checkGuards()).toEqual([])
    session.dispose()
  })
  it('512 tokens', async () => {
    const rows = uniform(512 * 8, seededRandom(5))
    await checkProgram(await deviceOf(device), selfAttention(1, 8), { offsets: Int32Array.of(0, 512), rows }, 'T = 512')
  })
})
