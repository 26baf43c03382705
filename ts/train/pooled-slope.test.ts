import { expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import type { PoolingRule } from '../inference/pooling.ts'
import { pooledSlopes } from './pooled-slope.ts'

const C = 6
const OFFSETS = Int32Array.of(0, 1, 5, 8)
const random = createRandom(4)
const rows = Float32Array.from({ length: 8 * C }, () => random.normal())
const directions = Float32Array.from({ length: 3 * C }, () => random.normal())

/** sum over texts of z . v in f64, written out. */
function projection(of: Float64Array, { pooling, normalize }: PoolingRule): number {
  let total = 0
  for (let b = 0; b < 3; b++) {
    const own = Array.from({ length: OFFSETS[b + 1] - OFFSETS[b] }, (_, i) =>
      of.subarray((OFFSETS[b] + i) * C, (OFFSETS[b] + i + 1) * C),
    )
    const pooled = Array.from({ length: C }, (_, c) => {
      const channel = own.map((row) => row[c])
      if (pooling === 'cls') return channel[0]
      return pooling === 'max' ? Math.max(...channel) : channel.reduce((a, x) => a + x, 0) / channel.length
    })
    const length = normalize ? Math.hypot(...pooled) : 1
    pooled.forEach((x, c) => (total += (x / length) * directions[b * C + c]))
  }
  return total
}

it.each(
  (['mean', 'cls', 'max'] as const).flatMap((pooling) => [true, false].map((normalize) => ({ pooling, normalize }))),
)('is the slope of the projection: $pooling, normalized $normalize', (rule) => {
  const slopes = pooledSlopes(rows, OFFSETS, directions, rule)
  const h = 1e-5
  for (let i = 0; i < rows.length; i++) {
    const at = (x: number): number => {
      const moved = Float64Array.from(rows)
      moved[i] += x
      return projection(moved, rule)
    }
    // a central difference errs by h^2 of a third derivative and by 1e-16 / h; the slope is rounded to f32
    const slope = (at(h) - at(-h)) / (2 * h)
    expect(Math.abs(slopes[i] - slope)).toBeLessThan(1e-7 + 2e-7 * Math.abs(slope))
  }
})

it('is 0 for a text whose vector is all zeros, which has no direction', () => {
  const slopes = pooledSlopes(new Float32Array(2 * C), Int32Array.of(0, 2), directions.subarray(0, C), {
    pooling: 'mean',
    normalize: true,
  })
  expect([...slopes]).toEqual(new Array(2 * C).fill(0))
})
