import { expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { denseModel, hasInt8 } from './exports.ts'
import { buildVariant } from './variant.ts'

it.each([
  ['baseline', false],
  ['sp80', false],
  ['svd:0.25', false],
  ['tucker3:0.25', false],
  // activations in f32 instead of int8, their rounding: half of 1/127 of logits near 0.1, layer after layer
  ['sp80x4+q8+e8', true],
])('writes %s out as dense f32 with the same logits', async (variant, int8) => {
  const model = await buildVariant('preset:tiny', variant, 1)
  const dense = denseModel(model)
  expect(hasInt8(model)).toBe(int8)
  for (const { query, output } of dense.layers) expect([query.weight.kind, output.weight.kind]).toEqual(['f32', 'f32'])
  const batch = { offsets: Int32Array.of(0, 5), ids: Int32Array.of(1, 20, 300, 4000, 5), types: new Int32Array(5) }
  const expected = runReference(buildProgram(model, 'logits'), batch)
  const actual = runReference(buildProgram(dense, 'logits'), batch)
  const apart = Math.max(...actual.map((value, i) => Math.abs(value - expected[i])))
  const size = Math.max(...expected.map(Math.abs))
  expect(apart / size).toBeLessThan(int8 ? 0.05 : 1e-5)
})
