// The GPU device: programs of BERT's ops on WebGPU, and single linear layers on the caller's own buffers.

import { isHostTable } from '../embedding/webgpu.ts'
import { quantizeCall } from '../int8-matmul/webgpu.ts'
import type { KernelCall } from './call.ts'
import type { GpuLinear, GpuLinearOptions } from './caller-linear.ts'
import { checkChoice, checkNames, type OptionNames } from '../program/check-options.ts'
import type { Device, DeviceInfo, LoadOptions, Precision } from '../program/device.ts'
import type { SoftwareChoice } from './adapter.ts'
import { createContext, requestDevice, type ContextOptions, type GpuContext, type KernelChoice } from './context.ts'
import { ProgramSession, type GpuSession } from './session.ts'
import type { TuningStore } from './tune.ts'
import { Uploader } from './upload.ts'
import { readProgram, withoutWeights, type StoredProgram } from '../program/stored-weights.ts'
import { placePositions } from '../program/positions.ts'
import type { Batch, Program } from '../program/program.ts'
import type { LinearWeight } from '../program/weights.ts'
import { compileProgram } from './compile.ts'
import { storeDense } from './passes/store-dense.ts'
import { selfTest } from './self-test.ts'

export type { Precision } from '../program/device.ts'
export type { GpuSession } from './session.ts'
export type { TunedShape, TuningStore } from './tune.ts'
export type { GpuLinear, GpuLinearOptions, GpuRows } from './caller-linear.ts'

export interface GpuDeviceOptions {
  /** use this device; it stays the caller's and is not destroyed */
  device?: GPUDevice
  /** whether an adapter that emulates a GPU on the CPU will do; 'allow' by default */
  software?: SoftwareChoice
  /** 'tiled' kernels use workgroup memory, 'direct' ones do not; 'auto' takes tiled ones on real adapters */
  kernels?: KernelChoice
  /**
   * Of dense f32 layers: 'f32' by default; 'f16-weights' stores halves and multiplies in f32 on every adapter; 'f16'
   * multiplies in f16 as well and is refused where the adapter lacks shader-f16. `Precision` says how far each is off.
   */
  precision?: Precision
  /** where `tune` keeps its choices from one start to the next, by adapter and driver; localStorage in pages, else nowhere */
  tuning?: TuningStore
}

/** A device whose sessions can also time the GPU. */
export interface GpuDevice extends Device {
  load(program: StoredProgram, options?: LoadOptions): Promise<GpuSession>
}

/**
 * A device on the caller's GPUDevice, the browser's GPU, or in Node the GPU that the package `webgpu` finds; where there
 * is none, a software one.
 *
 * @throws NoAdapterError where there is no adapter, with what was tried and what to install
 */
export async function createGpuDevice(options: GpuDeviceOptions = {}): Promise<GpuDevice> {
  checkNames('WebGPU', options, OPTIONS)
  const { device, software, kernels, tuning } = options
  if (device !== undefined && typeof (device as Partial<GPUDevice> | null)?.createComputePipelineAsync !== 'function')
    throw new TypeError(`WebGPU: device is ${String(device)}, expected a GPUDevice`)
  checkChoice('WebGPU', 'software', software, ['allow', 'never'])
  checkChoice('WebGPU', 'kernels', kernels, ['auto', 'direct', 'tiled'])
  if (tuning !== undefined && typeof (tuning as Partial<TuningStore> | null)?.getItem !== 'function')
    throw new TypeError(`WebGPU: tuning is ${String(tuning)}, expected a store with getItem and setItem`)
  return createGpuDeviceWith(options)
}

const OPTIONS: OptionNames<GpuDeviceOptions> = {
  ...{ device: true, software: true, kernels: true, precision: true, tuning: true },
}

/** As createGpuDevice, with the options that tests need. */
export async function createGpuDeviceWith(options: ContextOptions): Promise<GpuDevice> {
  const context = await createContext(options)
  return {
    info: () => describe(context),
    load: (program, loadOptions = {}) => load(context, program, loadOptions),
    dispose: async () => context.dispose(),
    [Symbol.asyncDispose]: async () => context.dispose(),
  }
}

/**
 * A GPUDevice as createGpuDevice makes one for itself, for callers with buffers of their own: with the adapter's limits, in
 * Node from the package `webgpu`. It is the caller's to destroy.
 *
 * @throws NoAdapterError where there is no adapter
 */
