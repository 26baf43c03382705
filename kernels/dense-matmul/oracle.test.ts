import { mat4 } from 'wgpu-matrix'
import { expect, it } from 'vitest'
import { assertWithin } from '../testing/compare.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { denseMatmulReference } from './reference.ts'

it('the reference agrees with an independent library on 4x4 tiles', () => {
  const random = seededRandom(11)
  for (let round = 0; round < 20; round++) {
    const x = uniform(16, random)
    const w = uniform(16, random)
    const { values } = denseMatmulReference(
      x,
      { kind: 'f32', N: 4, K: 4, data: w },
      { bias: null, activation: 'none', residual: null },
    )
    // column-major there: w as stored is W^T's columns, so multiply(w^T, x) holds the rows of x W^T
    const product = mat4.multiply(mat4.transpose(w), x)
    expect(assertWithin(product, values, 1e-5, `round ${round}`).rms).toBeGreaterThan(0)
  }
})
