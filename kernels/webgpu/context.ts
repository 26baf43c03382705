// One GPUDevice with what all sessions on it share: pipelines, small unused buffers, the way to read results back, and
// which shaders were found wrong on it.

import { SHADERS, type ShaderName } from '../generated/shaders.ts'
import {
  describeAdapter,
  findAdapter,
  int8MatrixShape,
  isSoftware,
  MATRIX_FEATURES,
  SIZE_FEATURE,
  type SoftwareChoice,
} from './adapter.ts'
import type { Offers } from './bind-variants.ts'
import type { CallVariant, KernelCall, ShaderUse } from './call.ts'
import { checkPrecision, HALF_FEATURE, withHalfWeights } from './half.ts'
import { MATRIX_SHAPES, withMatrixShape, type MatrixShape } from './matrix-shape.ts'
import type { Precision } from '../program/device.ts'
import { Readback } from './readback.ts'
import { Tuning, type TuningStore } from './tune.ts'
import { GPUBufferUsageBits } from './upload.ts'
import type { WebgpuVariant } from '../program/variants.ts'

export type KernelChoice = 'auto' | 'direct' | 'tiled'

export interface ContextOptions {
  /** the caller's own device; never destroyed here */
  device?: GPUDevice
  software?: SoftwareChoice
  kernels?: KernelChoice
  /** of dense f32 layers; 'f32' by default */
  precision?: Precision
  /** tests only: other sources for shaders, to prove that a wrong kernel is found */
  sources?: Partial<Record<ShaderName, string>>
  /** tests only: take the matrix kernels for some that run here, since `sources` has them in other words, in this shape */
  emulatesMatrices?: MatrixShape
  /** tests only: take the f16 kernel for one that runs here, since `sources` has it in other words */
  emulatesHalves?: boolean
  /** tests only: sparse layers of any density stay sparse */
  keepsSparse?: boolean
  /** tests only: choose kernels as for an adapter of this vendor */
  vendor?: string
  /** where timed choices among kernels are kept */
  tuning?: TuningStore
  /** tests only: time kernels on software adapters too, where it says nothing */
  tunesSoftware?: boolean
  /** tests only: a lower limit on bindings than the adapter's, in bytes */
  maxBindingBytes?: number
}