export const requestGpuDevice = (options: Pick<GpuDeviceOptions, 'software' | 'precision'> = {}): Promise<GPUDevice> =>
  requestDevice(options)

/**
 * One linear layer, or a chain of factors, on the caller's GPUDevice: `encode` adds it to a compute pass, reading rows [M, K]
 * from `input` and writing rows [M, N] to `output`, f32 or s8 as the options say, in buffers of usage STORAGE. What lies between
 * the factors, and f32 rows before they are rounded, is in buffers of the handle.
 *
 * @param weight any storage format; its arrays are read once
 */
export async function createGpuLinear(
  device: GPUDevice,
  weight: LinearWeight,
  options: GpuLinearOptions = {},
): Promise<GpuLinear> {
  const { createGpuLinear } = await import('./caller-linear.ts')
  return createGpuLinear(device, weight, options)
}

async function load(context: GpuContext, stored: StoredProgram, options: LoadOptions): Promise<GpuSession> {
  context.check()
  const { program: placed, place } = placePositions(stored)
  const given = await readProgram(placed)
  const program = storeDense(given, context)
  noteDense(context, given, program)
  const uploader = new Uploader(context.device, context.maxBindingBytes)
  try {
    const compiled = await compileProgram(program, uploader, context)
    options.signal?.throwIfAborted()
    await uploader.checkMemory()
    for (const op of program.ops)
      if (op.kind === 'embedding' && isHostTable(op.word, uploader)) noteHostTable(context, op.word.rows)
    // all pipelines compile at once, beside the self-test; it meets the failures of the variants that it tests
    for (const { row, constants } of compiled.calls.flatMap((call) => context.variants(call)))
      context.pipeline(row, constants).catch(() => undefined)
    await selfTest(context, compiled.calls)
    options.signal?.throwIfAborted()
    const calls = compiled.calls.map((call) => ({ ...call, variants: context.variants(call) }))
    // a session keeps its program, but what is uploaded need not stay on the host
    const bare = { ...compiled.program, ops: compiled.program.ops.map(withoutWeights) }
    const quantizeOutput = async (activationScale: number | undefined): Promise<KernelCall> => {
      const call = quantizeCall(bare.output, bare.buffers[bare.output], activationScale, context, uploader)
      await selfTest(context, [call])
      return { ...call, variants: context.variants(call) }
    }
    const loaded = { ...compiled, program: bare, calls, quantizeOutput }
    const session = await ProgramSession.create(context, loaded, uploader, options)
    return place ? placedSession(session, place) : session
  } catch (error) {
    uploader.dispose()
    options.signal?.throwIfAborted()
    throw context.explain(error)
  }
}

const placedSession = (session: GpuSession, place: (batch: Batch) => Batch): GpuSession => ({
  run: (batch) => session.run(place(batch)),
  runToInt8: (batch, activationScale) => session.runToInt8(place(batch), activationScale),
  runTimed: (batch) => session.runTimed(place(batch)),
  tune: (batch) => session.tune(place(batch)),
  stats: () => session.stats(),
  checkGuards: () => session.checkGuards(),
  dispose: () => session.dispose(),
  [Symbol.dispose]: () => session.dispose(),
})

function noteDense(context: GpuContext, given: Program, { ops }: Program): void {
  const layers = given.ops.filter((op, i) => op !== ops[i]).length
  if (layers > 0)
    noteOnce(context, `${layers} sparse layers store too much to be faster than dense ones, and run as such`)
}

function noteHostTable(context: GpuContext, rows: number): void {
  noteOnce(
    context,
    `the word table of ${rows} rows is larger than this adapter's bindings ` +
      `(${context.maxBindingBytes} bytes): its rows are gathered on the host and uploaded with the ids`,
  )
}

/** A program may be loaded many times. */
function noteOnce({ notes }: GpuContext, note: string): void {
  if (!notes.includes(note)) notes.push(note)
}

function describe(context: GpuContext): DeviceInfo {
  const why = context.software ? 'software adapter' : 'real adapter'
  const variants: Record<string, string> = {
    kernels: context.usesTiled ? `tiled (${why})` : `direct (${why})`,
    readback: context.readback.waiting,
    precision: context.precision,
  }
  for (const { op, id } of context.trusted) variants[op] = variants[op] ? `${variants[op]}, ${id}` : id
  return {
    kind: 'gpu',
    name: context.name,
    software: context.software,
    threads: 0,
    precision: context.precision,
    variants,
    notes: [...context.notes],
  }
}
