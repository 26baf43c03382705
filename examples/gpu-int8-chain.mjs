// Two int8 layers on GPUBuffers of yours that hand s8 rows on: a quarter of the bytes between them, and rounded only once.
import { createGpuLinear, quantizeWeight, requestGpuDevice } from 'compact-kernels/webgpu'

const [M, K, F, N] = [4, 32, 40, 8]
const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i * i))
const { COPY_SRC, COPY_DST, STORAGE, MAP_READ } = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 }
// s8 rows begin at multiples of 16 bytes
const stride = (width) => Math.ceil(width / 16) * 16

const device = await requestGpuDevice().catch((error) => console.log(`no GPU here: ${error.message}`))
if (device) {
  const [first, second] = [quantizeWeight(numbers(F * K), F, K), quantizeWeight(numbers(N * F), N, F)]
  const one = await createGpuLinear(device, first, { activation: 'relu', output: 's8' })
  const two = await createGpuLinear(device, second, { input: 's8' })

  const buffer = (size, usage = 0) => device.createBuffer({ size, usage: STORAGE | COPY_DST | usage })
  const input = buffer(M * K * 4)
  const hidden = { data: buffer(M * stride(F)), scales: buffer(M * 4) }
  const output = buffer(M * N * 4, COPY_SRC)
  const result = device.createBuffer({ size: M * N * 4, usage: MAP_READ | COPY_DST })
  device.queue.writeBuffer(input, 0, numbers(M * K))

  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  one.encode(pass, input, hidden, M)
  two.encode(pass, hidden, output, M)
  pass.end()
  encoder.copyBufferToBuffer(output, 0, result, 0, M * N * 4)
  device.queue.submit([encoder.finish()])
  await result.mapAsync(1)
  console.log('y[0]', new Float32Array(result.getMappedRange()).slice(0, 4))

  one.dispose()
  two.dispose()
  device.destroy()
}
