// A model in training: parameters, moments and activations in one WebAssembly memory; a step is one tape on all threads.

import type { HeldAsync } from '../program/disposable.ts'
import { WASM } from '../generated/wasm-train.ts'
import { WasmMemory } from '../wasm/memory.ts'
import { hasRelaxedSimd, hasSharedMemory, hasSimd, type BuildName } from '../wasm/modules.ts'
import { ThreadPool } from '../wasm/pool.ts'
import type { Dropout, LossTarget, TrainBatch } from './batch.ts'
import type { FakeQuantize } from './fake-quantize.ts'
import { HeldGradients } from './held.ts'
import { applicationsOf, layoutOf, tableWidthOf, type Layout, type TrainShape } from './layout.ts'
import { SessionMemory, type Parameters, type PlacedMask } from './session-memory.ts'
import { SessionStep, type AdamW, type EncodedStep } from './session-step.ts'
import type { BatchSize } from './tape.ts'

export type { Parameters, PlacedMask } from './session-memory.ts'
export type { AdamW } from './session-step.ts'

export interface TrainSessionOptions {
  /** default: the engine's cores, at most 8; 1 where there is no shared memory */
  threads?: number
  /** 'auto': relaxed SIMD where the engine has it */
  build?: 'auto' | 'baseline' | 'relaxed'
  /** tests only: guard bands around every buffer */
  guard?: boolean
  /** every pass, forward alone too, computes with rounded operands */
  fakeQuantize?: FakeQuantize
  /** no memory for gradients and moments: a model that is only run, as a teacher is */
  isForwardOnly?: boolean
}

/** All that steps change: a session that takes it goes on with the same bits. */
export interface SessionState {
  parameters: Parameters
  firstMoments: Parameters
  secondMoments: Parameters
  /** updates so far: AdamW corrects its moments by their number */
  steps: number
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
  /** one of the training records of kernels/wasm/abi.ts */
  opcode: number
  /** its arguments, as assembly/train says */
  words: Int32Array
  ms: number
}

const MAX_DEFAULT_THREADS = 8

export class TrainSession implements HeldAsync {
  readonly layout: Layout
  #pool: ThreadPool
  #memory: SessionMemory
  #step: SessionStep
  #held: HeldGradients | null = null
  #isForwardOnly: boolean

  private constructor(shape: TrainShape, pool: ThreadPool, options: TrainSessionOptions) {
    const { guard = false, isForwardOnly = false, fakeQuantize = { linears: false } } = options
    this.layout = layoutOf(shape)
    this.#pool = pool
    this.#memory = new SessionMemory(pool.memory, this.layout, guard, isForwardOnly)
    this.#step = new SessionStep(this.#memory, this.layout, fakeQuantize)
    this.#isForwardOnly = isForwardOnly
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
    const module = await WebAssembly.compile(WASM[name]())
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
    this.#memory.write('parameters', parameters)
  }

  /** A copy of all parameters. */
  parameters(): Parameters {
    return this.#memory.read('parameters')
  }

  /** w sqrt(v) of each parameter w but the words, v the second moment of its gradients. */
  saliency(): Float32Array {
    this.#requireLearning()
    const { wasm, vectors } = this.#memory
    const [w, v] = [vectors.parameters, vectors.secondMoments].map((at) => wasm.f32(at, this.layout.length))
    return w.map((weight, i) => weight * Math.sqrt(v[i]))
  }

  /** A copy of all that steps change; masks are not in it. */
  state(): SessionState {
    this.#requireLearning()
    const memory = this.#memory
    return {
      parameters: memory.read('parameters'),
      firstMoments: memory.read('firstMoments'),
      secondMoments: memory.read('secondMoments'),
      steps: this.#step.updates,
    }
  }

  /** Takes over what `state` gave, of a session of the same shape; gradients that are held are dropped. */
  restore({ steps, ...numbers }: SessionState): void {
    this.#requireLearning()
    for (const kind of ['parameters', 'firstMoments', 'secondMoments'] as const) this.#memory.write(kind, numbers[kind])
    this.#step.updates = steps
    this.#held?.clear()
  }

  /**
   * A copy of the last step's gradients, before clipping; rows of words that it did not touch are 0.
   * @throws where there was no step yet
   */
  gradients(): Parameters {
    const C = tableWidthOf(this.layout.shape)
    const { words: rowsOfTable } = this.layout.shape
    const words = new Float32Array(rowsOfTable * C)
    const { rest, ids, rows } = this.#lastGradients()
    ids.forEach((id, row) => words.set(rows.subarray(row * C, row * C + C), id * C))
    return { words, rest: rest.slice() }
  }

  /**
   * Elements whose mask is 0 become 0, their moments too, and stay so: their gradients are 0, before clipping too. The
   * masks take the place of those before them; an element that is free again starts from 0.
   */
  setMasks(masks: readonly PlacedMask[]): void {
    this.#requireLearning()
    this.#memory.setMasks(masks)
  }

