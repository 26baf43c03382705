// GPU ceilings: f32 fma, dot4I8Packed, buffer copies, and where the device has them f16 fma and i8 subgroup matrices, on
// one GPUDevice. The shaders come as text, so that a page can run the same probe.

import { hasInt8Matrices } from '../../kernels/webgpu/adapter.ts'
import { HALF_FEATURE } from '../../kernels/webgpu/half.ts'
import { GPUBufferUsageBits } from '../../kernels/webgpu/upload.ts'
import type { GpuCeilings } from '../lib/results.ts'

/** multiply-adds of one workgroup over 512 steps: 64 threads of 32 lanes, or of 16 dots of 4; 4 subgroups of 4 products of matrices */
const FMA = 64 * 8 * 4 * 512
const DOT = 64 * 16 * 4 * 512
const MATRIX = 4 * 4 * 16 * 16 * 32 * 512
/** bytes of the largest operand, A and 4 W of 512 bytes */
const OPERAND = 5 * 512

/** The texts of the files beside this one. */
export interface ProbeShaders {
  fma: string
  fmaF16: string
  dot4: string
  matrix: string
}

/** Milliseconds of `submit` until the queue is idle, best of five, work grown until it lasts 20 ms. */
async function grownRate(
  device: GPUDevice,
  record: (encoder: GPUCommandEncoder, scale: number) => number,
): Promise<number> {
  let best = 0
  for (let scale = 1, repeats = 0; repeats < 5;) {
    const encoder = device.createCommandEncoder()
    const work = record(encoder, scale)
    const start = performance.now()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    const elapsedMs = performance.now() - start
    if (elapsedMs < 20 && scale < 2 ** 16) {
      scale *= 4
      continue
    }
    best = Math.max(best, work / elapsedMs / 1e6)
    repeats++
  }
  return best
}

async function arithmeticRate(device: GPUDevice, code: string, perGroup: number): Promise<number> {
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  })
  const { STORAGE, COPY_DST } = GPUBufferUsageBits
  const result = device.createBuffer({ size: OPERAND, usage: STORAGE | COPY_DST })
  device.queue.writeBuffer(result, 0, new Uint8Array(OPERAND).fill(1))
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: result } }],
  })
  const rate = await grownRate(device, (encoder, scale) => {
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, group)
    const groups = Math.min(16 * scale, 32768)
    const dispatches = Math.ceil((16 * scale) / groups)
    for (let i = 0; i < dispatches; i++) pass.dispatchWorkgroups(groups)
    pass.end()
    return dispatches * groups * perGroup * 2
  })
  result.destroy()
  return rate
}

async function copyRate(device: GPUDevice): Promise<number> {
  const size = Math.min(64 * 2 ** 20, device.limits.maxBufferSize)
  const [source, target] = [0, 1].map(() =>
    device.createBuffer({ size, usage: GPUBufferUsageBits.COPY_SRC | GPUBufferUsageBits.COPY_DST }),
  )
  const rate = await grownRate(device, (encoder, scale) => {
    for (let i = 0; i < Math.min(scale, 1024); i++) encoder.copyBufferToBuffer(source, 0, target, 0, size)
    // read once, written once
    return Math.min(scale, 1024) * size * 2
  })
  source.destroy()
  target.destroy()
  return rate
}

/** Ceilings of a device; null for what it lacks. */
export async function probeGpu(
  device: GPUDevice,
  shaders: ProbeShaders,
  adapter: { name: string; software: boolean },
): Promise<GpuCeilings> {
  return {
    adapter: adapter.name,
    software: adapter.software,
    f32Fma: await arithmeticRate(device, shaders.fma, FMA),
    f16Fma: device.features.has(HALF_FEATURE) ? await arithmeticRate(device, shaders.fmaF16, FMA) : null,
    int8Dot4: await arithmeticRate(device, shaders.dot4, DOT),
    int8Matrix: hasInt8Matrices(device.features, device.adapterInfo)
      ? await arithmeticRate(device, shaders.matrix, MATRIX)
      : null,
    copyGBs: await copyRate(device),
  }
}
