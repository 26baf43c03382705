// The variants that one vendor's adapters are offered, on the software adapter, which then passes for one of them; and
// numbers of inputs that no chunk of the sliced kernels divides.

import { describe, expect, it } from 'vitest'
import type { TestDevice } from '../testing/devices.ts'
import { deviceOf, sweepOn } from '../testing/suite.ts'
import { WEBGPU_VARIANTS } from '../variants.ts'
import { createGpuDeviceWith } from './device.ts'

const SHAPES = [4, 33].flatMap((M) => [12, 200, 400, 784].map((K) => ({ M, N: 67, K })))
const TALL = [12, 80].map((K) => ({ M: 133, N: 67, K }))

const VENDORS = [
  '',
  ...new Set(Object.values(WEBGPU_VARIANTS).flatMap((rows) => rows.flatMap(({ vendors = [] }) => vendors))),
]
const DEVICES: TestDevice[] = VENDORS.map((vendor) => ({
  name: vendor === '' ? 'no known vendor' : vendor,
  create: () => createGpuDeviceWith({ kernels: 'tiled', vendor }),
}))

describe.each(DEVICES)('on $name', (device) => {
  it('f32 layers keep the bound', () => sweepOn(device, 'f32', [...SHAPES, ...TALL]))
  it('int8 layers give the exact integers', () =>
    sweepOn(
      device,
      'int8',
      [...SHAPES, ...TALL].map((shape) => ({ ...shape, input: 's8', values: 'integers', exact: true })),
    ))
})

it('int8 layers that quantize their rows keep the bound where chunks of 256 inputs end early', () =>
  sweepOn(
    DEVICES[0],
    'int8',
    [200, 400].map((K) => ({ M: 33, N: 67, K })),
  ))

it("a vendor's variants are proved on its adapters alone", async () => {
  // loading proves what a layer may take
  for (const device of DEVICES)
    for (const kind of ['f32', 'int8'] as const) await sweepOn(device, kind, [{ M: 4, N: 67, K: 12 }])
  const [unknown, ...known] = await Promise.all(DEVICES.map(async (device) => (await deviceOf(device)).info().variants))
  const own = Object.entries(WEBGPU_VARIANTS).flatMap(([op, rows]) =>
    rows
      .filter(({ vendors, features }) => vendors && features.length === 0)
      .map(({ id, vendors }) => ({ op, id, vendors })),
  )
  expect(own.length).toBeGreaterThan(0)
  for (const { op, id, vendors } of own) {
    expect(unknown[op].split(', ')).not.toContain(id)
    known.forEach((variants, i) =>
      expect(variants[op].split(', ').includes(id), `${op} ${id} on ${VENDORS[i + 1]}`).toBe(
        vendors!.includes(VENDORS[i + 1]),
      ),
    )
  }
})
