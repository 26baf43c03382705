// A program loaded on the WebAssembly device: packed weights, buffers for the largest batch seen, one tape per shape of
// batch, which is written once and kept.

import type { Int8Rows, LoadOptions, Session, SessionMemory, SessionStats } from '../program/device.ts'
import { fixedScale } from '../program/quantization.ts'
import { turns } from '../program/turns.ts'
import { checkBatch, type Batch, type BufferId, type Op, type Program } from '../program/program.ts'
import { readWeight, reusedPlace, withoutWeights, type StoredProgram } from '../program/stored-weights.ts'
import {
  rowsOf,
  shapeOf,
  type BatchShape,
  type BufferView,
  type EncodeContext,
  type LoadContext,
  type Lowered,
} from './lowered.ts'
import { BLOCK_PADDING, CACHE_LINE_BYTES, REQUANTIZE_ROWS } from './abi.ts'
import { Regions } from './regions.ts'
import type { Job, ThreadPool } from './pool.ts'
import { TapeWriter } from './tape.ts'
import { assignBlocked, walkLayouts } from './layouts.ts'
import { assignSlots, type Slot } from './liveness.ts'
import { lowerOp, type Before, type PackableOp } from './lower.ts'
import { denseWhereFaster } from './store-dense.ts'
import type { ChosenVariants } from './variant.ts'
import { Work } from './work.ts'

interface Region {
  address: number
  bytes: number
}

/** Shapes whose tapes are kept: tapes of 12 layers take about 8 kB. */
const MOST_PLANS = 64

/** What running a batch of one shape takes, but for its contents. Holds addresses: void once a region has moved. */
interface Plan {
  tape: Int32Array
  records: number
  /** record number (1-based) of each op's last record, for error messages */
  lastRecord: number[]
  scratchBytes: number
}

export class WasmSession implements Session {
  /** sparse layers that run as dense ones (store-dense.ts) */
  readonly denseLayers: number
  #program: Program
  #pool: ThreadPool
  #regions: Regions
  #lowered: Lowered[]
  /** of each op, whether its output is in token blocks */
  #blocked: boolean[]
  #slots: Slot[]
  #slotOf: number[]
  /** regions that grow with the batch, by name */
  #grown = new Map<string, Region>()
  #writer = new TapeWriter()
  /** by tokens, sequences, longest and threads: all that a tape depends on, since kernels read the offsets themselves */
  #plans = new Map<string, Plan>()
  /** the plan of the last run */
  #plan: Plan | null = null
  #shareFrom: number
  #work: Work
  #disposed = false

  /**
   * Reads and packs one op's weights after the other: beside the packed ones, the host holds those of one op.
   *
   * @param shareFrom multiply-adds of a batch from which all threads run it
   */
  static async create(
    program: StoredProgram,
    pool: ThreadPool,
    variants: ChosenVariants,
    shareFrom: number,
    options: LoadOptions,
  ): Promise<WasmSession> {
    const regions = new Regions(pool.memory, options.guard ?? false)
    const load: LoadContext = {
      memory: pool.memory,
      variants,
      allocateWeights: (name, bytes) => regions.allocate(`weights ${name}`, bytes),
    }
    const slots = assignSlots(program)
    const work = new Work()
    const lowered: Lowered[] = []
    const ops: Op[] = []
    let denseLayers = 0
    try {
      const before: Before = { tables: new Map(), ofInt8: new Set(), weights: new Map() }
      // one is read while the one before is packed
      const places = [reusedPlace(), reusedPlace()]
      const read = async (at: number): Promise<PackableOp | null> => {
        const op = program.ops[at]
        if (op?.kind !== 'linear') return op ?? null
        return { ...op, weight: await readWeight(op.weight, places[at % 2]) }
      }
      let next = read(0)
      const turn = turns(options.signal)
      for (let at = 0; at < program.ops.length; at++) {
        const given = (await next)!
        next = read(at + 1)
        // awaited in the next round, unless this op's packing throws
        next.catch(() => {})
        await turn()
        const op = denseWhereFaster(given, variants)
        if (op !== given) denseLayers++
        lowered.push(await lowerOp(op, at, load, program, before))
        work.add(op, program.buffers)
        ops.push(withoutWeights(op))
      }
    } catch (error) {
      regions.freeAll()
      throw error
    }
    return new WasmSession({ ...program, ops }, pool, regions, slots, lowered, work, shareFrom, denseLayers)
  }

  private constructor(
    program: Program,
    pool: ThreadPool,
    regions: Regions,
    { slotOf, slots }: ReturnType<typeof assignSlots>,
    lowered: Lowered[],
    work: Work,
    shareFrom: number,
    denseLayers: number,
  ) {
    this.#program = program
    this.#pool = pool
    this.#regions = regions
    this.#slotOf = slotOf
    this.#slots = slots
    this.#lowered = lowered
    this.#blocked = assignBlocked(program.ops, program.output, lowered)
    this.#work = work
    this.#shareFrom = shareFrom
    this.denseLayers = denseLayers
  }