/** Limits raised to what the adapter has, where it has more than the default. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
] as const

export class GpuContext implements Offers {
  readonly device: GPUDevice
  readonly name: string
  readonly software: boolean
  readonly usesTiled: boolean
  readonly hasMatrices: boolean
  readonly usesMatrices: boolean
  /** in which subgroups multiply int8 matrices */
  readonly #matrixShape: MatrixShape | null
  readonly precision: Precision
  /** variants of dense f32 layers may multiply in f16 */
  readonly halfProducts: boolean
  readonly vendor: string
  readonly keepsSparse: boolean
  readonly hasTimestamps: boolean
  readonly readback: Readback
  readonly unused: GPUBuffer[]
  readonly demoted = new Set<ShaderName>()
  /** variants whose self-test has passed */
  readonly trusted = new Set<WebgpuVariant>()
  readonly notes: string[] = []
  /** largest storage binding, in bytes */
  readonly maxBindingBytes: number
  readonly tuning: Tuning
  /** kernels may be timed here */
  readonly isTunable: boolean
  readonly #isOwn: boolean
  readonly #sources: Partial<Record<ShaderName, string>>
  readonly #modules = new Map<ShaderName, GPUShaderModule>()
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>()
  #failure: string | null = null

  constructor(device: GPUDevice, isOwn: boolean, options: ContextOptions) {
    this.device = device
    this.name = describeAdapter(device.adapterInfo)
    this.software = isSoftware(device.adapterInfo)
    this.usesTiled = options.kernels === 'tiled' || (options.kernels !== 'direct' && !this.software)
    const shape = options.emulatesMatrices ?? int8MatrixShape(device.features, device.adapterInfo)
    this.hasMatrices = this.usesTiled && shape !== null
    this.usesMatrices = this.usesTiled && shape === MATRIX_SHAPES[0]
    this.#matrixShape = options.emulatesMatrices ? null : shape
    this.precision = options.precision ?? 'f32'
    this.halfProducts = this.precision === 'f16' && this.usesTiled
    if (this.precision === 'f16' && !this.usesTiled)
      this.notes.push("precision 'f16': direct kernels, which this device takes, multiply in f32; weights are halves")
    this.vendor = options.vendor ?? device.adapterInfo.vendor
    this.keepsSparse = options.keepsSparse ?? false
    this.hasTimestamps = device.features.has('timestamp-query')
    this.readback = new Readback(device)
    this.tuning = new Tuning(device.adapterInfo, options.tuning)
    this.isTunable = this.hasTimestamps && this.usesTiled && (!this.software || options.tunesSoftware === true)
    this.#isOwn = isOwn
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits
    this.maxBindingBytes = options.maxBindingBytes ?? Math.min(maxBufferSize, maxStorageBufferBindingSize)
    this.#sources = options.sources ?? {}
    this.unused = [0, 1, 2].map((i) =>
      device.createBuffer({ label: `unused ${i}`, size: 256, usage: GPUBufferUsageBits.STORAGE }),
    )
    void device.lost.then(({ reason, message }) => {
      this.#failure ??= reason === 'destroyed' ? 'the device was disposed' : `the device was lost: ${message}`
    })
  }

  /** Throws where the device can no longer compute. */
  check(): void {
    if (this.#failure) throw new Error(`WebGPU: ${this.#failure}; create a new device, or open the pipeline again`)
  }

  /** `error`, or the loss of the device that is behind it. */
  explain(error: unknown): Error {
    if (this.#failure)
      return new Error(`WebGPU: ${this.#failure}; create a new device, or open the pipeline again`, { cause: error })
    return error instanceof Error ? error : new Error(String(error))
  }

  /** The variants of a call that may run here, in order of preference, up to the first that takes any number of rows. */
  variants<R extends ShaderUse>(call: KernelCall<R>): CallVariant<R>[] {
    const usable = call.variants.filter(
      ({ row }) => !this.demoted.has(row.shader) && (this.usesTiled || !row.usesWorkgroupMemory),
    )
    const last = usable.findIndex(({ minRows, maxRows }) => minRows === undefined && maxRows === undefined)
    if (last < 0)
      throw new Error(`WebGPU: ${this.name} computes no variant of '${call.label}' right: ${this.notes.join('; ')}`)
    return usable.slice(0, last + 1)
  }

  /** One pipeline per shader and constants, made once. */
  pipeline(
    { shader, mayHalveWeights }: Pick<ShaderUse, 'shader' | 'mayHalveWeights'>,
    constants: Record<string, number>,
  ): Promise<GPUComputePipeline> {
    const key = `${shader} ${JSON.stringify(constants)}`
    let pipeline = this.#pipelines.get(key)
    if (!pipeline) {
      let module = this.#modules.get(shader)
      if (!module) {
        const given = this.#sources[shader] ?? SHADERS[shader]
        let code = mayHalveWeights && this.precision !== 'f32' ? withHalfWeights(given) : given
        if (shader === 'int8-matmul.matrix' && this.#matrixShape && !this.usesMatrices)
          code = withMatrixShape(given, this.#matrixShape)
        module = this.device.createShaderModule({ label: shader, code })
        this.#modules.set(shader, module)
      }
      pipeline = this.device
        .createComputePipelineAsync({
          label: shader,
          layout: 'auto',
          compute: { module, entryPoint: 'main', constants },
        })
        .catch((error: unknown) => {
          this.#pipelines.delete(key)
          throw new Error(`WebGPU: ${this.name} does not compile ${shader}: ${String(error)}`, { cause: error })
        })
      this.#pipelines.set(key, pipeline)
    }
    return pipeline
  }

  dispose(): void {
    this.#failure ??= 'the device was disposed'
    for (const buffer of this.unused) buffer.destroy()
    this.readback.dispose()
    if (this.#isOwn) this.device.destroy()
  }
}

/** What the kernels need: WebGPU's own defaults, which devices of the compatibility mode may lack. */
const NEEDED = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
} as const

function checkLimits({ limits }: GPUDevice): void {
  for (const [limit, needed] of Object.entries(NEEDED) as [keyof typeof NEEDED, number][])
    if (limits[limit] < needed)
      throw new Error(
        `WebGPU: the device has ${limit} ${limits[limit]}, the kernels need ${needed}; request the device with it, ` +
          'or use WebAssembly',
      )
}

/** Finds or takes a device and proves with one dispatch that it computes. Throws where there is none, or it does not. */
export async function createContext(options: ContextOptions = {}): Promise<GpuContext> {
  const device = options.device ?? (await requestDevice(options))
  checkLimits(device)
  // of a device of our own the adapter was asked
  if (options.device && options.emulatesHalves !== true)
    checkPrecision(options.precision ?? 'f32', device.features, `the device on ${describeAdapter(device.adapterInfo)}`)
  const context = new GpuContext(device, options.device === undefined, options)
  try {
    await canary(context)
    if (!context.software) await context.readback.calibrate()
  } catch (error) {
    context.dispose()
    throw error
  }
  return context
}

/** A device with what the kernels can use of the adapter. */
export async function requestDevice({
  software = 'allow',
  precision,
  emulatesHalves,
}: ContextOptions): Promise<GPUDevice> {
  const { adapter } = await findAdapter(software)
  const usesHalves = precision === 'f16' && emulatesHalves !== true
  if (precision && emulatesHalves !== true) checkPrecision(precision, adapter.features, describeAdapter(adapter.info))
  const requiredLimits = Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]]))
  const shape = int8MatrixShape(adapter.features, adapter.info)
  const wanted = [
    'timestamp-query',
    ...(shape ? MATRIX_FEATURES : []),
    ...(shape && shape !== MATRIX_SHAPES[0] ? [SIZE_FEATURE] : []),
    ...(usesHalves ? [HALF_FEATURE] : []),
  ]
  const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[]
  return adapter.requestDevice({ label: 'compact-kernels', requiredLimits, requiredFeatures })
}

/** Dawn's null backend, and some broken drivers, accept every command and execute none. */
async function canary(context: GpuContext): Promise<void> {
  const { device } = context
  const pipeline = await context.pipeline({ shader: 'canary.direct' }, {})
  const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsageBits
  const input = device.createBuffer({ size: 256, usage: STORAGE | COPY_DST })
  const output = device.createBuffer({ size: 256, usage: STORAGE | COPY_SRC })
  device.queue.writeBuffer(
    input,
    0,
    Uint32Array.from({ length: 64 }, (_, i) => i * i),
  )
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  const entries = [input, output].map((buffer, binding) => ({ binding, resource: { buffer } }))
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
  pass.dispatchWorkgroups(1)
  pass.end()
  const bytes = await context.readback.submitAndRead(encoder, output, 0, 256)
  const sums = new Uint32Array(bytes)
  input.destroy()
  output.destroy()
  if (!sums.every((sum, i) => sum === i + 1 + i * i))
    throw new Error(`WebGPU: ${context.name} accepts work but computes 1 + 1 = ${sums[1] - 1}; it cannot be used`)
}
