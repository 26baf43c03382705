// One linear layer, or a chain of factors, on the caller's own GPUBuffers, inside the caller's own compute pass.

import { chooseVariants, padded, type CallVariant, type KernelCall, type ShaderUse, type Slot } from './call.ts'
import { createContext, type GpuContext } from './context.ts'
import { bucket } from './arena.ts'
import type { Precision } from '../program/device.ts'
import type { Held } from '../program/disposable.ts'
import { GPUBufferUsageBits, Uploader } from './upload.ts'
import type { Activation, BufferId } from '../program/program.ts'
import { checkChoice, checkLinearOptions } from '../program/check-options.ts'
import { linearProgram } from '../program/linear-program.ts'
import { checkActivationScale, checkLinearWeight, isInt8, type LinearWeight } from '../program/weights.ts'
import { quantizeCall } from '../int8-matmul/webgpu.ts'
import { compileProgram } from './compile.ts'
import { storeDense } from './passes/store-dense.ts'
import { selfTest } from './self-test.ts'

export interface GpuLinearOptions {
  /** f32 [N] */
  bias?: Float32Array | null
  activation?: Activation
  /** of f32 layers, as GpuDeviceOptions says; 'f16' only where the device was requested with shader-f16 */
  precision?: Precision
  /** what `encode` reads: 'f32' rows (default), or for an int8 weight 's8' rows with their scales */
  input?: 'f32' | 's8'
  /** what it writes: 'f32' rows (default), or 's8' rows, rounded by the rule of every int8 layer here */
  output?: 'f32' | 's8'
  /** of s8 output: the scale of all rows, f32, from 2^-100 to 2^100; each row has its own where there is none */
  outputScale?: number
}

/**
 * f32 [M, width] without gaps; or s8 rows of `width` rounded up to 16 bytes, what is behind `width` being 0 where a layer has
 * written it and anything where one reads it, with f32 scales [M]: value = scale * q. A row that is not finite has the scale NaN.
 */
export type GpuRows = GPUBuffer | { data: GPUBuffer; scales: GPUBuffer }

export interface GpuLinear extends Held {
  readonly N: number
  readonly K: number
  /** bytes of the packed weights, which are the handle's own */
  readonly weightBytes: number
  /**
   * Adds the layer to a pass: rows [M, K] in `input` to rows [M, N] in `output`, which differ.
   * @throws TypeError where they are of another kind than the options said, RangeError where they are too small, or larger than
   *   the device binds
   */
  encode(pass: GPUComputePassEncoder, input: GpuRows, output: GpuRows, M: number): void
  /**
   * Bytes that the handle's own buffers for so many rows take at most: what one factor of a chain hands to the next,
   * quantized inputs, copies of rows whose length is no multiple of 16. They are made by the first `encode` that needs
   * them, for the next one of M's size class, and kept until `dispose`.
   */
  scratchBytes(M: number): number
}

interface ReadyCall extends KernelCall<ShaderUse> {
  variants: (CallVariant & { pipeline: GPUComputePipeline })[]
}

/** The handle's own buffers for up to `rows` rows, by name. */
interface Scratch {
  rows: number
  buffers: Map<string, GPUBuffer>
}

const OPTIONS: readonly string[] = [
  ...(['bias', 'activation', 'precision', 'input', 'output', 'outputScale'] satisfies (keyof GpuLinearOptions)[]),
]
/** Scratch is for a multiple of so many rows. */
const LEAST_ROWS = 64

/** Of each device of a caller's, by precision: its handles share pipelines and self-tests, which live as long as it does. */
const contexts = new WeakMap<GPUDevice, Map<Precision, Promise<GpuContext>>>()

function contextOf(device: GPUDevice, precision: Precision): Promise<GpuContext> {
  const known = contexts.get(device) ?? new Map<Precision, Promise<GpuContext>>()
  contexts.set(device, known)
  let context = known.get(precision)
  if (!context) {
    known.set(precision, (context = createContext({ device, precision })))
    // the next call tries again
    context.catch(() => known.delete(precision))
  }
  return context
}

