// A loaded program on a GPU: per batch one header write, one command encoder, one compute pass, one submit, one readback.

import type { Int8Rows, LoadOptions, Session, SessionStats } from '../program/device.ts'
import { checkBatch, type Batch, type BufferId, type Program } from '../program/program.ts'
import { Arena, bucket, type Capacity } from './arena.ts'
import {
  chooseVariants,
  chosenVariant,
  padded,
  rowClass,
  type CallVariant,
  type Grid,
  type KernelCall,
  type Slot,
} from './call.ts'
import type { GpuContext } from './context.ts'
import { longestFitting, splitBatch } from './split.ts'
import { Header } from './header.ts'
import { candidatesAt, tuneCalls, type TunableCall } from './tune-calls.ts'
import type { TunedShape } from './tune.ts'
import { GPUBufferUsageBits, inMemoryScope, type Uploader } from './upload.ts'

/** What the compiler makes of a program; every variant of every call is one the device may use. */
export interface CompiledProgram {
  /** as it runs: with the buffers that the device needs beside the given ones */
  program: Program
  calls: KernelCall[]
  /** f32 buffers with a quantized copy */
  copies: ReadonlySet<BufferId>
  /** writes the rows of words [M, width] that the device does not hold; null where it holds them */
  gather: { width: number; rows: (ids: Int32Array) => Float32Array } | null
  /** makes the call that rounds the output to s8, its variants proven; none in sessions that prove kernels */
  quantizeOutput?: (activationScale: number | undefined) => Promise<KernelCall>
}

export interface GpuSession extends Session {
  /** As `run`, with the time between the pass's first and last dispatch; null where the adapter has no timestamps. */
  runTimed(batch: Batch): Promise<{ output: Float32Array; gpuMs: number | null }>
  /**
   * Times the variants of every linear layer at the batch's numbers of rows and keeps the fastest that agrees with the
   * default, for later sessions too. Returns what was timed: nothing on software adapters, on adapters without timestamps,
   * and for shapes whose choice is known.
   */
  tune(batch: Batch): Promise<TunedShape[]>
}

interface ReadyVariant extends CallVariant {
  pipeline: GPUComputePipeline
  bindGroup: GPUBindGroup | null
}

type ReadyCall = TunableCall<ReadyVariant>

interface Timer {
  set: GPUQuerySet
  buffer: GPUBuffer
}

/** An encoded batch, and the output that it makes. */
interface Recorded {
  rows: number
  width: number
  read(kind: 'buffer' | 'bytes' | 'scales', rowBytes: number): Promise<ArrayBuffer>
}

const LEAST_TOKENS = 64
const LEAST_SEQUENCES = 8

export class ProgramSession implements GpuSession {
  readonly #context: GpuContext
  readonly #program: Program
  #compiled: CompiledProgram
  readonly #uploader: Uploader
  readonly #calls: ReadyCall[]
  /** calls that round the output, by their scale */
  readonly #quantizers = new Map<number | undefined, ReadyCall>()
  readonly #guard: boolean
  readonly #tileSizes: number[]
  /** longer batches are cut between sequences, so that their activations fit into bindings */
  readonly #mostRows: number
  #capacity: Capacity = { M: 0, B: 0 }
  #arena: Arena | null = null
  #header: Header | null = null
  #timer: Timer | null = null
  #last: Capacity = { M: 0, B: 0 }
  #lastCalls = 0
  #queue: Promise<unknown> = Promise.resolve()
  #isDisposed = false

  private constructor(
    context: GpuContext,
    compiled: CompiledProgram,
    uploader: Uploader,
    calls: ReadyCall[],
    guard: boolean,
  ) {
    this.#context = context
    this.#program = compiled.program
    this.#compiled = compiled
    this.#uploader = uploader
    this.#calls = calls
    this.#guard = guard
    this.#mostRows = longestFitting(compiled.program, compiled.gather?.width ?? 0, context.maxBindingBytes)
    const sizes = calls.flatMap(({ variants }) =>
      variants.flatMap(({ slots }) => slots.flatMap((slot) => (slot?.from === 'tiles' ? [slot.queries] : []))),
    )
    // ascending: shape.w counts the smallest tiles, which the kernels that read it use
    this.#tileSizes = [...new Set(sizes)].sort((a, b) => a - b)
  }

  static async create(
    context: GpuContext,
    compiled: CompiledProgram,
    uploader: Uploader,
    options: LoadOptions,
  ): Promise<ProgramSession> {
    const calls = await Promise.all(compiled.calls.map((call) => readyCall(context, call)))
    return new ProgramSession(context, compiled, uploader, calls, options.guard ?? false)
  }

