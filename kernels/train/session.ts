// A model in training: parameters, moments and activations in one WebAssembly memory; a step is one tape on all threads.

import { WASM } from '../generated/wasm-train.ts'
import {
  compileEmbedded,
  hasRelaxedSimd,
  hasSharedMemory,
  hasSimd,
  Regions,
  TapeWriter,
  ThreadPool,
  WasmMemory,
  type BuildName,
} from '../runtime/wasm/index.ts'
import { checkGoal, checkTrainBatch, dropoutKey, type Dropout, type LossTarget, type TrainBatch } from './batch.ts'
import type { FakeQuantize } from './fake-quantize.ts'
import { HeldGradients } from './held.ts'
import { layoutOf, type Layout, type TrainShape } from './layout.ts'
import { scratchBytes } from './scratch.ts'
import { stateChunks, type StateWords } from './tape-states.ts'
import {
  partialCount,
  StepEncoder,
  type BatchSize,
  type DropWords,
  type OptimizerWords,
  type StepMemory,
} from './tape.ts'

export interface TrainSessionOptions {
  /** default: the engine's cores, at most 8; 1 where there is no shared memory */
  threads?: number
  /** 'auto': relaxed SIMD where the engine has it */
  build?: 'auto' | 'baseline' | 'relaxed'
  /** tests only: guard bands around every buffer */
  guard?: boolean
  /** every pass, forward alone too, computes with rounded operands */
  fakeQuantize?: FakeQuantize
  /** no room for gradients and moments: a model that is only run, as a teacher is */
  isForwardOnly?: boolean
}

export interface AdamW {
  learningRate: number
  beta1: number
  beta2: number
  epsilon: number
  /** decoupled: weights shrink by rate * decay; biases and norms do not */
  weightDecay: number
  /** gradients of a larger norm are scaled down to it; Infinity for none */
  clipNorm: number
}

/** All numbers that are trained. */
export interface Parameters {
  /** f32 [words, C] */
  words: Float32Array
  /** as the layout says */
  rest: Float32Array
}

/** All that steps change: a session that takes it goes on with the same bits. */
export interface SessionState {
  parameters: Parameters
  firstMoments: Parameters
  secondMoments: Parameters
  /** updates so far: AdamW corrects its moments by their number */
  steps: number
}

/** Elements of one weight that stay zero. */
export interface PlacedMask {
  /** first element in the layout's vector */
  offset: number
  /** 0 = zero */
  mask: Uint8Array
}

/** Sums over the rows x [K] that enter a linear layer. */
export interface InputStatistics {
  rows: number
  K: number
  /** sum of x x^T, f32 [K, K] */
  gram: Float32Array
  /** sum of x, f32 [K] */
  sum: Float32Array
  /** largest |x| per input, f32 [K] */
  largest: Float32Array
}

/** A record of a step's tape that ran by itself. */
export interface TimedRecord {
  /** kernels/train/opcodes.ts */
  opcode: number
  /** its arguments, as assembly/train says */
  words: Int32Array
  ms: number
}

/** What of a step's memory differs from batch to batch. */
type OfBatch = Pick<StepMemory, 'offsets' | 'ids' | 'kinds' | 'places' | 'slots' | 'touched'>

/** Loads of partial tiles run up to 32 bytes past a region; guard bands stand there in tests. */
const PADDING = 64
const MAX_DEFAULT_THREADS = 8

export class TrainSession {
  readonly layout: Layout
  #pool: ThreadPool
  #regions: Regions
  #tape = new TapeWriter()
  #grown = new Map<string, { address: number; bytes: number }>()
  #fixed: Record<'parameters' | 'gradients' | 'firstMoments' | 'secondMoments', number>
  #words: Record<'words' | 'wordFirstMoments' | 'wordSecondMoments', number>
  #masks: OptimizerWords['masks'] = []
  /** row of the touched words by id, of the last batch */
  #slots: Int32Array
  /** ids of the rows in `dwords`: of the last batch that gradients were made of */
  #touchedIds: Int32Array | null = null
  #steps = 0
  #held: HeldGradients | null = null
  #fake: FakeQuantize
  #isForwardOnly: boolean