/** See device.ts. */
export async function createGpuLinear(
  device: GPUDevice,
  weight: LinearWeight,
  options: GpuLinearOptions,
): Promise<GpuLinear> {
  return createGpuLinearOn(await contextOf(device, options.precision ?? 'f32'), weight, options)
}

/** @param context stays when the layer is disposed of */
export async function createGpuLinearOn(
  context: GpuContext,
  weight: LinearWeight,
  options: GpuLinearOptions,
): Promise<GpuLinear> {
  const uploader = new Uploader(context.device, context.maxBindingBytes)
  try {
    return await createLinear(context, uploader, weight, options)
  } catch (error) {
    uploader.dispose()
    throw error
  }
}

async function createLinear(
  context: GpuContext,
  uploader: Uploader,
  weight: LinearWeight,
  options: GpuLinearOptions,
): Promise<GpuLinear> {
  checkLinearWeight(weight, 'createGpuLinear')
  checkLinearOptions('createGpuLinear', options, OPTIONS, weight.N)
  const { bias = null, activation = 'none', input: takes = 'f32', output: gives = 'f32', outputScale } = options
  checkChoice('createGpuLinear', 'input', takes, ['f32', 's8'])
  checkChoice('createGpuLinear', 'output', gives, ['f32', 's8'])
  checkActivationScale('createGpuLinear: outputScale', outputScale)
  if (takes === 's8' && !isInt8(weight))
    throw new TypeError(`createGpuLinear: s8 rows need an int8 weight, this one is '${weight.kind}'`)
  if (outputScale !== undefined && gives === 'f32')
    throw new TypeError(`createGpuLinear: outputScale ${outputScale} is given, but output is f32; say output: 's8'`)
  const { device, maxBindingBytes } = context
  const { N, K } = weight
  const program = linearProgram(weight, bias, activation, takes)
  const [INPUT, OUTPUT] = [program.input as BufferId, program.output]
  const compiled = await compileProgram(storeDense(program, context), uploader, context)
  const { buffers } = compiled.program
  /** Ids of the caller's own buffers, where inner ones are padded copies of them. */
  const [CALLER_INPUT, CALLER_OUTPUT] = [buffers.length, buffers.length + 1]
  const calls = [...compiled.calls]
  if (gives === 's8') calls.push(quantizeCall(OUTPUT, buffers[OUTPUT], outputScale, context, uploader))
  await selfTest(context, calls)
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
  // readers and writers of a call are counted within its list
  const stages = await Promise.all([
    ready(padded(K) === K || takes === 's8' ? [] : [pad]),
    ready(calls),
    ready(padded(N) === N || gives === 's8' ? [] : [unpad]),
  ])
  await uploader.checkMemory()

  const isCallersInt8 = (id: BufferId): boolean => (id === INPUT && takes === 's8') || (id === OUTPUT && gives === 's8')
  /** The scratch that a slot is bound to, or null where it is bound to something else. */
  const scratchOf = (slot: NonNullable<Slot>): { name: string; rowBytes: number } | null => {
    switch (slot.from) {
      case 'buffer': {
        if (slot.id >= CALLER_INPUT) return null
        const { width } = buffers[slot.id]
        const isCallers = slot.id === INPUT || (slot.id === OUTPUT && gives === 'f32')
        if (isCallers && padded(width) === width) return null
        return { name: `rows ${slot.id}`, rowBytes: padded(width) * 4 }
      }
      case 'bytes':
        if (isCallersInt8(slot.id)) return null
        return { name: `bytes ${slot.id}`, rowBytes: padded(buffers[slot.id].width) }
      case 'scales':
        if (isCallersInt8(slot.id)) return null
        return { name: `scales ${slot.id}`, rowBytes: 4 }
      default:
        return null
    }
  }
  const rowBytesOf = new Map<string, number>()
  for (const { variants } of stages.flat())
    for (const { slots } of variants)
      for (const slot of slots) {
        const found = slot && scratchOf(slot)
        if (found) rowBytesOf.set(found.name, found.rowBytes)
      }
  const sumOfRows = [...rowBytesOf.values()].reduce((sum, bytes) => sum + bytes, 0)

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
  const scratchBuffer = ({ name, rowBytes }: { name: string; rowBytes: number }): GPUBuffer => {
    let buffer = scratch.buffers.get(name)
    if (!buffer) {
      const size = scratch.rows * rowBytes
      buffer = device.createBuffer({ label: `linear ${name}`, size, usage: GPUBufferUsageBits.STORAGE })
      scratch.buffers.set(name, buffer)
    }
    return buffer
  }

  return {
    N,
    K,
    weightBytes: uploader.bytes,
    scratchBytes: (M) => (M === 0 ? 0 : bucket(M, LEAST_ROWS) * sumOfRows),
    encode(pass, input, output, M) {
      context.check()
      if (!Number.isSafeInteger(M) || M < 0)
        throw new RangeError(`linear: ${M} rows were asked for, expected a whole number from 0`)
      if (M === 0) return
      const [from, to] = [boundRows('input', input, takes, K, M), boundRows('output', output, gives, N, M)]
      const scratchRows = bucket(M, LEAST_ROWS)
      const most = Math.max(from.rows.size!, to.rows.size!, ...[...rowBytesOf.values()].map((b) => scratchRows * b))
      if (most > maxBindingBytes)
        throw new RangeError(
          `linear: ${M} rows need a buffer of ${most} bytes, the device binds ${maxBindingBytes}; encode fewer rows at a time`,
        )
      if (M > scratch.rows) {
        replaced.push(scratch)
        scratch = { rows: scratchRows, buffers: new Map() }
      }
      const resource = (slot: NonNullable<Slot>): GPUBufferBinding => {
        const own = scratchOf(slot)
        if (own) return { buffer: scratchBuffer(own) }
        switch (slot.from) {
          case 'shape':
            return { buffer: shapeOf(M) }
          case 'weight':
            return { buffer: slot.buffer }
          case 'unused':
            return { buffer: context.unused[slot.index] }
          case 'buffer':
          case 'bytes':
            return (slot.id === INPUT || slot.id === CALLER_INPUT ? from : to).rows
          case 'scales':
            return (slot.id === INPUT ? from : to).scales!
          default:
            throw new Error(`linear: no ${slot.from} in a single layer`)
        }
      }
      const grid = { rows: M, tiles: () => 0 }
      const rows = { tokens: M, sequences: 1 }
      for (const variant of stages.flatMap((calls) => chooseVariants(calls, rows))) {
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
  }
}

/** The caller's buffers as they are bound: no more of each than its rows, since all may be more than a binding holds. */
function boundRows(
  name: string,
  given: GpuRows,
  dtype: 'f32' | 's8',
  width: number,
  M: number,
): { rows: GPUBufferBinding; scales: GPUBufferBinding | null } {
  const isInt8 = 'scales' in given
  if (isInt8 !== (dtype === 's8'))
    throw new TypeError(
      `linear: ${name} is ${dtype}, expected ${dtype === 's8' ? '{ data, scales }' : 'one GPUBuffer'}; see the options of createGpuLinear`,
    )
  const bind = (what: string, buffer: GPUBuffer, size: number): GPUBufferBinding => {
    if (buffer.size < size)
      throw new RangeError(`linear: ${M} rows need ${size} bytes of ${what}, found ${buffer.size}`)
    return { buffer, size }
  }
  if (!isInt8) return { rows: bind(name, given, M * width * 4), scales: null }
  return {
    rows: bind(`${name}.data`, given.data, M * padded(width)),
    scales: bind(`${name}.scales`, given.scales, M * 4),
  }
}

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