  async run(batch: Batch): Promise<Float32Array> {
    return (await this.#enqueue(batch, false)).output
  }

  runTimed(batch: Batch): Promise<{ output: Float32Array; gpuMs: number | null }> {
    return this.#enqueue(batch, this.#context.hasTimestamps)
  }

  runToInt8(batch: Batch, activationScale?: number): Promise<Int8Rows> {
    return this.#inTurn(batch, async () => {
      const quantizer = await this.#quantizerOf(activationScale)
      this.#lastCalls = 0
      const { output, buffers } = this.#program
      const { rows: kind, width } = buffers[output]
      const B = batch.offsets.length - 1
      const rows = kind === 'tokens' ? batch.offsets[B] : B
      const made = { data: new Int8Array(rows * width), scales: new Float32Array(rows) }
      let end = 0
      for (const part of splitBatch(this.#program, batch, this.#mostRows)) {
        if (part.offsets.length === 1) continue
        const { rows, read } = await this.#record(part, null, quantizer)
        const bytes = new Int8Array(await read('bytes', padded(width)))
        made.data.set(unpad(bytes, rows, padded(width), width), end * width)
        made.scales.set(new Float32Array(await read('scales', 4)), end)
        end += rows
      }
      return made
    })
  }

  /** The call that rounds the output; buffers for it are there from the next reservation on. */
  async #quantizerOf(activationScale: number | undefined): Promise<ReadyCall> {
    const { output } = this.#program
    let quantizer = this.#quantizers.get(activationScale)
    if (!quantizer) {
      quantizer = await readyCall(this.#context, await this.#compiled.quantizeOutput!(activationScale))
      this.#quantizers.set(activationScale, quantizer)
    }
    if (!this.#compiled.copies.has(output)) {
      this.#compiled = { ...this.#compiled, copies: new Set([...this.#compiled.copies, output]) }
      this.#release()
    }
    return quantizer
  }

  #enqueue(batch: Batch, isTimed: boolean): Promise<{ output: Float32Array; gpuMs: number | null }> {
    return this.#inTurn(batch, async () => {
      this.#lastCalls = 0
      const parts: { output: Float32Array; gpuMs: number | null }[] = []
      for (const part of splitBatch(this.#program, batch, this.#mostRows))
        parts.push(await this.#execute(part, isTimed))
      return joined(parts)
    })
  }