  private constructor(shape: TrainShape, pool: ThreadPool, options: TrainSessionOptions) {
    this.layout = layoutOf(shape)
    this.#pool = pool
    this.#regions = new Regions(pool.memory, options.guard ?? false)
    this.#fake = options.fakeQuantize ?? { linears: false }
    this.#isForwardOnly = options.isForwardOnly ?? false
    const vector = (name: string, length: number): number => {
      const address = this.#regions.allocate(name, length * 4 + this.#padding)
      pool.memory.f32(address, length).fill(0)
      return address
    }
    const { length } = this.layout
    const table = shape.words * shape.hidden
    const learned = (name: string, length: number): number => (this.#isForwardOnly ? 0 : vector(name, length))
    this.#fixed = {
      parameters: vector('parameters', length),
      gradients: learned('gradients', length),
      firstMoments: learned('first moments', length),
      secondMoments: learned('second moments', length),
    }
    this.#words = {
      words: vector('words', table),
      wordFirstMoments: learned('first moments of words', table),
      wordSecondMoments: learned('second moments of words', table),
    }
    this.#slots = new Int32Array(shape.words).fill(-1)
  }

  /** @throws where the engine has no SIMD, or the model does not fit its memory */
  static async create(shape: TrainShape, options: TrainSessionOptions = {}): Promise<TrainSession> {
    if (!hasSimd()) throw new Error('train: this engine has no WebAssembly SIMD; use a newer browser or Node')
    if (options.build === 'relaxed' && !hasRelaxedSimd())
      throw new Error("train: this engine has no relaxed SIMD; use build 'auto' or 'baseline'")
    const cores = globalThis.navigator?.hardwareConcurrency ?? 1
    const wanted = options.threads ?? Math.min(cores, MAX_DEFAULT_THREADS)
    const isShared = wanted > 1 && hasSharedMemory()
    const simd = options.build !== 'baseline' && hasRelaxedSimd() ? 'relaxed' : 'baseline'
    const name: BuildName = isShared ? `${simd}-shared` : simd
    const module = await compileEmbedded(WASM[name])
    const pool = await ThreadPool.create(new WasmMemory(isShared), module, isShared ? wanted : 1)
    try {
      return new TrainSession(shape, pool, options)
    } catch (error) {
      await pool.dispose()
      throw error
    }
  }

  get threads(): number {
    return this.#pool.threads
  }

  /** Copies parameters in; moments stay. */
  setParameters(parameters: Parameters): void {
    this.#write(this.#words.words, this.#fixed.parameters, parameters)
  }

  /** A copy of all parameters. */
  parameters(): Parameters {
    return this.#read(this.#words.words, this.#fixed.parameters)
  }

  /** A copy of all that steps change; masks are not in it. */
  state(): SessionState {
    this.#requireLearning()
    return {
      parameters: this.parameters(),
      firstMoments: this.#read(this.#words.wordFirstMoments, this.#fixed.firstMoments),
      secondMoments: this.#read(this.#words.wordSecondMoments, this.#fixed.secondMoments),
      steps: this.#steps,
    }
  }

  /** Takes over what `state` gave, of a session of the same shape; gradients that are held are dropped. */
  restore({ parameters, firstMoments, secondMoments, steps }: SessionState): void {
    this.#requireLearning()
    this.setParameters(parameters)
    this.#write(this.#words.wordFirstMoments, this.#fixed.firstMoments, firstMoments)
    this.#write(this.#words.wordSecondMoments, this.#fixed.secondMoments, secondMoments)
    this.#steps = steps
    this.#held?.clear()
  }

  /**
   * A copy of the last step's gradients, before clipping; rows of words that it did not touch are 0.
   * @throws where there was no step yet
   */
  gradients(): Parameters {
    const C = this.layout.shape.hidden
    const words = new Float32Array(this.#wordElements)
    const { rest, ids, rows } = this.#lastGradients()
    ids.forEach((id, row) => words.set(rows.subarray(row * C, row * C + C), id * C))
    return { words, rest: rest.slice() }
  }

  /** Views of the last step's gradients: the vector, and the rows [ids, C] of the words touched. */
  #lastGradients(): { rest: Float32Array; ids: Int32Array; rows: Float32Array } {
    const ids = this.#touchedIds
    if (!ids) throw new Error('train: there are no gradients yet; call step before')
    const { memory } = this.#pool
    const rows = memory.f32(this.#grown.get('dwords')!.address, ids.length * this.layout.shape.hidden)
    return { rest: memory.f32(this.#fixed.gradients, this.layout.length), ids, rows }
  }

  /**
   * Elements whose mask is 0 become 0, their moments too, and stay so: their gradients are 0, before clipping too. The
   * masks take the place of those before them; an element that is free again starts from 0.
   */
  setMasks(masks: readonly PlacedMask[]): void {
    this.#requireLearning()
    const { memory } = this.#pool
    for (const { address } of this.#masks) this.#regions.free(address)
    const { parameters, firstMoments, secondMoments } = this.#fixed
    this.#masks = masks.map(({ offset, mask }) => {
      const address = this.#regions.allocate('mask', mask.length)
      memory.u8(address, mask.length).set(mask)
      for (const vector of [parameters, firstMoments, secondMoments]) {
        const numbers = memory.f32(vector + offset * 4, mask.length)
        for (let i = 0; i < mask.length; i++) if (mask[i] === 0) numbers[i] = 0
      }
      return { address, offset, length: mask.length }
    })
  }

  /** Logits f32 [B, labels] without dropout. */
  async forward(batch: TrainBatch): Promise<Float32Array> {
    return this.#pool.enqueue(async () => {
      const { encoder, size } = this.#begin(batch, { keep: 1, key: () => 0 })
      return this.#run(encoder.forward(), size)
    })
  }

  /**
   * Hidden states f32 [M, C] of a batch without dropout.
   * @param layers 0: what the embeddings give, i: what layer i - 1 gives
   */
  async hiddenStates(batch: TrainBatch, layers: readonly number[]): Promise<Float32Array[]> {
    const { hidden: C, layers: all } = this.layout.shape
    for (const layer of layers)
      if (!(Number.isInteger(layer) && layer >= 0 && layer <= all.length))
        throw new Error(`train: there is no hidden state ${layer}; there are 0 (embeddings) to ${all.length}`)
    return this.#pool.enqueue(async () => {
      const { encoder, size } = this.#begin(batch, { keep: 1, key: () => 0 })
      await this.#run(encoder.forward(), size)
      return layers.map((layer) => this.#pool.memory.f32(encoder.state(layer), size.tokens * C).slice())
    })
  }

  /**
   * What enters each linear layer of a batch, without dropout: by input (`layer.0.qkv`, ..., `classifier`: Linear.input),
   * summed over the rows that the layer sees. Sums of one batch are f32; add batches up in f64.
   */
  async inputStatistics(batch: TrainBatch): Promise<Map<string, InputStatistics>> {
    return this.#pool.enqueue(async () => {
      const { encoder, size } = this.#begin(batch, { keep: 1, key: () => 0 })
      const logits = encoder.forward()
      const wanted = encoder.statistics()
      await this.#run(logits, size)
      const { memory } = this.#pool
      return new Map(
        wanted.map(({ input, rows, K, x, gram, sum }) => {
          const largest = new Float32Array(K)
          const inputs = memory.f32(x, rows * K)
          for (let i = 0; i < inputs.length; i++) largest[i % K] = Math.max(largest[i % K], Math.abs(inputs[i]))
          return [input, { rows, K, gram: memory.f32(gram, K * K).slice(), sum: memory.f32(sum, K).slice(), largest }]
        }),
      )
    })
  }

  /**
   * Forward, backward, and where `adam` is given one update.
   *
   * @returns logits f32 [B, labels] of the forward pass, the gradient's norm before clipping (NaN without `adam`), and the
   * loss of hidden states, which lossOf of the logits has not
   * @throws where the goal does not fit, or the session is forward only
   */
  async step(
    batch: TrainBatch,
    goal: LossTarget,
    dropout: Dropout | null,
    adam: AdamW | null,
  ): Promise<{ logits: Float32Array; norm: number; stateLoss: number }> {
    return this.#pool.enqueue(() => this.#step(batch, goal, dropout, adam))
  }

  /**
   * Forward and backward; adds `share` times the gradients to those held for `update`. Shares of one update add up to 1:
   * a batch's part of its sequences.
   *
   * @returns as `step`
   */
  async accumulate(
    batch: TrainBatch,
    goal: LossTarget,
    dropout: Dropout | null,
    share: number,
  ): Promise<{ logits: Float32Array; stateLoss: number }> {
    return this.#pool.enqueue(async () => {
      const found = await this.#step(batch, goal, dropout, null)
      const { rest, ids, rows } = this.#lastGradients()
      this.#held ??= new HeldGradients(rest.length)
      this.#held.add(share, rest, ids, rows)
      return found
    })
  }

  /** One update with the gradients held. @returns their norm before clipping @throws where none are held */
  async update(adam: AdamW): Promise<number> {
    return this.#pool.enqueue(async () => {
      const held = this.#held
      if (!held?.count) throw new Error('train: no gradients are held; call accumulate before update')
      const { rest, ids, rows } = held.sums()
      const { memory } = this.#pool
      memory.f32(this.#fixed.gradients, rest.length).set(rest)
      this.#place('dwords', rows)
      this.#touchedIds = ids
      const size = { tokens: 0, sequences: 0, longest: 1, touched: ids.length }
      const none = { offsets: 0, ids: 0, kinds: 0, places: 0, slots: 0 }
      const factor = this.#region('factor', 8)
      this.#tape.reset()
      this.#encoder({ ...none, touched: this.#place('touched', ids) }, size, dropWords(null)).update(
        this.#optimizerWords(adam, size, factor),
      )
      // there are no sequences, so no logits are read
      await this.#run(0, size)
      held.clear()
      return memory.f32(factor, 2)[1]
    })
  }

  /** For benches: a step whose records run and are timed one by one; each wakes the threads, which takes some microseconds. */
  async profile(batch: TrainBatch, goal: LossTarget, dropout: Dropout | null, adam: AdamW): Promise<TimedRecord[]> {
    return this.#pool.enqueue(async () => {
      const { size } = this.#encodeStep(batch, goal, dropout, adam)
      const words = this.#tape.finish()
      const tape = this.#region('tape', words.byteLength)
      const job = { tape, ...this.#scratch(size) }
      const end = words.subarray(words.length - 2)
      const records: TimedRecord[] = []
      for (let at = 0; at < words.length - 2; at += words[at + 1]) {
        const record = words.subarray(at, at + words[at + 1])
        this.#pool.memory.i32(tape, record.length).set(record)
        this.#pool.memory.i32(tape + record.byteLength, end.length).set(end)
        const begin = performance.now()
        await this.#pool.run(0, job)
        records.push({ opcode: record[0] & 0xffff, words: record.slice(2), ms: performance.now() - begin })
      }
      return records
    })
  }

  /** Tests only, of a guarded session: what was written outside the buffers. */
  damage(): string[] {
    return this.#regions.damage()
  }

  /** Ends the threads and gives up the memory. */
  async dispose(): Promise<void> {
    await this.#pool.dispose()
  }

  get #padding(): number {
    return this.#regions.isGuarded ? 0 : PADDING
  }

  #requireLearning(): void {
    if (this.#isForwardOnly) throw new Error('train: this session is forward only; open one without isForwardOnly')
  }

  get #wordElements(): number {
    return this.layout.shape.words * this.layout.shape.hidden
  }

  async #step(
    batch: TrainBatch,
    goal: LossTarget,
    dropout: Dropout | null,
    adam: AdamW | null,
  ): Promise<{ logits: Float32Array; norm: number; stateLoss: number }> {
    const { logits, size, factor, states } = this.#encodeStep(batch, goal, dropout, adam)
    const found = await this.#run(logits, size)
    const norm = adam ? this.#pool.memory.f32(factor, 2)[1] : NaN
    return { logits: found, norm, stateLoss: states ? this.#stateLoss(states, size.tokens) : 0 }
  }

  #stateWords({ weight, teacher }: { weight: number; teacher: Float32Array[] }, tokens: number): StateWords {
    const partials = teacher.map((rows, j) =>
      this.#region(`state sums ${j}`, stateChunks(tokens, rows.length / tokens) * 8),
    )
    return { teacher: teacher.map((rows, j) => this.#place(`teacher state ${j}`, rows)), weight, partials }
  }

  #stateLoss({ weight, partials }: StateWords, tokens: number): number {
    const { matches = [] } = this.layout.shape
    return matches.reduce((loss, { width }, j) => {
      const sums = this.#pool.memory.f64(partials[j], stateChunks(tokens, width))
      return loss + (weight * sums.reduce((total, sum) => total + sum, 0)) / (tokens * width)
    }, 0)
  }

  #optimizerWords(adam: AdamW, size: BatchSize, factor: number): OptimizerWords {
    const t = ++this.#steps
    const rate = adam.learningRate / (1 - adam.beta1 ** t)
    const root = 1 / Math.sqrt(1 - adam.beta2 ** t)
    const settings = Float32Array.of(adam.beta1, adam.beta2, root, adam.epsilon, rate)
    return {
      settings: this.#place('settings', settings),
      decay: 1 - adam.learningRate * adam.weightDecay,
      clipNorm: adam.clipNorm,
      masks: this.#masks,
      partials: this.#region('partials', partialCount(this.layout, size.touched) * 8),
      factor,
    }
  }

  #encodeStep(
    batch: TrainBatch,
    goal: LossTarget,
    dropout: Dropout | null,
    adam: AdamW | null,
  ): { logits: number; size: BatchSize; factor: number; states: StateWords | null } {
    this.#requireLearning()
    checkGoal(this.layout.shape, batch, goal)
    const { encoder, size, touched } = this.#begin(batch, dropWords(dropout))
    this.#touchedIds = touched
    const logits = encoder.forward()
    const B = size.sequences
    const states = goal.states ? this.#stateWords(goal.states, size.tokens) : null
    const square = goal.logitMse
    encoder.backward({
      target: this.#place('target', goal.target),
      teacher: goal.teacher ? this.#place('teacher', goal.teacher) : 0,
      hardShare: (goal.teacher ? goal.alpha : 1) / B,
      softShare: ((1 - goal.alpha) * goal.temperature) / B,
      inverseT: 1 / goal.temperature,
      teacherLogits: square ? this.#place('teacher logits', square.logits) : 0,
      squareShare: (2 * (square?.weight ?? 0)) / (B * this.layout.shape.labels),
      states,
    })
    const factor = this.#region('factor', 8)
    if (adam) encoder.update(this.#optimizerWords(adam, size, factor))
    return { logits, size, factor, states }
  }

  #scratch({ longest }: BatchSize): { scratch: number; scratchBytes: number } {
    const bytes = scratchBytes(this.layout.shape, longest)
    return { scratch: this.#region('scratch', bytes * this.#pool.threads), scratchBytes: bytes }
  }

  async #run(logits: number, size: BatchSize): Promise<Float32Array> {
    const { memory } = this.#pool
    const scratch = this.#scratch(size)
    const words = this.#tape.finish()
    const tape = this.#region('tape', words.byteLength)
    memory.i32(tape, words.length).set(words)
    await this.#pool.run(0, { tape, ...scratch })
    return memory.f32(logits, size.sequences * this.layout.shape.labels).slice()
  }

  /** Copies the batch in. */
  #begin(batch: TrainBatch, drop: DropWords): { encoder: StepEncoder; size: BatchSize; touched: Int32Array } {
    checkTrainBatch(this.layout.shape, batch)
    const { offsets, ids } = batch
    const sequences = offsets.length - 1
    const places = new Int32Array(ids.length)
    let longest = 0
    for (let b = 0; b < sequences; b++) {
      longest = Math.max(longest, offsets[b + 1] - offsets[b])
      for (let m = offsets[b]; m < offsets[b + 1]; m++) places[m] = m - offsets[b]
    }
    const touched = Int32Array.from(new Set(ids)).sort()
    touched.forEach((id, row) => (this.#slots[id] = row))
    const ofBatch = {
      offsets: this.#place('offsets', offsets),
      ids: this.#place('ids', ids),
      kinds: this.#place('kinds', batch.types ?? new Int32Array(ids.length)),
      places: this.#place('places', places),
      slots: this.#place(
        'slots',
        ids.map((id) => this.#slots[id]),
      ),
      touched: this.#place('touched', touched),
    }
    const size = { tokens: ids.length, sequences, longest, touched: touched.length }
    this.#tape.reset()
    return { encoder: this.#encoder(ofBatch, size, drop), size, touched }
  }

  #encoder(ofBatch: OfBatch, size: BatchSize, drop: DropWords): StepEncoder {
    const region = (name: string, elements: number): number => this.#region(name, elements * 4)
    return new StepEncoder(
      this.#tape,
      this.layout,
      { ...this.#fixed, ...this.#words, region, ...ofBatch },
      size,
      drop,
      this.#fake,
    )
  }

  #read(words: number, rest: number): Parameters {
    const { memory } = this.#pool
    return {
      words: memory.f32(words, this.#wordElements).slice(),
      rest: memory.f32(rest, this.layout.length).slice(),
    }
  }

  #write(wordsAt: number, restAt: number, { words, rest }: Parameters): void {
    const { memory } = this.#pool
    if (words.length !== this.#wordElements || rest.length !== this.layout.length)
      throw new Error(
        `train: ${words.length} and ${rest.length} parameters, expected ${this.#wordElements} and ${this.layout.length}`,
      )
    memory.f32(wordsAt, words.length).set(words)
    memory.f32(restAt, rest.length).set(rest)
  }

  #place(name: string, values: Int32Array | Float32Array): number {
    const address = this.#region(name, values.byteLength)
    const { memory } = this.#pool
    if (values instanceof Int32Array) memory.i32(address, values.length).set(values)
    else memory.f32(address, values.length).set(values)
    return address
  }

  /** Address of a region that lasts; it grows by a quarter more than is asked, since batches differ. */
  #region(name: string, bytes: number): number {
    const held = this.#grown.get(name)
    if (held && held.bytes >= bytes) return held.address
    if (held) this.#regions.free(held.address)
    this.#grown.delete(name)
    const room = held && !this.#regions.isGuarded ? Math.ceil(bytes / 256) * 320 : bytes
    const address = this.#regions.allocate(name, room + this.#padding)
    this.#grown.set(name, { address, bytes: room })
    return address
  }
}

function dropWords(dropout: Dropout | null): DropWords {
  if (!dropout || dropout.rate === 0) return { keep: 1, key: () => 0 }
  return { keep: 1 - dropout.rate, key: (site) => dropoutKey(dropout.seed, site) }
}
