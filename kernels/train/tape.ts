// The tape of one training step, or of its forward pass alone.

import { f32Bits, type TapeWriter } from '../wasm/index.ts'
import type { FakeQuantize } from './fake-quantize.ts'
import { headOf, othersOf, placeOf, projectionsOf, type Layout } from './layout.ts'
import { LinearRecords, type Flow } from './linear-records.ts'
import * as op from './opcodes.ts'
import { encodeStateSlopes, type StateWords } from './tape-states.ts'

/** Where a step finds its memory; f32 unless said otherwise. */
export interface StepMemory {
  /** vectors of the layout's length */
  parameters: number
  gradients: number
  firstMoments: number
  secondMoments: number
  /** tables [words, C] */
  words: number
  wordFirstMoments: number
  wordSecondMoments: number
  /** address of the activation or gradient of that name, of at least that many elements */
  region(name: string, elements: number): number
  /** of the batch, i32: [B + 1], then [M] each; slots: row of the touched words, places: position in the sequence */
  offsets: number
  ids: number
  kinds: number
  places: number
  slots: number
  /** i32 [touched]: ids of the touched rows of the word table */
  touched: number
}

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
  return Math.ceil(layout.length / op.SUM_CHUNK) + Math.ceil((touched * layout.shape.hidden) / op.SUM_CHUNK)
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
    const epsilon = f32Bits(this.#layout.shape.epsilon)
    const [gamma, beta] = [this.#parameter(`${stem}.gamma`), this.#parameter(`${stem}.beta`)]
    const keep = f32Bits(this.#drop.keep)
    const words = [this.#size.tokens, C, x, residual, gamma, beta, epsilon, xKey, yKey, keep, normal, rstd, y]
    this.#tape.record(op.LAYERNORM_FORWARD, words, residual ? [x, residual] : [x], [normal, rstd, y])
  }

  /** dz and the gradient of what was dropped before it was added; they are one where nothing was dropped. */
  #normBackward(dy: number, stem: string, xKey: number, yKey: number, name: string): { dz: number; dx: number } {
    const C = this.#layout.shape.hidden
    const M = this.#size.tokens
    const [normal, rstd] = [this.#tokens(`${name}.normal`, C), this.#tokens(`${name}.rstd`, 1)]
    const dz = this.#tokens('dz', C)
    const dx = xKey ? this.#tokens('dbranch', C) : 0
    const keep = f32Bits(this.#drop.keep)
    const words = [M, C, dy, this.#parameter(`${stem}.gamma`), xKey, yKey, keep, normal, rstd, dz, dx]
    const written = [dz, ...(dx ? [dx] : []), ...(yKey ? [dy] : [])]
    this.#tape.record(op.LAYERNORM_BACKWARD, words, [dy, normal, rstd], written)
    const [dgamma, dbeta] = [this.#gradient(`${stem}.gamma`), this.#gradient(`${stem}.beta`)]
    this.#tape.record(op.LAYERNORM_GRADIENT, [M, C, dy, normal, dgamma, dbeta], [dy, normal], [dgamma, dbeta])
    return { dz, dx: dx || dz }
  }

  /** Sites of dropout: 0 the embeddings, 1 the pooled vector, then two per layer. */
  #site(layer: number, half: 0 | 1): number {
    return this.#drop.key(2 + 2 * layer + half)
  }

  /** The word table and its row of each token: the table itself, or its touched rows as fake quantization rounds them. */
  #wordRows(): { table: number; ids: number } {
    const { words: table, ids, slots, touched: rows } = this.#memory
    if (!this.#fake.embeddings) return { table, ids }
    const { touched } = this.#size
    const C = this.#layout.shape.hidden
    const rounded = this.#memory.region('rounded words', touched * C)
    this.#tape.record(op.FAKE_TABLE, [touched, C, rows, table, rounded], [], [rounded])
    return { table: rounded, ids: slots }
  }

  /** Address of hidden state `layer` f32 [M, C] of the forward pass: 0 what the embeddings give, i what layer i - 1 gives. */
  state(layer: number): number {
    return this.#tokens(`x.${layer}`, this.#layout.shape.hidden)
  }

  #stateSlopes(states: StateWords | null, layer: number, dx: number): void {
    if (states) encodeStateSlopes(this.#tape, this.#layout, this.#memory, states, layer, this.#size.tokens, dx)
  }

  /** Writes the forward pass; returns the address of the logits f32 [B, labels]. */
  forward(): number {
    const { hidden: C, layers, labels } = this.#layout.shape
    const { tokens: M, sequences: B, longest } = this.#size
    const memory = this.#memory
    const branch = this.#tokens('branch', C)
    const { table, ids } = this.#wordRows()
    const tables = [table, this.#parameter('position'), this.#parameter('type')]
    const embedWords = [M, C, ids, memory.places, memory.kinds, ...tables, branch]
    this.#tape.record(op.EMBED, embedWords, [table], [branch])
    this.#norm(branch, 0, 'norm', 0, this.#drop.key(0), 'embedding', this.#tokens('x.0', C))
    layers.forEach(({ heads, headSize, intermediate: F }, i) => {
      const stem = `layer.${i}`
      const HD = heads * headSize
      const [x, half] = [this.#tokens(`x.${i}`, C), this.#tokens(`half.${i}`, C)]
      const [qkv, context] = [this.#tokens(`qkv.${i}`, 3 * HD), this.#tokens(`context.${i}`, HD)]
      const { attention, intermediate, output } = othersOf(this.#layout.shape, i)
      const parts = this.#thirds(qkv, HD)
      projectionsOf(this.#layout.shape, i).forEach((linear, p) => this.#linears.forward(M, x, linear, parts[p], 3 * HD))
      const words = [B, heads, headSize, longest, memory.offsets, qkv, context]
      this.#tape.record(op.ATTENTION_FORWARD, words, parts, [context])
      this.#linears.forward(M, context, attention, branch, C)
      this.#norm(branch, x, `${stem}.attentionNorm`, this.#site(i, 0), 0, `half.${i}`, half)
      const [before, after] = [this.#tokens(`before.${i}`, F), this.#tokens(`after.${i}`, F)]
      this.#linears.forward(M, half, intermediate, after, F, op.GELU, before)
      this.#linears.forward(M, after, output, branch, C)
      this.#norm(branch, half, `${stem}.outputNorm`, this.#site(i, 1), 0, `whole.${i}`, this.#tokens(`x.${i + 1}`, C))
    })
    const [x, first] = [this.#tokens(`x.${layers.length}`, C), this.#sequences('first', C)]
    this.#tape.record(op.GATHER_FIRST, [B, C, x, memory.offsets, first], [x], [first])
    const pooled = this.#sequences('pooled', C)
    const { pooler, classifier } = headOf(this.#layout.shape)
    this.#linears.forward(B, first, pooler, pooled, C, op.TANH)
    const logits = this.#sequences('logits', labels)
    this.#linears.forward(B, this.#dropped(pooled, 'dropped'), classifier, logits, labels)
    return logits
  }

  /**
   * Writes x^T x and the sum of x of what enters each linear layer; returns where they will stand, and under which input
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
      this.#tape.record(op.WEIGHT_GRADIENT, [rows, K, K, x, K, x, gram, sum, 0], [x], [gram, sum])
      return { input, rows, K, x, gram, sum }
    })
  }

  /** [B, C] after the dropout of the pooled vector. */
  #dropped(x: number, name: string): number {
    const key = this.#drop.key(1)
    if (!key) return x
    const C = this.#layout.shape.hidden
    const y = this.#sequences(name, C)
    this.#tape.record(op.DROP, [this.#size.sequences, C, x, key, f32Bits(this.#drop.keep), y], [x], [y])
    return y
  }

  /** Writes the backward pass down to the gradients of all tensors. Needs forward() before it. */
  backward(loss: LossWords): void {
    const { hidden: C, layers, labels } = this.#layout.shape
    const { tokens: M, sequences: B, longest } = this.#size
    const memory = this.#memory
    const [logits, dlogits] = [this.#sequences('logits', labels), this.#sequences('dlogits', labels)]
    const shares = [loss.hardShare, loss.softShare, loss.inverseT].map(f32Bits)
    this.#tape.record(
      op.LOSS_SLOPE,
      [
        ...[B, labels, logits, loss.target, loss.teacher, ...shares, dlogits],
        ...[loss.teacherLogits, f32Bits(loss.squareShare)],
      ],
      [logits],
      [dlogits],
    )
    const pooled = this.#sequences('pooled', C)
    const seen = this.#drop.key(1) ? this.#sequences('dropped', C) : pooled
    const { pooler, classifier } = headOf(this.#layout.shape)
    const dpooled = this.#sequences('dpooled', C)
    this.#linears.backwardOne(B, dlogits, seen, classifier, dpooled, op.TANH_BACKWARD, pooled)
    const dpre = this.#dropped(dpooled, 'ddropped')
    const dfirst = this.#sequences('dfirst', C)
    this.#linears.backwardOne(B, dpre, this.#sequences('first', C), pooler, dfirst)
    const dx = this.#tokens('dx', C)
    const [widestF, widestHD] = [this.#widest((l) => l.intermediate), this.#widest((l) => l.heads * l.headSize)]
    this.#tape.record(op.SCATTER_FIRST, [B, C, dfirst, memory.offsets, dx], [dfirst], [dx])
    this.#stateSlopes(loss.states, layers.length, dx)
    for (let i = layers.length - 1; i >= 0; i--) {
      const { heads, headSize, intermediate: F } = layers[i]
      const stem = `layer.${i}`
      const HD = heads * headSize
      const [x, half] = [this.#tokens(`x.${i}`, C), this.#tokens(`half.${i}`, C)]
      const [qkv, context] = [this.#tokens(`qkv.${i}`, 3 * HD), this.#tokens(`context.${i}`, HD)]
      const [before, after] = [this.#tokens(`before.${i}`, F), this.#tokens(`after.${i}`, F)]
      const whole = this.#normBackward(dx, `${stem}.outputNorm`, this.#site(i, 1), 0, `whole.${i}`)
      const { attention, intermediate, output } = othersOf(this.#layout.shape, i)
      const dbefore = this.#tokens('dbefore', widestF)
      this.#linears.backwardOne(M, whole.dx, after, output, dbefore, op.GELU_BACKWARD, before)
      this.#linears.backwardOne(M, dbefore, half, intermediate, dx, op.ADD, whole.dz)
      const first = this.#normBackward(dx, `${stem}.attentionNorm`, this.#site(i, 0), 0, `half.${i}`)
      const dcontext = this.#tokens('dcontext', widestHD)
      this.#linears.backwardOne(M, first.dx, context, attention, dcontext)
      const dqkv = this.#tokens('dqkv', 3 * widestHD)
      const words = [B, heads, headSize, longest, memory.offsets, qkv, dcontext, dqkv]
      this.#tape.record(op.ATTENTION_BACKWARD, words, [qkv, dcontext], [dqkv])
      const parts = this.#thirds(dqkv, HD)
      const flows = projectionsOf(this.#layout.shape, i).map((linear, p): Flow => {
        return { linear, dy: parts[p], stride: 3 * HD, region: dqkv }
      })
      this.#linears.backward(M, flows, 0, x, dx, op.ADD, first.dz)
      this.#stateSlopes(loss.states, i, dx)
    }
    const { dz } = this.#normBackward(dx, 'norm', 0, this.#drop.key(0), 'embedding')
    this.#scatter(dz)
  }

  #scatter(dz: number): void {
    const { hidden: C, positions, types } = this.#layout.shape
    const memory = this.#memory
    const dWords = memory.region('dwords', this.#size.touched * C)
    const [dPosition, dType] = [this.#gradient('position'), this.#gradient('type')]
    const from = [memory.slots, memory.places, memory.kinds]
    const to = [dWords, this.#size.touched, dPosition, positions, dType, types]
    this.#tape.record(op.SCATTER, [this.#size.tokens, C, ...from, dz, ...to], [dz], [dWords, dPosition, dType])
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
      const at = memory.gradients + mask.offset * 4
      this.#tape.record(op.MASK_GRADIENT, [mask.length, mask.address, at], all, all)
    }
    const { partials, factor, settings } = words
    const wordPartials = partials + Math.ceil(length / op.SUM_CHUNK) * 8
    this.#tape.record(op.SUM_SQUARES, [length, memory.gradients, partials], all, [partials])
    this.#tape.record(op.SUM_SQUARES, [touched * C, dWords, wordPartials], [dWords], [wordPartials])
    const count = partialCount(this.#layout, touched)
    const clip = [count, partials, f32Bits(words.clipNorm), factor]
    this.#tape.record(op.CLIP_FACTOR, clip, [partials, wordPartials], [factor])
    const part = (begin: number, end: number, decay: number): void => {
      const at = [memory.parameters, memory.gradients, memory.firstMoments, memory.secondMoments].map(
        (a) => a + begin * 4,
      )
      this.#tape.record(op.ADAMW, [end - begin, ...at, settings, f32Bits(decay), factor], [factor], [at[0]])
    }
    part(0, decaying, words.decay)
    part(decaying, length, 1)
    const moments = [memory.wordFirstMoments, memory.wordSecondMoments]
    const rows = [touched, C, memory.touched, memory.words, dWords, ...moments, settings, f32Bits(words.decay), factor]
    this.#tape.record(op.ADAMW_ROWS, rows, [factor], [memory.words])
  }
}
