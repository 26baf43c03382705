import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { calmPolls } from './calm-polls.node.ts'
import { requestGpuDevice } from './device.ts'

const immediate = globalThis.setImmediate
afterAll(() => {
  globalThis.setImmediate = immediate
})

it('delays the polls of an addon on a software adapter, and no callback written in JavaScript', async () => {
  calmPolls()
  calmPolls()
  const order: string[] = []
  const native = (() => order.push('addon')).bind(null)
  Object.defineProperty(native, 'name', { value: '' })
  setImmediate(native)
  setImmediate(() => order.push('program'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(order).toEqual(['program'])
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(order).toEqual(['program', 'addon'])
  expect(await promisify(setImmediate)('value')).toBe('value')
  const cancelled = setImmediate(() => order.push('cancelled'))
  clearImmediate(cancelled)
  await promisify(setImmediate)()
  expect(order).toEqual(['program', 'addon'])
})

it('leaves most of the time that a software adapter works to the adapter', async () => {
  const device = await requestGpuDevice()
  const { isFallbackAdapter = false } = device.adapterInfo
  // a real GPU answers sooner than a millisecond, and is polled as before
  if (!isFallbackAdapter && !/swiftshader|llvmpipe/i.test(device.adapterInfo.description)) return
  let polls = 0
  const calm = globalThis.setImmediate
  globalThis.setImmediate = ((callback: () => void, ...args: []) => {
    polls++
    return calm(callback, ...args)
  }) as typeof setImmediate
  const began = performance.now()
  const code =
    '@group(0) @binding(0) var<storage, read_write> x: array<f32>; @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { x[i] = tanh(x[i]); }'
  await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  })
  globalThis.setImmediate = calm
  expect(polls).toBeLessThanOrEqual(2 + (performance.now() - began))
  device.destroy()
})
