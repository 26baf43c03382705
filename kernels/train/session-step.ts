// Makes a session's tapes: a batch, its goal and the optimizer's numbers are copied in, then a step's records written.

import { TapeWriter } from '../wasm/tape.ts'
import {
  checkGoal,
  checkTrainBatch,
  dropoutKey,
  slopeShares,
  type Dropout,
  type LossTarget,
  type TrainBatch,
} from './batch.ts'
import type { FakeQuantize } from './fake-quantize.ts'
import type { Layout } from './layout.ts'
import { scratchBytes } from './scratch.ts'
import type { SessionMemory } from './session-memory.ts'
import type { StepMemory } from './step-memory.ts'
import { stateChunks, type StateWords } from './tape-states.ts'
import type { VectorWords } from './tape-vectors.ts'
import { partialCount, type OptimizerWords } from './tape-update.ts'
import { StepEncoder, type BatchSize, type DropWords } from './tape.ts'

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

/** A tape that is written, and the addresses of its results. */
export interface EncodedStep {
  /** address of the logits f32 [B, labels] */
  logits: number
  size: BatchSize
  /** address of f32 factor, norm; of a step that updates */
  factor: number
  states: StateWords | null
  vectors: VectorWords | null
}

/** What of a step's memory differs from batch to batch. */
type OfBatch = Pick<StepMemory, 'offsets' | 'ids' | 'kinds' | 'places' | 'slots' | 'touched' | 'distanceRows'>

const NO_DROPOUT: DropWords = { keep: 1, key: () => 0 }

export class SessionStep {
  readonly tape = new TapeWriter()
  /** updates encoded so far: AdamW corrects its moments by their number */
  updates = 0
  /** ids of the rows in `dwords`: of the last batch that gradients were made of */
  touchedIds: Int32Array | null = null
  #memory: SessionMemory
  #layout: Layout
  #fake: FakeQuantize
  /** row of the touched words by id, of the last batch */
  #slots: Int32Array

  constructor(memory: SessionMemory, layout: Layout, fake: FakeQuantize) {
    this.#memory = memory
    this.#layout = layout
    this.#fake = fake
    this.#slots = new Int32Array(layout.shape.words).fill(-1)
  }

