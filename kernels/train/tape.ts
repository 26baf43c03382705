// The tape of one training step, or of its forward pass alone.

import * as abi from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import type { Link } from './batch.ts'
import type { FakeQuantize } from './fake-quantize.ts'
import { TRAINED_ACTIVATIONS, type TrainActivation } from './activations.ts'
import {
  activationsOf,
  applicationsOf,
  headOf,
  othersOf,
  placeOf,
  projectionOf,
  projectionsOf,
  tableWidthOf,
  type Layout,
  type Linear,
} from './layout.ts'
import { LinearRecords, type Flow } from './linear-records.ts'
import type { StepMemory } from './step-memory.ts'
import { DistanceRecords } from './tape-distances.ts'
import { encodeStatistics, type InputSums } from './tape-statistics.ts'
import { encodeUpdate, type OptimizerWords } from './tape-update.ts'
import { encodeStateSlopes, type StateWords } from './tape-states.ts'
import { VectorRecords, type VectorWords } from './tape-vectors.ts'

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
  /** of a model without labels */
  vectors: VectorWords | null
}

/** Keys of the dropout sites of a step; all 0 where nothing is dropped. */
export interface DropWords {
  keep: number
  key(site: number): number
}

export class StepEncoder {
  #tape: TapeWriter
  #layout: Layout
  #memory: StepMemory
  #size: BatchSize
  #drop: DropWords
  #linears: LinearRecords
  #distances: DistanceRecords
  #vectors: VectorRecords | null
  #fake: FakeQuantize
  /** norms whose gradients this tape has made so far */
  #made = new Set<string>()

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
    this.#distances = new DistanceRecords(tape, layout, memory, size)
    const { vectors } = layout.shape
    this.#vectors = vectors ? new VectorRecords(tape, layout, memory, size.sequences, vectors) : null
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

  /** Elements of a norm: C, or the tables' width. */
  #normWidth(stem: string): number {
    return placeOf(this.#layout, `${stem}.gamma`).columns
  }

  #norm(x: number, residual: number, stem: string, xKey: number, yKey: number, name: string, y: number): void {
    const C = this.#normWidth(stem)
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
    const C = this.#normWidth(stem)
    const M = this.#size.tokens
    const [normal, rstd] = [this.#tokens(`${name}.normal`, C), this.#tokens(`${name}.rstd`, 1)]
    const dz = this.#tokens(stem === 'norm' ? 'dz.embedding' : 'dz', C)
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
    const continues = this.#made.has(stem) ? 1 : 0
    this.#made.add(stem)
    const sums = { M, C, continues, dy, normal, dgamma, dbeta }
    this.#tape.record(abi.LAYERNORM_GRADIENT, sums, [dy, normal], [dgamma, dbeta])
    return { dz, dx: dx || dz }
  }

