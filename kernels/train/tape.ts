// The tape of one training step, or of its forward pass alone.

import * as abi from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import type { Link } from './batch.ts'
import type { FakeQuantize } from './fake-quantize.ts'
import { TRAINED_ACTIVATIONS, type TrainActivation } from './activations.ts'
import { activationsOf, headOf, othersOf, placeOf, projectionsOf, type Layout, type Linear } from './layout.ts'
import { LinearRecords, type Flow } from './linear-records.ts'
import type { StepMemory } from './step-memory.ts'
import { encodeStateSlopes, type StateWords } from './tape-states.ts'

export interface BatchSize {
  tokens: number
  sequences: number
  longest: number
  /** rows of the word table that occur */
  touched: number
}

export interface LossWords {
  /** addresses of f32 [B, labels]; teacher 0 for none */
  target: number
  teacher: number
  link: Link
  hardShare: number
  softShare: number
  inverseT: number
  /** address of f32 [B, labels]; 0 for none */
  teacherLogits: number
  squareShare: number
  states: StateWords | null
}

export interface OptimizerWords {
  /** address of five f32: assembly/train/optimizer.ts adamw */
  settings: number
  /** 1 - rate * decay */
  decay: number
  clipNorm: number
  /** u8 masks: address, first element in the vector, length */
  masks: { address: number; offset: number; length: number }[]
  /** address of f64 partial sums */
  partials: number
  /** address of f32 factor, norm */
  factor: number
}

/** Keys of the dropout sites of a step; all 0 where nothing is dropped. */
export interface DropWords {
  keep: number
  key(site: number): number
}

/** Partial sums of squares that a step makes. */
export function partialCount(layout: Layout, touched: number): number {
  return Math.ceil(layout.length / abi.SUM_CHUNK) + Math.ceil((touched * layout.shape.hidden) / abi.SUM_CHUNK)
}

export class StepEncoder {
  #tape: TapeWriter
  #layout: Layout
  #memory: StepMemory
  #size: BatchSize
  #drop: DropWords
  #linears: LinearRecords
  #fake: FakeQuantize

  constructor(
    tape: TapeWriter,
    layout: Layout,
    memory: StepMemory,
    size: BatchSize,
    drop: DropWords,
    fake: FakeQuantize = { linears: false },
  ) {
    this.#tape = tape
    this.#layout = layout
    this.#memory = memory
    this.#size = size
    this.#drop = drop
    this.#fake = fake
    this.#linears = new LinearRecords(tape, layout, memory, size.tokens, fake.linears)
  }

  /** Widest layer: what layers of uneven size share has its width. */
  #widest(of: (layer: Layout['shape']['layers'][number]) => number): number {
    return Math.max(0, ...this.#layout.shape.layers.map(of))
  }