  /** Copies a batch in and begins its tape. @throws where it does not fit the model */
  begin(
    batch: TrainBatch,
    drop: DropWords = NO_DROPOUT,
  ): { encoder: StepEncoder; size: BatchSize; touched: Int32Array } {
    checkTrainBatch(this.#layout.shape, batch)
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
    const memory = this.#memory
    const { distances } = this.#layout.shape
    const ofBatch = {
      offsets: memory.place('offsets', offsets),
      ids: memory.place('ids', ids),
      kinds: memory.place('kinds', batch.types ?? new Int32Array(ids.length)),
      places: memory.place('places', places),
      slots: memory.place(
        'slots',
        ids.map((id) => this.#slots[id]),
      ),
      touched: memory.place('touched', touched),
      distanceRows: distances ? memory.place('distance rows', distances.rowOf) : 0,
    }
    const size = { tokens: ids.length, sequences, longest, touched: touched.length }
    return { encoder: this.#encoder(ofBatch, size, drop), size, touched }
  }

  /** Writes forward, backward, and where `adam` is given the update. @throws where batch or goal do not fit */
  encode(batch: TrainBatch, goal: LossTarget, dropout: Dropout | null, adam: AdamW | null): EncodedStep {
    checkGoal(this.#layout.shape, batch, goal)
    const { encoder, size, touched } = this.begin(batch, dropWords(dropout))
    this.touchedIds = touched
    const memory = this.#memory
    const { labels } = this.#layout.shape
    const logits = encoder.forward()
    const B = size.sequences
    const states = goal.states ? this.#stateWords(goal.states, size.tokens) : null
    const vectors = goal.vectors ? this.#vectorWords(goal.vectors, B) : null
    const square = goal.logitMse
    encoder.backward({
      target: memory.place('target', goal.target),
      teacher: goal.teacher ? memory.place('teacher', goal.teacher) : 0,
      ...slopeShares(goal, labels, B),
      link: goal.link ?? 'softmax',
      teacherLogits: square ? memory.place('teacher logits', square.logits) : 0,
      squareShare: square ? (2 * square.weight) / (B * labels) : 0,
      states,
      vectors,
    })
    const factor = memory.region('factor', 8)
    if (adam) encoder.update(this.#optimizerWords(adam, size, factor))
    return { logits, size, factor, states, vectors }
  }

  /** Writes an update by gradients from outside, the words' as rows of `ids`. */
  encodeUpdate(
    { rest, ids, rows }: { rest: Float32Array; ids: Int32Array; rows: Float32Array },
    adam: AdamW,
  ): EncodedStep {
    const memory = this.#memory
    memory.wasm.f32(memory.vectors.gradients, rest.length).set(rest)
    memory.place('dwords', rows)
    this.touchedIds = ids
    const size = { tokens: 0, sequences: 0, longest: 1, touched: ids.length }
    const none = { offsets: 0, ids: 0, kinds: 0, places: 0, slots: 0, distanceRows: 0 }
    const ofBatch = { ...none, touched: memory.place('touched', ids) }
    const factor = memory.region('factor', 8)
    this.#encoder(ofBatch, size, NO_DROPOUT).update(this.#optimizerWords(adam, size, factor))
    // there are no sequences, so no logits are read
    return { logits: 0, size, factor, states: null, vectors: null }
  }

  /** The scratch memory of a step for so many threads, as a job names it. */
  scratch({ longest }: BatchSize, threads: number): { scratch: number; scratchBytes: number } {
    const bytes = scratchBytes(this.#layout.shape, longest)
    return { scratch: this.#memory.region('scratch', bytes * threads), scratchBytes: bytes }
  }

  /** The loss of hidden states and of vectors of a step that ran. */
  stateLoss({ states, vectors, size: { tokens, sequences } }: EncodedStep): number {
    const sum = (address: number, count: number): number =>
      this.#memory.wasm.f64(address, count).reduce((total, part) => total + part, 0)
    const ofVectors = vectors ? (vectors.weight / sequences) * sum(vectors.losses, sequences) : 0
    if (!states) return ofVectors
    const { matches = [] } = this.#layout.shape
    return matches.reduce((loss, { width }, j) => {
      const squares = sum(states.partials[j], stateChunks(tokens, width))
      return loss + (states.weight * squares) / (tokens * width)
    }, ofVectors)
  }

  #stateWords({ weight, teacher }: { weight: number; teacher: Float32Array[] }, tokens: number): StateWords {
    const partials = teacher.map((rows, j) =>
      this.#memory.region(`state sums ${j}`, stateChunks(tokens, rows.length / tokens) * 8),
    )
    return { teacher: teacher.map((rows, j) => this.#memory.place(`teacher state ${j}`, rows)), weight, partials }
  }

  #vectorWords({ weight, teacher }: { weight: number; teacher: Float32Array }, sequences: number): VectorWords {
    const memory = this.#memory
    return {
      teacher: memory.place('teacher vectors', teacher),
      weight,
      losses: memory.region('vector losses', sequences * 8),
    }
  }

  #optimizerWords(adam: AdamW, size: BatchSize, factor: number): OptimizerWords {
    const t = ++this.updates
    const rate = adam.learningRate / (1 - adam.beta1 ** t)
    const root = 1 / Math.sqrt(1 - adam.beta2 ** t)
    const settings = Float32Array.of(adam.beta1, adam.beta2, root, adam.epsilon, rate)
    return {
      settings: this.#memory.place('settings', settings),
      decay: 1 - adam.learningRate * adam.weightDecay,
      clipNorm: adam.clipNorm,
      masks: this.#memory.masks,
      partials: this.#memory.region('partials', partialCount(this.#layout, size.touched) * 8),
      factor,
    }
  }

  #encoder(ofBatch: OfBatch, size: BatchSize, drop: DropWords): StepEncoder {
    this.tape.reset()
    const { vectors, tables } = this.#memory
    const memory: StepMemory = {
      ...vectors,
      words: tables.parameters,
      wordFirstMoments: tables.firstMoments,
      wordSecondMoments: tables.secondMoments,
      region: (name, elements) => this.#memory.region(name, elements * 4),
      ...ofBatch,
    }
    return new StepEncoder(this.tape, this.#layout, memory, size, drop, this.#fake)
  }
}

function dropWords(dropout: Dropout | null): DropWords {
  if (!dropout || dropout.rate === 0) return NO_DROPOUT
  return { keep: 1 - dropout.rate, key: (site) => dropoutKey(dropout.seed, site) }
}