  /** Logits f32 [B, labels] without dropout. */
  async forward(batch: TrainBatch): Promise<Float32Array> {
    return this.#pool.enqueue(async () => {
      const { encoder, size } = this.#step.begin(batch)
      return this.#run(encoder.forward(), size)
    })
  }

  /**
   * Hidden states f32 [M, C] of a batch without dropout.
   * @param layers 0: what the embeddings give, i: what the i-th layer gives, as they are applied
   */
  async hiddenStates(batch: TrainBatch, layers: readonly number[]): Promise<Float32Array[]> {
    const { hidden: C } = this.layout.shape
    const { length } = applicationsOf(this.layout.shape)
    for (const layer of layers)
      if (!(Number.isInteger(layer) && layer >= 0 && layer <= length))
        throw new Error(`train: there is no hidden state ${layer}; there are 0 (embeddings) to ${length}`)
    return this.#pool.enqueue(async () => {
      const { encoder, size } = this.#step.begin(batch)
      await this.#run(encoder.forward(), size)
      return layers.map((layer) => this.#pool.memory.f32(encoder.state(layer), size.tokens * C).slice())
    })
  }

  /** Vectors f32 [B, width] of a batch without dropout, as a teacher's are compared with them. */
  async vectors(batch: TrainBatch): Promise<Float32Array> {
    const { width } = this.layout.shape.vectors ?? { width: 0 }
    return this.#pool.enqueue(async () => {
      const { encoder, size } = this.#step.begin(batch)
      await this.#run(encoder.forward(), size)
      return this.#pool.memory.f32(encoder.vectors, size.sequences * width).slice()
    })
  }

  /**
   * What enters each linear layer of a batch, without dropout: by input (`layer.0.qkv`, ..., `classifier`: Linear.input),
   * summed over the rows that the layer sees. Sums of one batch are f32; add batches up in f64.
   */
  async inputStatistics(batch: TrainBatch): Promise<Map<string, InputStatistics>> {
    return this.#pool.enqueue(async () => {
      const { encoder, size } = this.#step.begin(batch)
      const logits = encoder.forward()
      const wanted = encoder.statistics()
      await this.#run(logits, size)
      const { memory } = this.#pool
      return new Map(
        wanted.map(({ input, K, gram, sum, uses }) => {
          const largest = new Float32Array(K)
          let rows = 0
          for (const use of uses) {
            rows += use.rows
            const inputs = memory.f32(use.x, use.rows * K)
            for (let i = 0; i < inputs.length; i++) largest[i % K] = Math.max(largest[i % K], Math.abs(inputs[i]))
          }
          return [input, { rows, K, gram: memory.f32(gram, K * K).slice(), sum: memory.f32(sum, K).slice(), largest }]
        }),
      )
    })
  }

  /**
   * Forward, backward, and where `adam` is given one update.
   *
   * @returns logits f32 [B, labels] of the forward pass, the gradient's norm before clipping (NaN without `adam`), and the
   * loss of hidden states and vectors, which lossOf of the logits does not have
   * @throws where the goal does not fit, or the session is forward only
   */
  async step(
    batch: TrainBatch,
    goal: LossTarget,
    dropout: Dropout | null,
    adam: AdamW | null,
  ): Promise<{ logits: Float32Array; norm: number; stateLoss: number }> {
    this.#requireLearning()
    return this.#pool.enqueue(async () => {
      const encoded = this.#step.encode(batch, goal, dropout, adam)
      const logits = await this.#run(encoded.logits, encoded.size)
      return { logits, norm: adam ? this.#norm(encoded) : NaN, stateLoss: this.#step.stateLoss(encoded) }
    })
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
    this.#requireLearning()
    return this.#pool.enqueue(async () => {
      const encoded = this.#step.encode(batch, goal, dropout, null)
      const logits = await this.#run(encoded.logits, encoded.size)
      const { rest, ids, rows } = this.#lastGradients()
      this.#held ??= new HeldGradients(rest.length)
      this.#held.add(share, rest, ids, rows)
      return { logits, stateLoss: this.#step.stateLoss(encoded) }
    })
  }

  /** One update with the gradients held. @returns their norm before clipping @throws where none are held */
  async update(adam: AdamW): Promise<number> {
    return this.#pool.enqueue(async () => {
      const held = this.#held
      if (!held?.count) throw new Error('train: no gradients are held; call accumulate before update')
      const encoded = this.#step.encodeUpdate(held.sums(), adam)
      await this.#run(encoded.logits, encoded.size)
      held.clear()
      return this.#norm(encoded)
    })
  }

  /** For benches: a step whose records run and are timed one by one; each wakes the threads, which takes some microseconds. */
  async profile(batch: TrainBatch, goal: LossTarget, dropout: Dropout | null, adam: AdamW): Promise<TimedRecord[]> {
    this.#requireLearning()
    return this.#pool.enqueue(async () => {
      const { size } = this.#step.encode(batch, goal, dropout, adam)
      const words = this.#step.tape.finish()
      const tape = this.#memory.region('tape', words.byteLength)
      const job = { tape, ...this.#step.scratch(size, this.threads) }
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
    return this.#memory.damage()
  }

  /** Ends the threads and gives up the memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  async dispose(): Promise<void> {
    await this.#pool.dispose()
  }

  #requireLearning(): void {
    if (this.#isForwardOnly) throw new Error('train: this session is forward only; open one without isForwardOnly')
  }

  /** Views of the last step's gradients: the vector, and the rows [ids, C] of the words touched. */
  #lastGradients(): { rest: Float32Array; ids: Int32Array; rows: Float32Array } {
    const ids = this.#step.touchedIds
    if (!ids) throw new Error('train: there are no gradients yet; call step before')
    return { ids, ...this.#memory.gradients(ids.length) }
  }

  /** Norm of the gradients of an update that ran. */
  #norm({ factor }: EncodedStep): number {
    return this.#pool.memory.f32(factor, 2)[1]
  }

  /** Runs the tape. @returns the logits, which are at the address `logits` */
  async #run(logits: number, size: BatchSize): Promise<Float32Array> {
    const { memory } = this.#pool
    const scratch = this.#step.scratch(size, this.threads)
    const words = this.#step.tape.finish()
    const tape = this.#memory.region('tape', words.byteLength)
    memory.i32(tape, words.length).set(words)
    await this.#pool.run(0, { tape, ...scratch })
    return memory.f32(logits, size.sequences * this.layout.shape.labels).slice()
  }
}