  #parameter(name: string): number {
    return this.#memory.parameters + placeOf(this.#layout, name).offset * 4
  }

  #gradient(name: string): number {
    return this.#memory.gradients + placeOf(this.#layout, name).offset * 4
  }

  #tokens(name: string, width: number): number {
    return this.#memory.region(name, this.#size.tokens * width)
  }

  #sequences(name: string, width: number): number {
    return this.#memory.region(name, this.#size.sequences * width)
  }

  /** Addresses of the queries, keys and values in rows of [3, HD]. */
  #thirds(qkv: number, HD: number): number[] {
    return [qkv, qkv + HD * 4, qkv + 2 * HD * 4]
  }

  #norm(x: number, residual: number, stem: string, xKey: number, yKey: number, name: string, y: number): void {
    const C = this.#layout.shape.hidden
    const [normal, rstd] = [this.#tokens(`${name}.normal`, C), this.#tokens(`${name}.rstd`, 1)]
    const { epsilon } = this.#layout.shape
    const [gamma, beta] = [this.#parameter(`${stem}.gamma`), this.#parameter(`${stem}.beta`)]
    const { keep } = this.#drop
    this.#tape.record(
      abi.LAYERNORM_FORWARD,
      { M: this.#size.tokens, C, x, residual, gamma, beta, epsilon, xKey, yKey, keep, normal, rstd, y },
      residual ? [x, residual] : [x],
      [normal, rstd, y],
    )
  }

  /** dz and the gradient of what was dropped before it was added; they are one where nothing was dropped. */
  #normBackward(dy: number, stem: string, xKey: number, yKey: number, name: string): { dz: number; dx: number } {
    const C = this.#layout.shape.hidden
    const M = this.#size.tokens
    const [normal, rstd] = [this.#tokens(`${name}.normal`, C), this.#tokens(`${name}.rstd`, 1)]
    const dz = this.#tokens('dz', C)
    const dx = xKey ? this.#tokens('dbranch', C) : 0
    const { keep } = this.#drop
    const gamma = this.#parameter(`${stem}.gamma`)
    const written = [dz, ...(dx ? [dx] : []), ...(yKey ? [dy] : [])]
    this.#tape.record(
      abi.LAYERNORM_BACKWARD,
      { M, C, dy, gamma, xKey, yKey, keep, normal, rstd, dz, dx },
      [dy, normal, rstd],
      written,
    )
    const [dgamma, dbeta] = [this.#gradient(`${stem}.gamma`), this.#gradient(`${stem}.beta`)]
    this.#tape.record(abi.LAYERNORM_GRADIENT, { M, C, dy, normal, dgamma, dbeta }, [dy, normal], [dgamma, dbeta])
    return { dz, dx: dx || dz }
  }

  /** Sites of dropout: 0 the embeddings, 1 the pooled vector, then two per layer. */
  #site(layer: number, half: 0 | 1): number {
    return this.#drop.key(2 + 2 * layer + half)
  }

  /** The word table and its row of each token: the table itself, or its touched rows as fake quantization rounds them. */
  #wordRows(): { table: number; ids: number } {
    const { words: table, ids, slots, touched: touchedIds } = this.#memory
    if (!this.#fake.embeddings) return { table, ids }
    const { touched: rows } = this.#size
    const C = this.#layout.shape.hidden
    const rounded = this.#memory.region('rounded words', rows * C)
    this.#tape.record(abi.FAKE_TABLE, { rows, C, ids: touchedIds, table, y: rounded }, [], [rounded])
    return { table: rounded, ids: slots }
  }

  /** Address of hidden state `layer` f32 [M, C] of the forward pass: 0 what the embeddings give, i what layer i - 1 gives. */
  state(layer: number): number {
    return this.#tokens(`x.${layer}`, this.#layout.shape.hidden)
  }

  #stateSlopes(states: StateWords | null, layer: number, dx: number): void {
    if (states) encodeStateSlopes(this.#tape, this.#layout, this.#memory, states, layer, this.#size.tokens, dx)
  }

  /** y = f(x through `linear`); what f was of goes to the region `kept` where the backward pass needs it. */
  #activated(rows: number, x: number, linear: Linear, y: number, kept: string, activation: TrainActivation): void {
    const { forward, keepsInput } = TRAINED_ACTIVATIONS[activation]
    const other = keepsInput ? this.#memory.region(kept, rows * linear.N) : 0
    this.#linears.forward(rows, x, linear, y, linear.N, forward, other)
  }

  /** What the backward pass of an activation looks at: its epilogue, and where what it needs is. */
  #slopeOf(activation: TrainActivation, kept: string, y: number, elements: number): [epilogue: number, other: number] {
    const { backward, keepsInput } = TRAINED_ACTIVATIONS[activation]
    return [backward, keepsInput ? this.#memory.region(kept, elements) : y]
  }

  /** Writes the forward pass; returns the address of the logits f32 [B, labels]. */
  forward(): number {
    const { hidden: C, layers, labels } = this.#layout.shape
    const { activation, poolerActivation } = activationsOf(this.#layout.shape)
    const { tokens: M, sequences: B, longest } = this.#size
    const memory = this.#memory
    const branch = this.#tokens('branch', C)
    const { table, ids } = this.#wordRows()
    const { places, kinds, offsets } = memory
    const [position, type] = [this.#parameter('position'), this.#parameter('type')]
    this.#tape.record(
      abi.EMBED,
      { M, C, ids, places, kinds, word: table, position, type, y: branch },
      [table],
      [branch],
    )
    this.#norm(branch, 0, 'norm', 0, this.#drop.key(0), 'embedding', this.#tokens('x.0', C))
    layers.forEach(({ heads, headSize, intermediate: F }, i) => {
      const stem = `layer.${i}`
      const HD = heads * headSize
      const [x, half] = [this.#tokens(`x.${i}`, C), this.#tokens(`half.${i}`, C)]
      const [qkv, context] = [this.#tokens(`qkv.${i}`, 3 * HD), this.#tokens(`context.${i}`, HD)]
      const { attention, intermediate, output } = othersOf(this.#layout.shape, i)
      const parts = this.#thirds(qkv, HD)
      projectionsOf(this.#layout.shape, i).forEach((linear, p) => this.#linears.forward(M, x, linear, parts[p], 3 * HD))
      const attended = { B, H: heads, D: headSize, longest, offsets, qkv, o: context }
      this.#tape.record(abi.ATTENTION_FORWARD, attended, parts, [context])
      this.#linears.forward(M, context, attention, branch, C)
      this.#norm(branch, x, `${stem}.attentionNorm`, this.#site(i, 0), 0, `half.${i}`, half)
      const after = this.#tokens(`after.${i}`, F)
      this.#activated(M, half, intermediate, after, `before.${i}`, activation)
      this.#linears.forward(M, after, output, branch, C)
      this.#norm(branch, half, `${stem}.outputNorm`, this.#site(i, 1), 0, `whole.${i}`, this.#tokens(`x.${i + 1}`, C))
    })
    const [x, first] = [this.#tokens(`x.${layers.length}`, C), this.#sequences('first', C)]
    this.#tape.record(abi.GATHER_FIRST, { B, C, x, offsets, y: first }, [x], [first])
    const pooled = this.#sequences('pooled', C)
    const { pooler, classifier } = headOf(this.#layout.shape)
    this.#activated(B, first, pooler, pooled, 'pooled.before', poolerActivation)
    const logits = this.#sequences('logits', labels)
    this.#linears.forward(B, this.#dropped(pooled, 'dropped'), classifier, logits, labels)
    return logits
  }

  /**
   * Writes x^T x and the sum of x of what enters each linear layer; returns where they will be, and under which input
   * (Linear.input). Needs forward() before it.
   */
  statistics(): { input: string; rows: number; K: number; x: number; gram: number; sum: number }[] {
    const { hidden: C, layers } = this.#layout.shape
    const { tokens: M, sequences: B } = this.#size
    const inputs: [input: string, rows: number, K: number, x: number][] = layers.flatMap(
      ({ heads, headSize, intermediate: F }, i): typeof inputs => [
        [`layer.${i}.qkv`, M, C, this.#tokens(`x.${i}`, C)],
        [`layer.${i}.attention`, M, heads * headSize, this.#tokens(`context.${i}`, heads * headSize)],
        [`layer.${i}.intermediate`, M, C, this.#tokens(`half.${i}`, C)],
        [`layer.${i}.output`, M, F, this.#tokens(`after.${i}`, F)],
      ],
    )
    inputs.push(['pooler', B, C, this.#sequences('first', C)], ['classifier', B, C, this.#sequences('pooled', C)])
    return inputs.map(([input, rows, K, x]) => {
      const gram = this.#memory.region(`gram.${input}`, K * K)
      const sum = this.#memory.region(`sum.${input}`, K)
      const product = { M: rows, N: K, K, dy: x, dyStride: K, x, dw: gram, db: sum, continues: 0 }
      this.#tape.record(abi.WEIGHT_GRADIENT, product, [x], [gram, sum])
      return { input, rows, K, x, gram, sum }
    })
  }

  /** [B, C] after the dropout of the pooled vector. */
  #dropped(x: number, name: string): number {
    const key = this.#drop.key(1)
    if (!key) return x
    const C = this.#layout.shape.hidden
    const y = this.#sequences(name, C)
    this.#tape.record(abi.DROP, { M: this.#size.sequences, C, x, key, keep: this.#drop.keep, y }, [x], [y])
    return y
  }

  /** Writes the backward pass down to the gradients of all tensors. Needs forward() before it. */
  backward(loss: LossWords): void {
    const { hidden: C, layers, labels } = this.#layout.shape
    const { activation, poolerActivation } = activationsOf(this.#layout.shape)
    const { tokens: M, sequences: B, longest } = this.#size
    const memory = this.#memory
    const [logits, dlogits] = [this.#sequences('logits', labels), this.#sequences('dlogits', labels)]
    const { target, teacher, hardShare, softShare, inverseT, teacherLogits, squareShare } = loss
    const shares = { hardShare, softShare, inverseT, squareShare }
    this.#tape.record(
      abi.LOSS_SLOPE,
      { B, labels, link: abi.LINK[loss.link], logits, target, teacher, teacherLogits, ...shares, d: dlogits },
      [logits],
      [dlogits],
    )
    const pooled = this.#sequences('pooled', C)
    const seen = this.#drop.key(1) ? this.#sequences('dropped', C) : pooled
    const { pooler, classifier } = headOf(this.#layout.shape)
    const dpooled = this.#sequences('dpooled', C)
    const slope = this.#slopeOf(poolerActivation, 'pooled.before', pooled, B * C)
    this.#linears.backwardOne(B, dlogits, seen, classifier, dpooled, ...slope)
    const dpre = this.#dropped(dpooled, 'ddropped')
    const dfirst = this.#sequences('dfirst', C)
    this.#linears.backwardOne(B, dpre, this.#sequences('first', C), pooler, dfirst)
    const dx = this.#tokens('dx', C)
    const [widestF, widestHD] = [this.#widest((l) => l.intermediate), this.#widest((l) => l.heads * l.headSize)]
    this.#tape.record(abi.SCATTER_FIRST, { B, C, dy: dfirst, offsets: memory.offsets, dx }, [dfirst], [dx])
    this.#stateSlopes(loss.states, layers.length, dx)
    for (let i = layers.length - 1; i >= 0; i--) {
      const { heads, headSize, intermediate: F } = layers[i]
      const stem = `layer.${i}`
      const HD = heads * headSize
      const [x, half] = [this.#tokens(`x.${i}`, C), this.#tokens(`half.${i}`, C)]
      const [qkv, context] = [this.#tokens(`qkv.${i}`, 3 * HD), this.#tokens(`context.${i}`, HD)]
      const after = this.#tokens(`after.${i}`, F)
      const whole = this.#normBackward(dx, `${stem}.outputNorm`, this.#site(i, 1), 0, `whole.${i}`)
      const { attention, intermediate, output } = othersOf(this.#layout.shape, i)
      const dbefore = this.#tokens('dbefore', widestF)
      const slope = this.#slopeOf(activation, `before.${i}`, after, M * F)
      this.#linears.backwardOne(M, whole.dx, after, output, dbefore, ...slope)
      this.#linears.backwardOne(M, dbefore, half, intermediate, dx, abi.EPILOGUE.add, whole.dz)
      const first = this.#normBackward(dx, `${stem}.attentionNorm`, this.#site(i, 0), 0, `half.${i}`)
      const dcontext = this.#tokens('dcontext', widestHD)
      this.#linears.backwardOne(M, first.dx, context, attention, dcontext)
      const dqkv = this.#tokens('dqkv', 3 * widestHD)
      const attended = { B, H: heads, D: headSize, longest, offsets: memory.offsets, qkv, dO: dcontext, dqkv }
      this.#tape.record(abi.ATTENTION_BACKWARD, attended, [qkv, dcontext], [dqkv])
      const parts = this.#thirds(dqkv, HD)
      const flows = projectionsOf(this.#layout.shape, i).map((linear, p): Flow => {
        return { linear, dy: parts[p], stride: 3 * HD, region: dqkv }
      })
      this.#linears.backward(M, flows, 0, x, dx, abi.EPILOGUE.add, first.dz)
      this.#stateSlopes(loss.states, i, dx)
    }
    const { dz } = this.#normBackward(dx, 'norm', 0, this.#drop.key(0), 'embedding')
    this.#scatter(dz)
  }

  #scatter(dz: number): void {
    const { hidden: C, positions, types } = this.#layout.shape
    const { slots, places, kinds } = this.#memory
    const { tokens: M, touched } = this.#size
    const dWord = this.#memory.region('dwords', touched * C)
    const [dPosition, dType] = [this.#gradient('position'), this.#gradient('type')]
    const rows = { wordRows: touched, positionRows: positions, typeRows: types }
    this.#tape.record(
      abi.SCATTER,
      { M, C, ...rows, slots, places, kinds, dx: dz, dWord, dPosition, dType },
      [dz],
      [dWord, dPosition, dType],
    )
  }

  /** Writes masks, clipping and AdamW. Needs backward() before it. */
  update(words: OptimizerWords): void {
    const C = this.#layout.shape.hidden
    const { length, decaying } = this.#layout
    const { touched } = this.#size
    const memory = this.#memory
    const dWords = memory.region('dwords', touched * C)
    const all = [...this.#layout.places.keys()].map((name) => this.#gradient(name))
    for (const mask of words.masks) {
      const gradient = memory.gradients + mask.offset * 4
      this.#tape.record(abi.MASK_GRADIENT, { count: mask.length, mask: mask.address, gradient }, all, all)
    }
    const { partials, factor, settings } = words
    const wordPartials = partials + Math.ceil(length / abi.SUM_CHUNK) * 8
    this.#tape.record(abi.SUM_SQUARES, { count: length, x: memory.gradients, partials }, all, [partials])
    const ofWords = { count: touched * C, x: dWords, partials: wordPartials }
    this.#tape.record(abi.SUM_SQUARES, ofWords, [dWords], [wordPartials])
    const clip = { count: partialCount(this.#layout, touched), partials, most: words.clipNorm, out: factor }
    this.#tape.record(abi.CLIP_FACTOR, clip, [partials, wordPartials], [factor])
    const part = (begin: number, end: number, decay: number): void => {
      const [p, g, m, v] = [memory.parameters, memory.gradients, memory.firstMoments, memory.secondMoments].map(
        (a) => a + begin * 4,
      )
      this.#tape.record(abi.ADAMW, { count: end - begin, p, g, m, v, settings, decay, factor }, [factor], [p])
    }
    part(0, decaying, words.decay)
    part(decaying, length, 1)
    const { touched: ids, words: p, wordFirstMoments: m, wordSecondMoments: v } = memory
    this.#tape.record(
      abi.ADAMW_ROWS,
      { rows: touched, C, ids, p, g: dWords, m, v, settings, decay: words.decay, factor },
      [factor],
      [p],
    )
  }
}
