import { describe, expect, it } from 'vitest'
import { SHADERS } from '../generated/shaders.ts'
import { nullDevice } from '../testing/null-device.ts'
import { hasInt8Matrices, int8MatrixShape, MATRIX_FEATURES, SIZE_FEATURE } from './adapter.ts'
import { MATRIX_SHAPES, withMatrixShape } from './matrix-shape.ts'

const kernel = SHADERS['int8-matmul.matrix']

describe('the matrix kernel', () => {
  it.each(MATRIX_SHAPES)('compiles for $rows x $columns x $inputs, with subgroups of $lanes', async (shape) => {
    const { device, kept } = await nullDevice([...MATRIX_FEATURES, SIZE_FEATURE])
    const module = device.createShaderModule({ code: withMatrixShape(kernel, shape) })
    expect((await module.getCompilationInfo()).messages.map(({ message }) => message)).toEqual([])
    for (const SPLIT of [1, 4])
      await device.createComputePipelineAsync({
        layout: 'auto',
        compute: { module, entryPoint: 'main', constants: { SPLIT } },
      })
    expect(kept).toHaveLength(2)
  })
  it('is written for the first shape', () => {
    const sized = withMatrixShape(kernel, MATRIX_SHAPES[0])
    expect(sized.replace('enable subgroup_size_control;\n', '').replace('@subgroup_size(32) ', '')).toBe(kernel)
  })
})

describe('the shape of an adapter', () => {
  const features = (...more: string[]) => new Set([...MATRIX_FEATURES, ...more]) as unknown as GPUSupportedFeatures
  const info = (size: [number, number, number], subgroupMinSize: number, subgroupMaxSize: number): GPUAdapterInfo => {
    const [M, N, K] = size
    const config = { componentType: 'i8', resultComponentType: 'i32', M, N, K }
    const floats = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 }
    return { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs: [floats, config] } as unknown as GPUAdapterInfo
  }
  it('is the one that it reports, with subgroups of that size', () => {
    const found = int8MatrixShape(features(), info([16, 16, 32], 32, 32))
    expect(found).toBe(MATRIX_SHAPES[0])
    expect(hasInt8Matrices(features(), info([16, 16, 32], 32, 32))).toBe(true)
    for (const [size, least, most, lanes] of [
      [[16, 16, 16], 32, 64, 32],
      [[8, 16, 32], 16, 32, 16],
      [[8, 8, 32], 8, 32, 8],
    ] as const) {
      const found = int8MatrixShape(features(SIZE_FEATURE), info([...size], least, most))
      expect(found).toMatchObject({ rows: size[0], columns: size[1], inputs: size[2], lanes })
      expect(hasInt8Matrices(features(SIZE_FEATURE), info([...size], least, most))).toBe(false)
      // their size cannot be asked for, or is not among those that there are
      expect(int8MatrixShape(features(), info([...size], least, most))).toBeNull()
      expect(int8MatrixShape(features(SIZE_FEATURE), info([...size], 64, 64))).toBeNull()
    }
  })
  it('is none of f16, of unknown sizes, or without the features', () => {
    expect(int8MatrixShape(features(), info([16, 16, 32], 32, 64))).toBeNull()
    expect(int8MatrixShape(features(SIZE_FEATURE), info([32, 8, 16], 32, 32))).toBeNull()
    const none = new Set<string>() as unknown as GPUSupportedFeatures
    expect(int8MatrixShape(none, info([16, 16, 32], 32, 32))).toBeNull()
  })
})
