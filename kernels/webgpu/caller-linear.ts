// One linear layer on the caller's own GPUBuffers, inside the caller's own compute pass.

import { chooseVariants, padded, type CallVariant, type KernelCall, type ShaderUse, type Slot } from './call.ts'
import type { GpuContext } from './context.ts'
import { bucket } from './arena.ts'
import type { Precision } from '../program/device.ts'
import type { Held } from '../program/disposable.ts'
import { GPUBufferUsageBits, Uploader } from './upload.ts'
import type { Activation, BufferId, Program } from '../program/program.ts'
import { checkLinearOptions } from '../program/check-options.ts'
import { checkLinearWeight, type LeafWeight } from '../program/weights.ts'
import { compileProgram } from './compile.ts'
import { storeDense } from './passes/store-dense.ts'
import { selfTest } from './self-test.ts'

export interface GpuLinearOptions {
  /** f32 [N] */
  bias?: Float32Array | null
  activation?: Activation
  /** of an f32 layer, as GpuDeviceOptions says; 'f16' only where the device was requested with shader-f16 */
  precision?: Precision
}

export interface GpuLinear extends Held {
  /** Adds the layer to a pass: f32 [M, K] in `input` to f32 [M, N] in `output`, which differ. Throws where they are too small. */
  encode(pass: GPUComputePassEncoder, input: GPUBuffer, output: GPUBuffer, M: number): void
}

const INPUT = 0
const OUTPUT = 1

interface ReadyCall extends KernelCall<ShaderUse> {
  variants: (CallVariant & { pipeline: GPUComputePipeline })[]
}

/** Inner buffers for up to `rows` rows: padded copies where K or N is no multiple of 16, and the quantized input. */
interface Scratch {
  rows: number
  buffers: Map<string, GPUBuffer>
}

const OPTIONS: readonly string[] = ['bias', 'activation', 'precision'] satisfies (keyof GpuLinearOptions)[]

