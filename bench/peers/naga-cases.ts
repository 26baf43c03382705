// One dispatch of every shader and constants, as the self-tests run it on the software adapter: code, bindings before and
// after. naga.py runs the same through another compiler of WGSL, Naga, which Firefox has.
//   node bench/peers/naga-cases.ts CASES.jsonl

import { appendFileSync, writeFileSync } from 'node:fs'
import { globals } from 'webgpu'
import type { WebgpuVariant } from '../../kernels/program/variants.ts'
import { WEBGPU_VARIANTS } from '../../kernels/variants.ts'
import { createGpuDeviceWith } from '../../kernels/webgpu/device.ts'
import { batchFor } from '../../kernels/webgpu/proofs.ts'

const [, , file] = process.argv
if (!file) throw new Error('naga-cases: say the file to write')

interface Bound {
  binding: number
  buffer: GPUBuffer
  offset: number
  size: number
}

interface Snapshot extends Bound {
  copy: GPUBuffer
}

interface Case {
  name: string
  code: string
  constants: Record<string, number>
  workgroups: number[]
  before: Snapshot[]
  after: Snapshot[]
}

const [MAP_READ, MAP_WRITE, COPY_SRC, COPY_DST] = [1, 2, 4, 8]
const { GPUDevice, GPUCommandEncoder } = globals as unknown as {
  GPUDevice: { prototype: GPUDevice }
  GPUCommandEncoder: { prototype: GPUCommandEncoder }
}
const codes = new Map<GPUShaderModule, string>()
const pipelines = new Map<GPUComputePipeline, Pick<Case, 'name' | 'code' | 'constants'>>()
const groups = new Map<GPUBindGroup, Bound[]>()
const devices = new Map<GPUCommandEncoder, GPUDevice>()
const cases = new Map<string, Case>()

const { createBuffer, createShaderModule, createComputePipelineAsync, createBindGroup, createCommandEncoder } =
  GPUDevice.prototype
Object.assign(GPUDevice.prototype, {
  createBuffer(this: GPUDevice, given: GPUBufferDescriptor) {
    const usage = given.usage & (MAP_READ | MAP_WRITE) ? given.usage : given.usage | COPY_SRC
    return createBuffer.call(this, { ...given, usage })
  },
  createShaderModule(this: GPUDevice, given: GPUShaderModuleDescriptor) {
    const module = createShaderModule.call(this, given)
    codes.set(module, given.code)
    return module
  },
  async createComputePipelineAsync(this: GPUDevice, given: GPUComputePipelineDescriptor) {
    const pipeline = await createComputePipelineAsync.call(this, given)
    const { module, constants = {} } = given.compute
    const name = [given.label, ...Object.entries(constants).map((pair) => pair.join('='))].join(' ')
    pipelines.set(pipeline, { name, code: codes.get(module)!, constants })
    return pipeline
  },
  createBindGroup(this: GPUDevice, given: GPUBindGroupDescriptor) {
    const group = createBindGroup.call(this, given)
    const bound = [...given.entries].map(({ binding, resource }): Bound => {
      const { buffer, offset = 0, size = buffer.size - offset } = resource as GPUBufferBinding
      return { binding, buffer, offset, size }
    })
    groups.set(group, bound)
    return group
  },
  createCommandEncoder(this: GPUDevice, given?: GPUCommandEncoderDescriptor) {
    const encoder = createCommandEncoder.call(this, given)
    devices.set(encoder, this)
    return encoder
  },
})

const { beginComputePass } = GPUCommandEncoder.prototype
Object.assign(GPUCommandEncoder.prototype, {
  beginComputePass(this: GPUCommandEncoder) {
    return recording(this)
  },
})

/** A pass for each dispatch, so that buffers can be copied between them. */
function recording(encoder: GPUCommandEncoder): object {
  let pipeline: GPUComputePipeline
  let group: GPUBindGroup
  const copy = (bound: Bound[]): Snapshot[] =>
    bound.map((one) => {
      const target = devices.get(encoder)!.createBuffer({ size: one.size, usage: MAP_READ | COPY_DST })
      encoder.copyBufferToBuffer(one.buffer, one.offset, target, 0, one.size)
      return { ...one, copy: target }
    })
  return {
    setPipeline: (given: GPUComputePipeline) => void (pipeline = given),
    setBindGroup: (_: number, given: GPUBindGroup) => void (group = given),
    dispatchWorkgroups(...workgroups: number[]) {
      const { name, code, constants } = pipelines.get(pipeline)!
      const bound = groups.get(group)!
      const isNew = !cases.has(name)
      const before = isNew ? copy(bound) : []
      const pass = beginComputePass.call(encoder)
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(...(workgroups as [number, number, number]))
      pass.end()
      const isWritten = ({ binding }: Bound): boolean =>
        new RegExp(`@binding\\(${binding}\\) var<storage, read_write>`).test(code)
      if (isNew) cases.set(name, { name, code, constants, workgroups, before, after: copy(bound.filter(isWritten)) })
    },
    end: () => undefined,
  }
}

const ROWS: readonly WebgpuVariant[] = Object.values(WEBGPU_VARIANTS).flat()
const vendors = ['', ...new Set(ROWS.flatMap(({ vendors = [] }) => vendors))]
for (const [kernels, vendor] of [['direct', ''], ...vendors.map((vendor) => ['tiled', vendor])] as [
  'direct' | 'tiled',
  string,
][]) {
  const device = await createGpuDeviceWith({ kernels, vendor, keepsSparse: true })
  for (const proof of new Set(ROWS.filter(({ features }) => features.length === 0).map(({ proof }) => proof)))
    for (const { program } of proof()) {
      const session = await device.load(program)
      await session.run(batchFor(program))
      session.dispose()
    }
}

const bytesOf = async ({ binding, copy }: Snapshot): Promise<{ binding: number; bytes: string }> => {
  await copy.mapAsync(MAP_READ)
  return { binding, bytes: Buffer.from(copy.getMappedRange()).toString('base64') }
}
writeFileSync(file, '')
for (const { before, after, ...rest } of cases.values()) {
  const line = { ...rest, before: await Promise.all(before.map(bytesOf)), after: await Promise.all(after.map(bytesOf)) }
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}
console.log(`${cases.size} dispatches in ${file}`)
// Dawn's objects must outlive their last use
process.exit(0)
