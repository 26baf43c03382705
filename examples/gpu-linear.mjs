// Layers on GPUBuffers of yours, in a compute pass of yours: an int8 layer, then a chain of two factors.
import { createGpuLinear, quantizeWeight, requestGpuDevice } from 'compact-kernels/webgpu'

const [M, K, F, R, N] = [4, 32, 48, 8, 16]
const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i * i))
const { COPY_SRC, COPY_DST, STORAGE, MAP_READ } = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 }

// in a page: (await navigator.gpu.requestAdapter()).requestDevice()
const device = await requestGpuDevice().catch((error) => console.log(`no GPU here: ${error.message}`))
if (device) {
  const wide = await createGpuLinear(device, quantizeWeight(numbers(F * K), F, K), { activation: 'gelu' })
  const factors = [
    { kind: 'f32', N: R, K: F, data: numbers(R * F) },
    { kind: 'f32', N, K: R, data: numbers(N * R) },
  ]
  const lowRank = await createGpuLinear(device, { kind: 'chain', N, K: F, factors }, { bias: new Float32Array(N) })
  console.log('what the chain keeps of its own for 4 rows:', lowRank.scratchBytes(M), 'bytes')

  const buffer = (width, usage = 0) => device.createBuffer({ size: M * width * 4, usage: STORAGE | COPY_DST | usage })
  const [input, hidden, output] = [buffer(K), buffer(F), buffer(N, COPY_SRC)]
  const result = device.createBuffer({ size: M * N * 4, usage: MAP_READ | COPY_DST })
  device.queue.writeBuffer(input, 0, numbers(M * K))

  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  // your own dispatches may stand before, between and after
  wide.encode(pass, input, hidden, M)
  lowRank.encode(pass, hidden, output, M)
  pass.end()
  encoder.copyBufferToBuffer(output, 0, result, 0, M * N * 4)
  device.queue.submit([encoder.finish()])
  await result.mapAsync(1)
  console.log('y[0]', new Float32Array(result.getMappedRange()).slice(0, 4))

  wide.dispose()
  lowRank.dispose()
  device.destroy()
}
