import { expect, it } from 'vitest'
import { findAdapter, hasInt8Matrices, MATRIX_FEATURES } from '../../kernels/webgpu/adapter.ts'
import { HALF_FEATURE } from '../../kernels/webgpu/half.ts'
import { nullDevice } from '../../kernels/testing/null-device.ts'
import { probeGpu } from './gpu.ts'
import { probeAdapter, readShaders } from './gpu.node.ts'

it('the shaders of the probe are valid WGSL, in the words of Dawn itself', async () => {
  const { device, kept } = await nullDevice([HALF_FEATURE, ...MATRIX_FEATURES])
  for (const [name, code] of Object.entries(await readShaders())) {
    const module = device.createShaderModule({ code: code as string })
    expect((await module.getCompilationInfo()).messages, name).toEqual([])
    await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  }
  expect(kept).toHaveLength(2)
})

it('f16 and matrices are probed where the device has both', async () => {
  const { device, kept } = await nullDevice([HALF_FEATURE, ...MATRIX_FEATURES])
  // the null backend takes the shaders but tells of no sizes of matrices
  const sizes = { componentType: 'i8', resultComponentType: 'i32', M: 16, N: 16, K: 32 }
  const adapterInfo = { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: [sizes] }
  const told = new Proxy(device, {
    get(target, name) {
      if (name === 'adapterInfo') return adapterInfo
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  device.pushErrorScope('validation')
  const ceilings = await probeGpu(told, await readShaders(), { name: 'null', software: true })
  expect(await device.popErrorScope()).toBeNull()
  expect(ceilings.f16Fma).toBeGreaterThan(0)
  expect(ceilings.int8Matrix).toBeGreaterThan(0)
  expect(kept).toHaveLength(2)
})

it('the adapter here is probed for what it has', async () => {
  const { adapter } = await findAdapter('allow')
  const { ceilings } = await probeAdapter()
  expect(ceilings.f32Fma).toBeGreaterThan(0)
  expect(ceilings.f16Fma !== null).toBe(adapter.features.has(HALF_FEATURE))
  expect(ceilings.int8Matrix !== null).toBe(hasInt8Matrices(adapter.features, adapter.info))
})
