import { describe, expect, it } from 'vitest'
import { assertExact } from '../testing/compare.ts'
import { ALL_DEVICES } from '../testing/devices.ts'
import { bytes, seededRandom } from '../testing/random.ts'
import { MODEL_SHAPES, sweepShapes } from '../testing/shapes.ts'
import { deviceOf, sweepOn } from '../testing/suite.ts'
import { linearProgram } from '../testing/sweep.ts'
import { quantizeRow, roundToEven } from '../runtime/quantize-law.ts'
import { int8AccumulatorsReference } from './reference.ts'

describe.each(ALL_DEVICES)('int8-matmul on $name, seed 1', (device) => {
  it('keeps the bound over the shape sweep, quantizing f32 rows', () => sweepOn(device, 'int8', sweepShapes()))
  it('gives the exact integers for quantized rows over the shape sweep', () =>
    sweepOn(
      device,
      'int8',
      sweepShapes().map((shape) => ({ ...shape, input: 's8', values: 'integers', exact: true })),
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
  it('gives an all-zero row scale 0', () => {
    const q = Int8Array.of(1, 1)
    expect(quantizeRow(Float32Array.of(0, 0), q)).toBe(0)
    expect([...q]).toEqual([0, 0])
  })
  it('rounds ties to even', () =>
    expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5].map((x) => roundToEven(x) + 0)).toEqual([0, 2, 2, 0, -2, -2]))
})
