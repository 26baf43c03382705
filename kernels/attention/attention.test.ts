import { describe, expect, it } from 'vitest'
import { referenceWithBounds } from '../plan/reference.ts'
import type { Program } from '../runtime/program.ts'
import { assertWithin } from '../testing/compare.ts'
import { ALL_DEVICES } from '../testing/devices.ts'
import { checkProgram } from '../testing/program.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'

/** One buffer serves as query, key and value: the op only reads them. */
function selfAttention(heads: number, headSize: number): Program {
  const width = heads * headSize
  return {
    buffers: [
      { name: 'input', rows: 'tokens', width, dtype: 'f32' },
      { name: 'output', rows: 'tokens', width, dtype: 'f32' },
    ],
    ops: [{ kind: 'attention', query: 0, key: 0, value: 0, output: 1, heads, headSize }],
    input: 0,
    output: 1,
  }
}

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