  run(batch: Batch): Promise<Float32Array> {
    const { output, buffers } = this.#program
    return this.#execute(batch, null, (rows) =>
      // before the first batch there is no memory
      this.#pool.memory.f32(rows > 0 ? this.#slotRegion(output) : 0, rows * buffers[output].width).slice(),
    )
  }

  runToInt8(batch: Batch, activationScale?: number): Promise<Int8Rows> {
    return this.#execute(batch, fixedScale(activationScale).scale, (rows) => {
      const { data, scales } = this.#outputInt8(rows)
      return { data: data.slice(), scales: scales.slice() }
    })
  }

  /** @param int8Scale of s8 output rows (0: each has its own), or null for f32 ones */
  #execute<T>(batch: Batch, int8Scale: number | null, read: (rows: number) => T): Promise<T> {
    return this.#pool.enqueue(async () => {
      this.#check()
      checkBatch(this.#program, batch)
      const shape = shapeOf(batch)
      const rows = rowsOf(this.#program.buffers[this.#program.output].rows, shape)
      if (rows > 0) await this.#runJob(this.#prepare(batch, shape, int8Scale))
      return read(rows)
    })
  }

  #runJob(job: Job): Promise<void> {
    return this.#pool.run(0, job, (record) => this.#describe(record))
  }

  #check(): void {
    if (this.#disposed) throw new Error('session: it was disposed')
  }

  async memory(rows: number): Promise<SessionMemory> {
    const { sessionMemory } = await import('./session-memory.ts')
    return sessionMemory(this.#program, rows, {
      memory: this.#pool.memory,
      prepare: (batch, int8Scale, isRun) =>
        this.#pool.enqueue(() => {
          this.#check()
          const job = this.#prepare(batch, shapeOf(batch), int8Scale)
          return isRun ? this.#runJob(job) : undefined
        }),
      address: (which) => {
        this.#check()
        return this.#slotRegion(this.#program[which] as BufferId)
      },
      inputScales: () => this.#grown.get('input scales')!.address,
      outputInt8: (count) => {
        this.#check()
        return this.#outputInt8(count)
      },
    })
  }

  /** s8 [rows, width] and their scales in place: the last ones that were asked for */
  #outputInt8(rows: number): Int8Rows {
    const { output, buffers } = this.#program
    const at = (name: string): number => this.#grown.get(name)?.address ?? 0
    return {
      data: this.#pool.memory.s8(at('s8 rows'), rows * buffers[output].width),
      scales: this.#pool.memory.f32(at('s8 scales'), rows),
    }
  }

  stats(): SessionStats {
    return {
      weightBytes: this.#regions.bytes((name) => name.startsWith('weights ')),
      arenaBytes: this.#regions.bytes((name) => !name.startsWith('weights ')),
      calls: this.#plan?.records ?? 0,
    }
  }

  async checkGuards(): Promise<string[]> {
    return this.#regions.damage()
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    void this.#pool.enqueue(() => this.#regions.freeAll())
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #describe(record: number): string {
    const op = this.#plan!.lastRecord.findIndex((last) => record <= last)
    return op < 0 ? 'the end of the tape' : `op ${op}, ${this.#program.ops[op].kind}`
  }

  /** Address of a region of at least `bytes`, which it keeps until a batch needs more. */
  #region(name: string, bytes: number): number {
    const held = this.#grown.get(name)
    if (held && held.bytes >= bytes) return held.address
    if (held) this.#regions.free(held.address)
    this.#grown.delete(name)
    this.#plans.clear()
    const address = this.#regions.allocate(name, bytes)
    this.#grown.set(name, { address, bytes })
    return address
  }

  #slotRegion(id: BufferId): number {
    return this.#grown.get(`buffer ${this.#slotOf[id]}`)!.address
  }

  /** Makes memory ready for the batch, copies its inputs and its tape in. */
  #prepare(batch: Batch, shape: BatchShape, int8Scale: number | null): Job {
    const threads = this.#work.of(shape) < this.#shareFrom ? 1 : this.#pool.threads
    const key = `${shape.tokens} ${shape.sequences} ${shape.longest} ${threads} ${int8Scale}`
    let plan = this.#plans.get(key)
    if (plan) this.#placeInputs(batch, shape)
    else {
      plan = this.#makePlan(batch, shape, threads, int8Scale)
      if (this.#plans.size === MOST_PLANS) this.#plans.delete(this.#plans.keys().next().value!)
      this.#plans.set(key, plan)
    }
    this.#plan = plan
    const { memory } = this.#pool
    const tape = this.#grown.get('tape')!.address
    memory.i32(tape, plan.tape.length).set(plan.tape)
    return { tape, scratch: this.#grown.get('scratch')!.address, scratchBytes: plan.scratchBytes, threads }
  }

  /** Places all regions for a batch of this shape and the batch's inputs, and writes its tape. */
  #makePlan(batch: Batch, shape: BatchShape, threads: number, int8Scale: number | null): Plan {
    let scratchBytes = CACHE_LINE_BYTES
    const copies = new Map<string, number>()
    const layouts = walkLayouts(this.#program, this.#blocked, shape)
    this.#lowered.forEach((lowered, at) => {
      layouts.enter(at)
      const needs = lowered.needs(shape, threads, layouts.layoutOf)
      scratchBytes = Math.max(scratchBytes, needs.scratchBytes ?? 0)
      if (needs.copy) copies.set(needs.copy, Math.max(copies.get(needs.copy) ?? 0, needs.copyBytes ?? 0))
    })
    scratchBytes = Math.ceil(scratchBytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES
    this.#region('scratch', scratchBytes * threads)
    for (const [copy, bytes] of copies) this.#region(`copy ${copy}`, bytes)
    for (const [slot, length] of this.#slotLengths(shape).entries()) this.#region(`buffer ${slot}`, length * 4)
    const context = this.#context(shape, threads, this.#placeInputs(batch, shape))
    const lastRecord = this.#program.ops.map((_, at) => {
      context.enter(at)
      this.#lowered[at].encode(context)
      context.written(this.#program.ops[at].output)
      return this.#writer.records
    })
    if (int8Scale !== null) this.#requantize(shape, int8Scale)
    const tape = this.#writer.finish().slice()
    this.#region('tape', tape.byteLength)
    return { tape, records: this.#writer.records, lastRecord, scratchBytes }
  }

  /** Adds the record that rounds the output. */
  #requantize(shape: BatchShape, int8Scale: number): void {
    const { output, buffers } = this.#program
    const { width } = buffers[output]
    const rows = rowsOf(buffers[output].rows, shape)
    const source = this.#slotRegion(output)
    const target = this.#region('s8 rows', rows * width)
    const targetScales = this.#region('s8 scales', rows * 4)
    const { scale, inverse } = fixedScale(int8Scale || undefined)
    const fields = { M: rows, K: width, source, target, targetScales, scale, inverse }
    this.#writer.record(REQUANTIZE_ROWS, fields, [source], [target])
  }

  /** Elements of each slot's memory; token blocks may hold a few tokens that there are not. */
  #slotLengths(shape: BatchShape): number[] {
    const padding = this.#blocked.includes(true) ? BLOCK_PADDING : 0
    return this.#slots.map(({ rows, width }) => (rowsOf(rows, shape) + padding) * width)
  }

  /** Copies a batch's inputs in; under guard fills all buffers with NaN first. */
  #placeInputs(batch: Batch, shape: BatchShape): { offsets: number; ids: number; types: number; scales: number } {
    const memory = this.#pool.memory
    const place = (name: string, values: Int32Array | Float32Array | undefined): number => {
      if (!values) return 0
      const address = this.#region(name, values.byteLength)
      if (values instanceof Int32Array) memory.i32(address, values.length).set(values)
      else memory.f32(address, values.length).set(values)
      return address
    }
    if (this.#regions.isGuarded)
      for (const [slot, length] of this.#slotLengths(shape).entries())
        memory.f32(this.#grown.get(`buffer ${slot}`)!.address, length).fill(NaN)
    let scales = 0
    if (this.#program.input !== 'ids' && batch.rows) {
      const target = this.#slotRegion(this.#program.input)
      if (batch.rows instanceof Float32Array) memory.f32(target, batch.rows.length).set(batch.rows)
      else {
        memory.s8(target, batch.rows.data.length).set(batch.rows.data)
        scales = place('input scales', batch.rows.scales)
      }
    } else if (this.#program.input !== 'ids' && this.#program.buffers[this.#program.input].dtype === 's8')
      scales = this.#region('input scales', shape.tokens * 4)
    const usesIds = this.#program.input === 'ids'
    return {
      offsets: place('offsets', shape.offsets),
      ids: place('ids', usesIds ? batch.ids : undefined),
      types: place('types', usesIds ? batch.types : undefined),
      scales,
    }
  }

  #context(
    shape: BatchShape,
    threads: number,
    inputs: { offsets: number; ids: number; types: number; scales: number },
  ): EncodeContext & { enter(at: number): void; written(id: BufferId): void } {
    this.#writer.reset()
    const { enter, layoutOf } = walkLayouts(this.#program, this.#blocked, shape)
    const { buffers, input } = this.#program
    /** copy -> the buffer it holds, and with which scale */
    const held = new Map<string, { source: BufferId; scale: number }>()
    return {
      tape: this.#writer,
      shape,
      threads,
      offsets: inputs.offsets,
      ids: inputs.ids,
      types: inputs.types,
      buffer: (id): BufferView => ({
        address: this.#slotRegion(id),
        scales: id === input ? inputs.scales : 0,
        ...layoutOf(id),
        width: buffers[id].width,
      }),
      enter,
      derived: (id, copy, make, scale = 0) => {
        const address = this.#grown.get(`copy ${copy}`)!.address
        const { source, scale: present } = held.get(copy) ?? {}
        if (source !== id || present !== scale) make(address)
        held.set(copy, { source: id, scale })
        return address
      },
      written: (id) => {
        for (const [copy, { source }] of held) if (source === id) held.delete(copy)
      },
    }
  }
}