export async function createGpuLinearOn(
  context: GpuContext,
  weight: LeafWeight,
  options: GpuLinearOptions,
): Promise<GpuLinear> {
  checkLinearWeight(weight, 'createGpuLinear')
  checkLinearOptions('createGpuLinear', options, OPTIONS, weight.N)
  const { bias = null, activation = 'none' } = options
  const { device } = context
  const { N, K } = weight
  const program: Program = {
    buffers: [
      { name: 'input', rows: 'tokens', width: K, dtype: 'f32' },
      { name: 'output', rows: 'tokens', width: N, dtype: 'f32' },
    ],
    ops: [{ kind: 'linear', input: INPUT, output: OUTPUT, weight, bias, activation, residual: null }],
    input: INPUT,
    output: OUTPUT,
  }
  const uploader = new Uploader(device, context.maxBindingBytes)
  const compiled = await compileProgram(storeDense(program, context), uploader, context)
  await selfTest(context, compiled.calls)
  const ready = (calls: KernelCall<ShaderUse>[]): Promise<ReadyCall[]> =>
    Promise.all(
      calls.map(async (call) => {
        const variants = context.variants(call)
        const pipelines = await Promise.all(variants.map(({ row, constants }) => context.pipeline(row, constants)))
        return { ...call, variants: variants.map((variant, i) => ({ ...variant, pipeline: pipelines[i] })) }
      }),
    )
  const pad = restrideCall('pad input', K, K, padded(K), CALLER_INPUT, INPUT, uploader)
  const unpad = restrideCall('unpad output', N, padded(N), N, OUTPUT, CALLER_OUTPUT, uploader)
  const [before, own, after] = await Promise.all([
    ready(padded(K) === K ? [] : [pad]),
    ready(compiled.calls),
    ready(padded(N) === N ? [] : [unpad]),
  ])
  await uploader.checkMemory()
  const shapes = new Map<number, GPUBuffer>()
  let scratch: Scratch = { rows: 0, buffers: new Map() }
  // replaced scratch may still be read by passes that the caller has not submitted: kept until dispose
  const replaced: Scratch[] = []

  const shapeOf = (M: number): GPUBuffer => {
    let buffer = shapes.get(M)
    if (!buffer) {
      buffer = device.createBuffer({ size: 16, usage: GPUBufferUsageBits.UNIFORM | GPUBufferUsageBits.COPY_DST })
      device.queue.writeBuffer(buffer, 0, Uint32Array.of(M, M, 1, 0))
      shapes.set(M, buffer)
    }
    return buffer
  }
  const scratchOf = (kind: string, rowBytes: number): GPUBuffer => {
    let buffer = scratch.buffers.get(kind)
    if (!buffer) {
      buffer = device.createBuffer({ label: kind, size: scratch.rows * rowBytes, usage: GPUBufferUsageBits.STORAGE })
      scratch.buffers.set(kind, buffer)
    }
    return buffer
  }

  return {
    encode(pass, input, output, M) {
      context.check()
      if (M === 0) return
      if (input.size < M * K * 4 || output.size < M * N * 4)
        throw new Error(
          `linear: ${M} rows need ${M * K * 4} bytes of input and ${M * N * 4} of output, found ${input.size} and ${output.size}`,
        )
      if (M > scratch.rows) {
        replaced.push(scratch)
        scratch = { rows: bucket(M, 64), buffers: new Map() }
      }
      const resource = (slot: NonNullable<Slot>): GPUBufferBinding => {
        switch (slot.from) {
          case 'shape':
            return { buffer: shapeOf(M) }
          case 'weight':
            return { buffer: slot.buffer }
          case 'unused':
            return { buffer: context.unused[slot.index] }
          case 'bytes':
            return { buffer: scratchOf('bytes', padded(K)) }
          case 'scales':
            return { buffer: scratchOf('scales', 4) }
          case 'buffer': {
            const isInput = slot.id === INPUT || slot.id === CALLER_INPUT
            const [width, callers] = isInput ? [K, input] : [N, output]
            // no more of it than its rows: all of the caller's may be more than a binding holds
            if (slot.id >= CALLER_INPUT || padded(width) === width) return { buffer: callers, size: M * width * 4 }
            return { buffer: scratchOf(isInput ? 'input' : 'output', padded(width) * 4) }
          }
          default:
            throw new Error(`linear: no ${slot.from} in a single layer`)
        }
      }
      const grid = { rows: M, tiles: () => 0 }
      const rows = { tokens: M, sequences: 1 }
      for (const variant of [before, own, after].flatMap((calls) => chooseVariants(calls, rows))) {
        if (!variant) continue
        const entries = variant.slots.flatMap((slot, binding) => (slot ? [{ binding, resource: resource(slot) }] : []))
        pass.setPipeline(variant.pipeline)
        pass.setBindGroup(0, device.createBindGroup({ layout: variant.pipeline.getBindGroupLayout(0), entries }))
        pass.dispatchWorkgroups(...variant.workgroups(grid))
      }
    },
    dispose,
    [Symbol.dispose]: dispose,
  }

  function dispose(): void {
    for (const { buffers } of [...replaced, scratch]) for (const buffer of buffers.values()) buffer.destroy()
    for (const buffer of shapes.values()) buffer.destroy()
    uploader.dispose()
    context.dispose()
  }
}

/** Ids of the caller's own buffers, where inner ones are padded copies of them. */
const CALLER_INPUT = 2
const CALLER_OUTPUT = 3

function restrideCall(
  label: string,
  width: number,
  from: number,
  to: number,
  source: BufferId,
  target: BufferId,
  uploader: Uploader,
): KernelCall<ShaderUse> {
  return {
    label,
    rows: 'tokens',
    variants: [
      {
        row: { shader: 'restride.direct', usesWorkgroupMemory: false },
        constants: {},
        slots: [
          { from: 'shape', rows: 'tokens' },
          { from: 'buffer', id: source },
          { from: 'buffer', id: target },
          { from: 'weight', buffer: uploader.dims([width, from, to]) },
        ],
        workgroups: ({ rows }) => [Math.ceil(to / 16), Math.ceil(rows / 16), 1],
      },
    ],
  }
}
