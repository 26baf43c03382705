// Rows with NaN or infinity before int8 layers: NaN in those rows of the output, and in no other, on every device.

import { describe, expect, it } from 'vitest'
import { referenceWithBounds } from './reference.ts'
import type { Batch, Op, Program } from './program/program.ts'
import { LARGEST_F32 } from './program/quantization.ts'
import { assertWithin } from './testing/compare.ts'
import { ALL_DEVICES, type TestDevice } from './testing/devices.ts'
import { seededRandom, uniform } from './testing/random.ts'
import { deviceOf } from './testing/suite.ts'
import { linearProgram } from './testing/sweep.ts'
import { randomWeight } from './testing/weights.ts'

const [N, K] = [37, 100]

/** Values of rows 0, 5, 10, 15, at different places: the others are finite. */
const WRONG = [NaN, Infinity, -Infinity, -LARGEST_F32]

function batchOf(M: number): Batch {
  const rows = uniform(M * K, seededRandom(M))
  WRONG.forEach((value, i) => {
    if (5 * i < M) rows[5 * i * K + ((i * 37) % K)] = value
  })
  return { offsets: Int32Array.of(0, M), rows }
}

async function check(device: TestDevice, program: Program, M: number): Promise<void> {
  const batch = batchOf(M)
  const session = await (await deviceOf(device)).load(program)
  const y = await session.run(batch)
  session.dispose()
  const { values, bounds } = referenceWithBounds(program, batch)
  const isWrong = (_: unknown, i: number): boolean => Math.floor(i / N) % 5 === 0 && i < 5 * N * WRONG.length
  const isRight = (_: unknown, i: number): boolean => !isWrong(_, i)
  expect([...y.filter(isWrong), ...values.filter(isWrong)].filter((value) => !Number.isNaN(value))).toEqual([])
  if (M > 1) assertWithin(y.filter(isRight), values.filter(isRight), bounds.filter(isRight), `M = ${M}`)
}

describe.each(ALL_DEVICES)('rows that are not finite on $name', (device) => {
  for (const kind of ['int8', 'int8-1x4'] as const)
    it.each([undefined, 0.01])(`of ${kind} layers with an activation scale of %s`, async (activationScale) => {
      const weight = randomWeight(kind, N, K, seededRandom(5), { density: 0.8, activationScale })
      for (const M of [1, 17, 130])
        await check(device, linearProgram(weight, new Float32Array(N).fill(1), { M, N, K, activation: 'gelu' }), M)
    })
  it('of an int8 layer after a LayerNorm, which writes bytes itself', async () => {
    const weight = randomWeight('int8', N, K, seededRandom(6))
    const { buffers, ops } = linearProgram(weight, null, { M: 1, N, K })
    const norm = { gamma: new Float32Array(K).fill(1), beta: new Float32Array(K), epsilon: 1e-5 }
    const program: Program = {
      buffers: [...buffers, { name: 'normed', rows: 'tokens', width: K, dtype: 'f32' }],
      ops: [
        { kind: 'layernorm', input: 0, residual: null, output: 2, ...norm },
        ...ops.map((op) => ({ ...op, input: 2 }) as Op),
      ],
      input: 0,
      output: 1,
    }
    const session = await (await deviceOf(device)).load(program)
    for (const M of [4, 130]) {
      const y = await session.run(batchOf(M))
      const rows = Array.from({ length: M }, (_, m) => y.subarray(m * N, m * N + N))
      // the largest f32 alone may be normalised where its square is not
      const isNaNRow = rows.map((row) => row.every(Number.isNaN))
      expect(isNaNRow.filter((_, m) => m % 5 === 0 && m < 15)).not.toContain(false)
      expect(rows.filter((_, m) => m % 5 !== 0 || m > 15).flatMap((row) => [...row.filter(Number.isNaN)])).toEqual([])
    }
    session.dispose()
  })
})