  /** Sites of dropout: 0 the embeddings, 1 the pooled vector, then two per layer as it is applied. */
  #site(application: number, half: 0 | 1): number {
    return this.#drop.key(2 + 2 * application + half)
  }

  /** The word table and its row of each token: the table itself, or its touched rows as fake quantization rounds them. */
  #wordRows(): { table: number; ids: number } {
    const { words: table, ids, slots, touched: touchedIds } = this.#memory
    if (!this.#fake.embeddings) return { table, ids }
    const { touched: rows } = this.#size
    const C = tableWidthOf(this.#layout.shape)
    const rounded = this.#memory.region('rounded words', rows * C)
    this.#tape.record(abi.FAKE_TABLE, { rows, C, ids: touchedIds, table, y: rounded }, [], [rounded])
    return { table: rounded, ids: slots }
  }

  /** Address of hidden state `layer` f32 [M, C] of the forward pass: 0 what the embeddings give, i what the i-th layer gives. */
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

  /** Writes x.0 [M, C], what the tables give. */
  #embed(): void {
    const { shape } = this.#layout
    const { tokens: M } = this.#size
    const C = tableWidthOf(shape)
    const { table, ids } = this.#wordRows()
    const { places, kinds } = this.#memory
    const [position, type] = [this.#parameter('position'), shape.types > 0 ? this.#parameter('type') : 0]
    const rows = this.#tokens('rows', C)
    this.#tape.record(abi.EMBED, { M, C, ids, places, kinds, word: table, position, type, y: rows }, [table], [rows])
    const projection = projectionOf(shape)
    const normed = this.#tokens(projection ? 'tables' : 'x.0', C)
    this.#norm(rows, 0, 'norm', 0, this.#drop.key(0), 'embedding', normed)
    if (projection) this.#linears.forward(M, normed, projection, this.state(0), projection.N)
  }

  /** Address of the vectors f32 [B, width] of the forward pass. @throws where the shape has none */
  get vectors(): number {
    if (!this.#vectors) throw new Error('train: the shape of this session has no vectors; give it some')
    return this.#vectors.address
  }

  /** Writes the forward pass; returns the address of the logits f32 [B, labels], 0 where there are no labels. */
  forward(): number {
    const { shape } = this.#layout
    this.#embed()
    this.#distances.forward()
    const applications = applicationsOf(shape)
    applications.forEach((layer, a) => this.#layerForward(layer, a))
    const { hidden: C, labels } = shape
    const { sequences: B } = this.#size
    const { offsets } = this.#memory
    const x = this.state(applications.length)
    this.#vectors?.forward(x)
    const head = headOf(shape)
    if (!head) return 0
    const first = this.#sequences('first', C)
    this.#tape.record(abi.GATHER_FIRST, { B, C, x, offsets, y: first }, [x], [first])
    const pooled = this.#sequences('pooled', C)
    const { pooler, classifier } = head
    this.#activated(B, first, pooler, pooled, 'pooled.before', activationsOf(shape).poolerActivation)
    const logits = this.#sequences('logits', labels)
    this.#linears.forward(B, this.#dropped(pooled, 'dropped'), classifier, logits, labels)
    return logits
  }

  /** Layer number `layer` as the application `a`, by which what it computes is named. */
  #layerForward(layer: number, a: number): void {
    const { shape } = this.#layout
    const C = shape.hidden
    const { heads, headSize, intermediate: F } = shape.layers[layer]
    const { tokens: M, sequences: B, longest } = this.#size
    const stem = `layer.${layer}`
    const HD = heads * headSize
    const [x, half, branch] = [this.state(a), this.#tokens(`half.${a}`, C), this.#tokens('branch', C)]
    const [qkv, context] = [this.#tokens(`qkv.${a}`, 3 * HD), this.#tokens(`context.${a}`, HD)]
    const { attention, intermediate, output } = othersOf(shape, layer, a)
    const parts = this.#thirds(qkv, HD)
    projectionsOf(shape, layer, a).forEach((linear, p) => this.#linears.forward(M, x, linear, parts[p], 3 * HD))
    const { offsets } = this.#memory
    const { bias, biasStride } = this.#distances.bias
    const attended = { B, H: heads, D: headSize, longest, biasStride, offsets, qkv, bias, o: context }
    this.#tape.record(abi.ATTENTION_FORWARD, attended, bias ? [...parts, bias] : parts, [context])
    this.#linears.forward(M, context, attention, branch, C)
    this.#norm(branch, x, `${stem}.attentionNorm`, this.#site(a, 0), 0, `half.${a}`, half)
    const after = this.#tokens(`after.${a}`, F)
    this.#activated(M, half, intermediate, after, `before.${a}`, activationsOf(shape).activation)
    this.#linears.forward(M, after, output, branch, C)
    this.#norm(branch, half, `${stem}.outputNorm`, this.#site(a, 1), 0, `whole.${a}`, this.state(a + 1))
  }

  /** Writes the sums of what enters each linear layer; returns where they will be. Needs forward() before it. */
  statistics(): InputSums[] {
    return encodeStatistics(this.#tape, this.#layout, this.#memory, this.#size)
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
    const { shape } = this.#layout
    const { hidden: C } = shape
    const { tokens: M } = this.#size
    const dx = this.#tokens('dx', C)
    const head = headOf(shape)
    if (head) this.#headBackward(head, loss, dx)
    else if (this.#vectors && loss.vectors) this.#vectors.backward(loss.vectors, dx)
    const applications = applicationsOf(shape)
    this.#stateSlopes(loss.states, applications.length, dx)
    for (let a = applications.length - 1; a >= 0; a--) {
      this.#layerBackward(applications[a], a, dx)
      this.#stateSlopes(loss.states, a, dx)
    }
    this.#distances.backward()
    const projection = projectionOf(shape)
    const dtables = projection ? this.#tokens('dtables', projection.K) : dx
    if (projection) this.#linears.backwardOne(M, dx, this.#tokens('tables', projection.K), projection, dtables)
    const { dz } = this.#normBackward(dtables, 'norm', 0, this.#drop.key(0), 'embedding')
    this.#scatter(dz)
  }

  /** From the loss of the logits to the gradient dx of the last state. */
  #headBackward({ pooler, classifier }: NonNullable<ReturnType<typeof headOf>>, loss: LossWords, dx: number): void {
    const { target, teacher, link, hardShare, softShare, inverseT, teacherLogits, squareShare } = loss
    const { shape } = this.#layout
    const { hidden: C, labels } = shape
    const { sequences: B } = this.#size
    const [logits, dlogits] = [this.#sequences('logits', labels), this.#sequences('dlogits', labels)]
    const shares = { hardShare, softShare, inverseT, squareShare }
    this.#tape.record(
      abi.LOSS_SLOPE,
      { B, labels, link: abi.LINK[link], logits, target, teacher, teacherLogits, ...shares, d: dlogits },
      [logits],
      [dlogits],
    )
    const pooled = this.#sequences('pooled', C)
    const seen = this.#drop.key(1) ? this.#sequences('dropped', C) : pooled
    const dpooled = this.#sequences('dpooled', C)
    const slope = this.#slopeOf(activationsOf(shape).poolerActivation, 'pooled.before', pooled, B * C)
    this.#linears.backwardOne(B, dlogits, seen, classifier, dpooled, ...slope)
    const dpre = this.#dropped(dpooled, 'ddropped')
    const dfirst = this.#sequences('dfirst', C)
    this.#linears.backwardOne(B, dpre, this.#sequences('first', C), pooler, dfirst)
    this.#tape.record(abi.SCATTER_FIRST, { B, C, dy: dfirst, offsets: this.#memory.offsets, dx }, [dfirst], [dx])
  }

  /** The gradient dx of what a layer gives becomes that of what entered it. */
  #layerBackward(layer: number, a: number, dx: number): void {
    const { shape } = this.#layout
    const C = shape.hidden
    const { tokens: M, sequences: B, longest } = this.#size
    const { heads, headSize, intermediate: F } = shape.layers[layer]
    const [widestF, widestHD] = [this.#widest((l) => l.intermediate), this.#widest((l) => l.heads * l.headSize)]
    const stem = `layer.${layer}`
    const HD = heads * headSize
    const [x, half] = [this.state(a), this.#tokens(`half.${a}`, C)]
    const [qkv, context] = [this.#tokens(`qkv.${a}`, 3 * HD), this.#tokens(`context.${a}`, HD)]
    const after = this.#tokens(`after.${a}`, F)
    const whole = this.#normBackward(dx, `${stem}.outputNorm`, this.#site(a, 1), 0, `whole.${a}`)
    const { attention, intermediate, output } = othersOf(shape, layer, a)
    const dbefore = this.#tokens('dbefore', widestF)
    const slope = this.#slopeOf(activationsOf(shape).activation, `before.${a}`, after, M * F)
    this.#linears.backwardOne(M, whole.dx, after, output, dbefore, ...slope)
    this.#linears.backwardOne(M, dbefore, half, intermediate, dx, abi.EPILOGUE.add, whole.dz)
    const first = this.#normBackward(dx, `${stem}.attentionNorm`, this.#site(a, 0), 0, `half.${a}`)
    const dcontext = this.#tokens('dcontext', widestHD)
    this.#linears.backwardOne(M, first.dx, context, attention, dcontext)
    const dqkv = this.#tokens('dqkv', 3 * widestHD)
    const { offsets } = this.#memory
    const { dbias, continues } = this.#distances.slopes()
    const sizes = { B, H: heads, D: headSize, longest, continues }
    this.#tape.record(
      abi.ATTENTION_BACKWARD,
      { ...sizes, ...this.#distances.bias, offsets, qkv, dO: dcontext, dqkv, dbias },
      [qkv, dcontext],
      dbias ? [dqkv, dbias] : [dqkv],
    )
    const parts = this.#thirds(dqkv, HD)
    const flows = projectionsOf(shape, layer, a).map((linear, p): Flow => {
      return { linear, dy: parts[p], stride: 3 * HD, region: dqkv }
    })
    this.#linears.backward(M, flows, 0, x, dx, abi.EPILOGUE.add, first.dz)
  }

  #scatter(dz: number): void {
    const { shape } = this.#layout
    const C = tableWidthOf(shape)
    const { slots, places, kinds } = this.#memory
    const { tokens: M, touched } = this.#size
    const dWord = this.#memory.region('dwords', touched * C)
    const [dPosition, dType] = [this.#gradient('position'), shape.types > 0 ? this.#gradient('type') : 0]
    const rows = { wordRows: touched, positionRows: shape.positions, typeRows: shape.types }
    this.#tape.record(
      abi.SCATTER,
      { M, C, ...rows, slots, places, kinds, dx: dz, dWord, dPosition, dType },
      [dz],
      dType ? [dWord, dPosition, dType] : [dWord, dPosition],
    )
  }

  /** Writes masks, clipping and AdamW. Needs backward() before it. */
  update(words: OptimizerWords): void {
    encodeUpdate(this.#tape, this.#layout, this.#memory, this.#size.touched, words)
  }
}
