// GPU ceilings: f32 fma, dot4I8Packed and buffer copies on one GPUDevice. The shaders come as text, so that a page can
// run the same probe.

import { GPUBufferUsageBits } from '../../kernels/runtime/gpu/upload.ts'
import type { GpuCeilings } from '../lib/results.ts'

/** multiply-adds of one thread: 32 f32 lanes, or 16 dots of 4, over 512 steps */
const FMA_PER_THREAD = 8 * 4 * 512
const DOT_PER_THREAD = 16 * 4 * 512
const WORKGROUP = 64

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

async function arithmeticRate(device: GPUDevice, code: string, perThread: number): Promise<number> {
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  })
  const result = device.createBuffer({ size: 16, usage: GPUBufferUsageBits.STORAGE })
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
    return dispatches * groups * WORKGROUP * perThread * 2
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

/** Ceilings of a device; `shaders` are the texts of fma.wgsl and dot4.wgsl beside this file. */
export async function probeGpu(
  device: GPUDevice,
  shaders: { fma: string; dot4: string },
  adapter: { name: string; software: boolean },
): Promise<GpuCeilings> {
  return {
    adapter: adapter.name,
    software: adapter.software,
    f32Fma: await arithmeticRate(device, shaders.fma, FMA_PER_THREAD),
    int8Dot4: await arithmeticRate(device, shaders.dot4, DOT_PER_THREAD),
    copyGBs: await copyRate(device),
  }
}