  /** Does what is to be done with a batch once all before it is done. */
  #inTurn<T>(batch: Batch, work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#isDisposed) throw new Error('WebGPU: this session was disposed')
      this.#context.check()
      checkBatch(this.#program, batch)
      try {
        return await work()
      } catch (error) {
        throw this.#context.explain(error)
      }
    })
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #execute(batch: Batch, isTimed: boolean): Promise<{ output: Float32Array; gpuMs: number | null }> {
    const { device, readback } = this.#context
    if (batch.offsets.length === 1) return { output: new Float32Array(0), gpuMs: isTimed ? 0 : null }
    const timer = isTimed ? this.#ensureTimer() : null
    const { rows, width, read } = await this.#record(batch, timer, null)
    const stride = padded(width)
    const output = unpad(new Float32Array(await read('buffer', stride * 4)), rows, stride, width)
    if (!timer) return { output, gpuMs: null }
    const times = new BigUint64Array(await readback.submitAndRead(device.createCommandEncoder(), timer.buffer, 0, 16))
    return { output, gpuMs: Number(times[1] - times[0]) / 1e6 }
  }

  /**
   * Encodes a batch that is not empty. The first `read` submits it; each reads the output's rows of so many bytes.
   * @param quantizer a call after all others
   */
  async #record(batch: Batch, timer: Timer | null, quantizer: ReadyCall | null): Promise<Recorded> {
    const { device, readback } = this.#context
    const B = batch.offsets.length - 1
    const M = batch.offsets[B]
    const { arena, header } = await this.#reserve(M, B)
    if (this.#guard) arena.fillPattern()
    this.#uploadInput(arena, batch)
    const tiles = header.write(batch)
    const tileCount = (queries: number): number => tiles.find((list) => list.queries === queries)!.count
    const grids = { tokens: { rows: M, tiles: tileCount }, sequences: { rows: B, tiles: tileCount } }
    let encoder: GPUCommandEncoder | null = device.createCommandEncoder()
    const pass = encoder.beginComputePass(
      timer ? { timestampWrites: { querySet: timer.set, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } } : {},
    )
    this.#encode(pass, grids)
    if (quantizer) {
      const variant = chosenVariant(quantizer, grids[quantizer.rows].rows)
      pass.setPipeline(variant.pipeline)
      // bound anew: few runs end so, and what it is bound to moves
      pass.setBindGroup(0, this.#bind(variant))
      pass.dispatchWorkgroups(...variant.workgroups(grids[quantizer.rows]))
      this.#lastCalls++
    }
    pass.end()
    if (timer) encoder.resolveQuerySet(timer.set, 0, 2, timer.buffer, 0)
    this.#last = { M, B }
    const { output, buffers } = this.#program
    const rows = buffers[output].rows === 'tokens' ? M : B
    return {
      rows,
      width: buffers[output].width,
      read: (kind, rowBytes) => {
        const { buffer, offset } = arena.part(kind, output)
        const commands = encoder ?? device.createCommandEncoder()
        encoder = null
        return readback.submitAndRead(commands, buffer, offset, rows * rowBytes)
      },
    }
  }

  tune(batch: Batch): Promise<TunedShape[]> {
    return this.#inTurn(batch, async () => {
      const found: TunedShape[] = []
      if (!this.#context.isTunable) return found
      for (const part of splitBatch(this.#program, batch, this.#mostRows)) found.push(...(await this.#tunePart(part)))
      return found
    })
  }

  async #tunePart(batch: Batch): Promise<TunedShape[]> {
    const B = batch.offsets.length - 1
    const rowsOf = { tokens: batch.offsets[B], sequences: B }
    if (rowsOf.tokens === 0) return []
    await this.#execute(batch, false)
    const arena = this.#arena!
    return tuneCalls(this.#calls, rowsOf, {
      context: this.#context,
      timer: this.#ensureTimer(),
      dispatch: (variant, rows) => ({
        pipeline: variant.pipeline,
        bindGroup: (variant.bindGroup ??= this.#bind(variant)),
        // neither linear layers nor what is beside them has attention tiles
        workgroups: variant.workgroups({ rows, tiles: () => 0 }),
      }),
      written: (id, rows) => {
        const { buffer, offset, rowBytes } = arena.part('buffer', id)
        return { buffer, offset, size: rows * rowBytes }
      },
    })
  }

  #encode(pass: GPUComputePassEncoder, grids: Record<'tokens' | 'sequences', Grid>): void {
    let current: GPUComputePipeline | null = null
    this.#recall(grids)
    const chosen = chooseVariants(this.#calls, { tokens: grids.tokens.rows, sequences: grids.sequences.rows })
    for (const [i, variant] of chosen.entries()) {
      if (!variant) continue
      this.#lastCalls++
      variant.bindGroup ??= this.#bind(variant)
      if (variant.pipeline !== current) pass.setPipeline((current = variant.pipeline))
      pass.setBindGroup(0, variant.bindGroup)
      pass.dispatchWorkgroups(...variant.workgroups(grids[this.#calls[i].rows]))
    }
  }

  /** Choices that were timed before, here or in an earlier session. */
  #recall(grids: Record<'tokens' | 'sequences', Grid>): void {
    if (!this.#context.isTunable) return
    for (const [i, { tuning, tuned, rows }] of this.#calls.entries()) {
      const count = grids[rows].rows
      if (!tuning || tuned.has(rowClass(count))) continue
      const candidates = candidatesAt(this.#calls, i, count)
      tuned.set(rowClass(count), this.#context.tuning.chosen(tuning.shape, count, candidates))
    }
  }

  #bind({ pipeline, slots }: ReadyVariant): GPUBindGroup {
    const entries = slots.flatMap((slot, binding) => (slot ? [{ binding, resource: this.#resource(slot) }] : []))
    return this.#context.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries })
  }

  #resource(slot: NonNullable<Slot>): GPUBufferBinding {
    const header = this.#header!
    const arena = this.#arena!
    switch (slot.from) {
      case 'shape':
        return header.binding(slot.rows === 'tokens' ? 'tokenShape' : 'sequenceShape')
      case 'offsets':
      case 'tokens':
        return header.binding(slot.from)
      case 'tiles':
        return header.binding(`tiles${slot.queries}`)
      case 'gathered':
        return arena.binding('gathered', 0)
      case 'weight':
        return { buffer: slot.buffer }
      case 'unused':
        return { buffer: this.#context.unused[slot.index] }
      case 'buffer':
      case 'bytes':
      case 'scales':
        return arena.binding(slot.from, slot.id)
    }
  }

  /** Buffers for M tokens and B sequences; grown ones replace all, and all bind groups with them. */
  async #reserve(M: number, B: number): Promise<{ arena: Arena; header: Header }> {
    if (this.#arena && this.#header && M <= this.#capacity.M && B <= this.#capacity.B)
      return { arena: this.#arena, header: this.#header }
    const before = this.#capacity
    this.#release()
    const capacity = {
      // a longer sequence alone is refused by the arena
      M: Math.max(M, Math.min(this.#mostRows, bucket(Math.max(M, before.M), LEAST_TOKENS))),
      B: bucket(Math.max(B, before.B), LEAST_SEQUENCES),
    }
    const { gather, copies } = this.#compiled
    const { device, maxBindingBytes } = this.#context
    const options = { copies, gatheredWidth: gather?.width ?? 0, guard: this.#guard, maxBindingBytes }
    const { made, refusal } = inMemoryScope(device, () => ({
      arena: (this.#arena = new Arena(device, this.#program, capacity, options)),
      header: (this.#header = new Header(device, capacity.M, capacity.B, this.#tileSizes, gather !== null)),
    }))
    const error = await refusal
    if (error) {
      this.#release()
      throw new Error(
        `WebGPU: the device has no memory for the ${made.arena.total} bytes that ${M} tokens in ${B} sequences need beside the weights; use smaller batches (${error.message})`,
      )
    }
    this.#capacity = capacity
    for (const { variants } of this.#calls) for (const variant of variants) variant.bindGroup = null
    return made
  }

  #uploadInput(arena: Arena, { ids, rows }: Batch): void {
    const { input, buffers } = this.#program
    const { gather } = this.#compiled
    if (input === 'ids') {
      if (gather) arena.upload(arena.part('gathered', 0), gather.rows(ids!), gather.width)
      return
    }
    const { width } = buffers[input]
    if (rows instanceof Float32Array) arena.upload(arena.part('buffer', input), rows, width)
    else if (rows) {
      arena.upload(arena.part('bytes', input), rows.data, width)
      arena.upload(arena.part('scales', input), rows.scales, 1)
    }
  }

  #ensureTimer(): Timer {
    const { QUERY_RESOLVE, COPY_SRC } = GPUBufferUsageBits
    const { device } = this.#context
    return (this.#timer ??= {
      set: device.createQuerySet({ type: 'timestamp', count: 2 }),
      buffer: device.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC }),
    })
  }

  stats(): SessionStats {
    return { weightBytes: this.#uploader.bytes, arenaBytes: this.#arena?.total ?? 0, calls: this.#lastCalls }
  }

  async checkGuards(): Promise<string[]> {
    if (!this.#guard) throw new Error('WebGPU: the program was not loaded with { guard: true }')
    await this.#queue
    return this.#arena ? this.#arena.damage(this.#context.readback, this.#last) : []
  }

  #release(): void {
    this.#arena?.dispose()
    this.#header?.buffer.destroy()
    this.#arena = null
    this.#header = null
    this.#capacity = { M: 0, B: 0 }
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  dispose(): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    // a run in progress ends first
    void this.#queue.then(() => {
      this.#release()
      this.#timer?.set.destroy()
      this.#timer?.buffer.destroy()
      this.#uploader.dispose()
    })
  }
}

/** Outputs of the parts of one batch, one after another. */
function joined(parts: { output: Float32Array; gpuMs: number | null }[]): {
  output: Float32Array
  gpuMs: number | null
} {
  if (parts.length === 1) return parts[0]
  const output = new Float32Array(parts.reduce((sum, part) => sum + part.output.length, 0))
  let end = 0
  let gpuMs: number | null = 0
  for (const part of parts) {
    output.set(part.output, end)
    end += part.output.length
    gpuMs = gpuMs === null || part.gpuMs === null ? null : gpuMs + part.gpuMs
  }
  return { output, gpuMs }
}

/** Rows without their padding. */
function unpad<A extends Float32Array | Int8Array>(values: A, rows: number, stride: number, width: number): A {
  if (stride === width) return values
  for (let row = 0; row < rows; row++) values.copyWithin(row * width, row * stride, row * stride + width)
  return values.slice(0, rows * width) as A
}

/** With its variants' pipelines, bound to nothing yet. */
async function readyCall(
  context: GpuContext,
  { rows, readers, writer, tuning, variants }: KernelCall,
): Promise<ReadyCall> {
  const tuned = new Map<number, ReadyVariant | null>()
  const ready = variants.map(async (variant) => ({
    ...variant,
    pipeline: await context.pipeline(variant.row, variant.constants),
    bindGroup: null,
  }))
  return { rows, readers, writer, tuning, tuned, variants: await Promise.all(ready) }
}
