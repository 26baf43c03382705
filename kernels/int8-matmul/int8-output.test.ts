// Layers that give s8 rows, rounded by the device, on every device: integers and scales against float64.

import { describe, expect, it } from 'vitest'
import { linearProgram } from '../program/linear-program.ts'
import { quantizeRow } from '../program/quantization.ts'
import type { Activation } from '../program/program.ts'
import type { LeafWeight } from '../program/weights.ts'
import { referenceWithBounds } from '../reference.ts'
import { assertExact } from '../testing/compare.ts'
import { GPU_DEVICES, WASM_DEVICES, type TestDevice } from '../testing/devices.ts'
import { assertInt8Rows } from '../testing/int8-rows.ts'
import { bytes, integers, seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'
import { randomWeight } from '../testing/weights.ts'

/** Around 8 and 16 outputs, where rows of bytes have no gaps and where they do. */
const SHAPES = [
  [1, 1, 4],
  [3, 7, 12],
  [5, 8, 20],
  [17, 9, 16],
  [33, 40, 36],
] as const

/** Of the GPU the direct kernels for all, the tiled ones for f32 layers: the rounding is the same call for each kind. */
const DEVICES: [TestDevice, LeafWeight['kind'][]][] = [
  ...WASM_DEVICES.slice(0, 3).map((device): [TestDevice, LeafWeight['kind'][]] => [
    device,
    ['int8', 'int8-1x4', 'f32'],
  ]),
  [GPU_DEVICES[0], ['int8', 'int8-1x4', 'f32']],
  [GPU_DEVICES[1], ['int8-1x4']],
]

describe.each(DEVICES.map(([device, kinds]) => ({ name: device.name, device, kinds })))(
  '$name',
  ({ device, kinds }) => {
    it.each(kinds)('%s layers give s8 rows', async (kind) => {
      const on = await deviceOf(device)
      const random = seededRandom(kind.length)
      const cases: [Activation, number | undefined][] = [
        ['none', undefined],
        ['gelu', undefined],
        ['relu', 2 ** -4],
      ]
      for (const [M, N, K] of SHAPES)
        for (const [activation, scale] of cases) {
          const weight = randomWeight(kind, N, K, random)
          const isInt8 = kind !== 'f32'
          const rows = isInt8
            ? { data: bytes(M * K, random), scales: uniform(M, random).map((s) => 0.01 + Math.abs(s) / 50) }
            : uniform(M * K, random)
          const program = linearProgram(weight, uniform(N, random), activation, isInt8 ? 's8' : 'f32')
          const session = await on.load(program, { guard: true })
          const batch = { offsets: Int32Array.of(0, M), rows }
          const label = `${device.name} ${kind} ${M} ${N} ${K} ${activation} ${scale}`
          const actual = await session.runToInt8(batch, scale)
          assertInt8Rows(actual, referenceWithBounds(program, batch), N, label, scale)
          expect(await session.checkGuards(), label).toEqual([])
          // the same layer in f32, and again in s8
          const values = await session.run(batch)
          expect(values).toHaveLength(M * N)
          expect(await session.runToInt8(batch, scale)).toEqual(actual)
          session.dispose()
        }
    })

    it('gives the rule’s own integers of sums that are exact, also of ties, of zeros and of nothing', async () => {
      const on = await deviceOf(device)
      const [N, K] = [10, 8]
      const random = seededRandom(5)
      const weight = randomWeight('f32', N, K, random, { values: 'integers' })
      const session = await on.load(linearProgram(weight, null, 'none'), { guard: true })
      const rows = integers(6 * K, 8, random)
      rows.fill(0, K, 2 * K)
      const batch = { offsets: Int32Array.of(0, 6), rows }
      const values = await session.run(batch)
      // a scale of 2: half of all sums are ties
      for (const scale of [undefined, 2]) {
        const wanted = { data: new Int8Array(6 * N), scales: new Float32Array(6) }
        for (let m = 0; m < 6; m++)
          wanted.scales[m] = quantizeRow(
            values.subarray(m * N, (m + 1) * N),
            wanted.data.subarray(m * N, (m + 1) * N),
            scale,
          )
        const { data, scales } = await session.runToInt8(batch, scale)
        if (scale !== undefined || device.name.startsWith('wasm')) {
          assertExact(data, wanted.data, `${device.name} data, scale ${scale}`)
          assertExact(scales, wanted.scales, `${device.name} scales, scale ${scale}`)
        } else assertInt8Rows({ data, scales }, { values, bounds: new Float64Array(6 * N) }, N, device.name)
      }
      const none = await session.runToInt8({ offsets: Int32Array.of(0), rows: new Float32Array(0) })
      expect([none.data.length, none.scales.length]).toEqual([0, 0])
      expect(await session.checkGuards()).toEqual([])
      session.dispose()
    })

    it('marks rows that are not finite by their scale', async () => {
      const on = await deviceOf(device)
      const weight: LeafWeight = { kind: 'f32', N: 3, K: 2, data: Float32Array.of(1, 0, 0, 1, 1, 1) }
      const session = await on.load(linearProgram(weight, null, 'none'))
      const batch = { offsets: Int32Array.of(0, 3), rows: Float32Array.of(1, 2, NaN, 1, Infinity, 0) }
      for (const scale of [undefined, 0.5]) {
        const { scales } = await session.runToInt8(batch, scale)
        expect([...scales].map(Number.isNaN), `${scale}`).toEqual([false, true, true])
      }
      session.dispose()
    })
  },
)

it('the comparator refuses an integer that is one off, a scale that is off, and vacuous bounds', () => {
  const values = Float32Array.of(127, 3.2, -5.4, 10)
  const bounds = new Float64Array(4).fill(1e-5)
  const right = { data: Int8Array.of(127, 3, -5, 10), scales: Float32Array.of(1) }
  expect(assertInt8Rows(right, { values, bounds }, 4, 'right')).toBe(1)
  const wrong = { data: Int8Array.of(127, 4, -5, 10), scales: right.scales }
  expect(() => assertInt8Rows(wrong, { values, bounds }, 4, 'wrong')).toThrow('integer 1 is 4, expected 3 to 3')
  const off = { data: right.data, scales: Float32Array.of(1.0001) }
  expect(() => assertInt8Rows(off, { values, bounds }, 4, 'off')).toThrow('scales')
  const wide = { values, bounds: new Float64Array(4).fill(0.5) }
  expect(() => assertInt8Rows(right, wide, 4, 'wide')).toThrow('the test proves little')
})
