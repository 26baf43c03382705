// The training step in float64 and plain loops: forward, loss, and the gradient of every tensor. What the tape is
// compared with; itself compared with finite differences and with jax-js.

import { activate } from '../program/activations.ts'
import type { TrainActivation } from './activations.ts'
import { dropFactor, dropoutKey, lossOf, type Dropout, type LossTarget, type TrainBatch } from './batch.ts'
import { ReferenceRounding } from './fake-quantize.ts'
import {
  activationsOf,
  applicationsOf,
  headOf,
  othersOf,
  placeOf,
  projectionOf,
  projectionsOf,
  tableWidthOf,
  tensorOf,
  type Layout,
  type Linear,
  type TensorPlace,
} from './layout.ts'
import { attention, attentionBackward, type AttentionShape, type Unit } from './reference-attention.ts'
import { lossSlope, vectorSlope } from './reference-loss.ts'
import {
  activationSlope,
  concatenate,
  join,
  layernorm,
  product,
  split,
  type Normed,
  type Rows,
} from './reference-math.ts'

export interface ReferenceParameters {
  /** [words, E] */
  words: Float64Array
  /** as the layout says */
  rest: Float64Array
}

export interface ReferenceResult {
  loss: number
  /** [B, labels] */
  logits: Float64Array
  gradients: ReferenceParameters
  /** what entered each linear layer, by input (Linear.input), of several applications one after the other: [rows, K] */
  inputs: Map<string, Float64Array>
  /** hidden states [M, C]: of the embeddings, then of each layer */
  states: Float64Array[]
  /** [B, width], where the shape has vectors */
  vectors: Float64Array | null
}

interface Tape {
  qkv: Rows
  probabilities: Float64Array[]
  half: Normed
  before: Rows
  whole: Normed
}

class Reference {
  layout: Layout
  parameters: ReferenceParameters
  batch: TrainBatch
  dropout: Dropout | null
  gradients: ReferenceParameters
  /** what entered linear layers, by use */
  entered = new Map<string, { input: string; x: Rows }>()
  rounding: ReferenceRounding
  /** of each weight and of what each linear layer multiplies with it, rounded where fake quantization rounds */
  rounded = new Map<string, Float64Array>()
  multiplied = new Map<string, Rows[]>()
  M: number
  B: number
  C: number
  E: number
  activation: TrainActivation

  constructor(
    layout: Layout,
    parameters: ReferenceParameters,
    batch: TrainBatch,
    dropout: Dropout | null,
    rounding: ReferenceRounding,
  ) {
    this.rounding = rounding
    this.layout = layout
    this.parameters = parameters
    this.batch = batch
    this.dropout = dropout
    this.gradients = { words: new Float64Array(parameters.words.length), rest: new Float64Array(layout.length) }
    this.M = batch.ids.length
    this.B = batch.offsets.length - 1
    this.C = layout.shape.hidden
    this.E = tableWidthOf(layout.shape)
    this.activation = activationsOf(layout.shape).activation
  }

  value(name: string): Float64Array {
    return tensorOf(this.layout, this.parameters.rest, name)
  }

  slope(name: string): Float64Array {
    return tensorOf(this.layout, this.gradients.rest, name)
  }

  /** x with the dropout of a site; the same in both directions. */
  drop(x: Rows, site: number): Rows {
    if (!this.dropout || this.dropout.rate === 0) return x
    const key = dropoutKey(this.dropout.seed, site)
    const keep = Math.fround(1 - this.dropout.rate)
    return x.map((value, i) => value * dropFactor(key, i, keep))
  }

  /** A weight as it is multiplied: rounded once, where fake quantization rounds. */
  weight(name: string): Float64Array {
    const known = this.rounded.get(name)
    if (known) return known
    const W = this.rounding.weight(this.value(name), placeOf(this.layout, name).columns)
    this.rounded.set(name, W)
    return W
  }

  linear(x: Rows, { stem, use, weights, input }: Linear): Rows {
    this.entered.set(use, { input, x })
    const multiplied: Rows[] = []
    let y = x
    for (const name of weights) {
      const { rows, columns } = placeOf(this.layout, name)
      const a = this.rounding.rows(y, columns)
      multiplied.push(a)
      y = product(a, a.length / columns, columns, this.weight(name), rows)
    }
    this.multiplied.set(`${use} of ${stem}`, multiplied)
    const bias = this.value(`${stem}.bias`)
    return y.map((value, i) => value + bias[i % bias.length])
  }

  /** What entered linear layers, by input: of a layer that is applied several times the rows of all its uses. */
  inputs(): Map<string, Rows> {
    const all = new Map<string, Rows[]>()
    for (const { input, x } of this.entered.values()) all.set(input, [...(all.get(input) ?? []), x])
    return new Map([...all].map(([input, parts]) => [input, concatenate(parts)]))
  }

  /** Adds the gradients of weights and bias; returns that of what entered. Needs linear() before it. */
  linearBackward(dy: Rows, { stem, use, weights }: Linear): Rows {
    const multiplied = this.multiplied.get(`${use} of ${stem}`)!
    const db = this.slope(`${stem}.bias`)
    dy.forEach((d, i) => (db[i % db.length] += d))
    let dx = dy
    for (const [i, name] of [...weights.entries()].reverse())
      dx = this.productBackward(dx, multiplied[i], placeOf(this.layout, name), this.weight(name), this.slope(name))
    return dx
  }

  productBackward(dy: Rows, x: Rows, { rows: N, columns: K }: TensorPlace, W: Float64Array, dW: Float64Array): Rows {
    const dx = new Float64Array(x.length)
    for (let m = 0; m < x.length / K; m++)
      for (let n = 0; n < N; n++) {
        const d = dy[m * N + n]
        for (let k = 0; k < K; k++) {
          dW[n * K + k] += d * x[m * K + k]
          dx[m * K + k] += d * W[n * K + k]
        }
      }
    return dx
  }

  /** Queries, keys and values side by side, [M, 3, HD]. */
  projections(x: Rows, layer: number, a: number): Rows {
    const parts = projectionsOf(this.layout.shape, layer, a)
    return join(
      parts.map((linear) => this.linear(x, linear)),
      this.M,
    )
  }

  projectionsBackward(dqkv: Rows, layer: number, a: number): Rows {
    const parts = projectionsOf(this.layout.shape, layer, a)
    const dx = new Float64Array(this.M * this.C)
    split(dqkv, parts.length, this.M).forEach((dy, p) =>
      this.linearBackward(dy, parts[p]).forEach((value, at) => (dx[at] += value)),
    )
    return dx
  }

  norm(z: Rows, stem: string): Normed {
    const gamma = this.value(`${stem}.gamma`)
    return layernorm(z, gamma.length, gamma, this.value(`${stem}.beta`), this.layout.shape.epsilon)
  }

  normBackward(dy: Rows, { normal, rstd }: Normed, stem: string): Rows {
    const gamma = this.value(`${stem}.gamma`)
    const [dgamma, dbeta] = [this.slope(`${stem}.gamma`), this.slope(`${stem}.beta`)]
    const C = gamma.length
    const dz = new Float64Array(dy.length)
    for (let m = 0; m < dy.length / C; m++) {
      let sum = 0
      let product = 0
      for (let c = 0; c < C; c++) {
        const at = m * C + c
        dgamma[c] += dy[at] * normal[at]
        dbeta[c] += dy[at]
        sum += (dy[at] * gamma[c]) / C
        product += (dy[at] * gamma[c] * normal[at]) / C
      }
      for (let c = 0; c < C; c++) {
        const at = m * C + c
        dz[at] = rstd[m] * (dy[at] * gamma[c] - sum - normal[at] * product)
      }
    }
    return dz
  }

  attentionShape(layer: number): AttentionShape {
    const { heads, headSize } = this.layout.shape.layers[layer]
    const { positions, distances } = this.layout.shape
    const { offsets } = this.batch
    const units: Unit[] = []
    for (let b = 0; b < this.B; b++)
      for (let head = 0; head < heads; head++) units.push({ first: offsets[b], T: offsets[b + 1] - offsets[b], head })
    return {
      ...{ units, heads, headSize },
      distances: distances
        ? {
            ...{ table: this.value('distances'), slope: this.slope('distances') },
            at: (distance, head) => distances.rowOf[distance + positions - 1] * heads + head,
          }
        : null,
    }
  }

  /** Layer number `layer` as the application `a`. */
  layer(x: Rows, layer: number, a: number): Tape {
    const stem = `layer.${layer}`
    const { attention: projected, intermediate, output } = othersOf(this.layout.shape, layer, a)
    const qkv = this.projections(x, layer, a)
    const { context, probabilities } = attention(qkv, this.attentionShape(layer))
    const attended = this.drop(this.linear(context, projected), 2 + 2 * a)
    const half = this.norm(
      attended.map((value, at) => value + x[at]),
      `${stem}.attentionNorm`,
    )
    const before = this.linear(half.y, intermediate)
    const after = before.map((value) => activate(value, this.activation))
    const branch = this.drop(this.linear(after, output), 3 + 2 * a)
    const whole = this.norm(
      branch.map((value, at) => value + half.y[at]),
      `${stem}.outputNorm`,
    )
    return { qkv, probabilities, half, before, whole }
  }

  layerBackward(dy: Rows, tape: Tape, layer: number, a: number): Rows {
    const stem = `layer.${layer}`
    const { attention: projected, intermediate, output } = othersOf(this.layout.shape, layer, a)
    const dz = this.normBackward(dy, tape.whole, `${stem}.outputNorm`)
    const dafter = this.linearBackward(this.drop(dz, 3 + 2 * a), output)
    const dbefore = dafter.map((value, at) => value * activationSlope(tape.before[at], this.activation))
    const dhalf = this.linearBackward(dbefore, intermediate).map((value, at) => value + dz[at])
    const dsum = this.normBackward(dhalf, tape.half, `${stem}.attentionNorm`)
    const dcontext = this.linearBackward(this.drop(dsum, 2 + 2 * a), projected)
    const dqkv = attentionBackward(dcontext, tape.qkv, tape.probabilities, this.attentionShape(layer))
    return this.projectionsBackward(dqkv, layer, a).map((value, at) => value + dsum[at])
  }

  /** What the tables give, [M, E]. */
  embed(): Rows {
    const { E, M } = this
    const { ids, types } = this.batch
    const position = this.value('position')
    const type = this.layout.shape.types > 0 ? this.value('type') : null
    const z = new Float64Array(M * E)
    const words = this.rounding.table(this.parameters.words, E)
    this.places((m, place) => {
      for (let c = 0; c < E; c++)
        z[m * E + c] = words[ids[m] * E + c] + position[place * E + c] + (type ? type[(types?.[m] ?? 0) * E + c] : 0)
    })
    return z
  }

  embedBackward(dz: Rows): void {
    const { E } = this
    const { ids, types } = this.batch
    const position = this.slope('position')
    const type = this.layout.shape.types > 0 ? this.slope('type') : null
    this.places((m, place) => {
      for (let c = 0; c < E; c++) {
        this.gradients.words[ids[m] * E + c] += dz[m * E + c]
        position[place * E + c] += dz[m * E + c]
        if (type) type[(types?.[m] ?? 0) * E + c] += dz[m * E + c]
      }
    })
  }

  /** Adds to dx what the matches of state `layer` contribute; returns their loss. */
  stateBackward(x: Rows, layer: number, { states }: LossTarget, dx: Rows): number {
    const { C, M } = this
    let loss = 0
    this.layout.shape.matches?.forEach((match, j) => {
      if (match.layer !== layer || !states) return
      const { width, isProjected } = match
      const t = states.teacher[j]
      const [W, dW] = isProjected ? [this.value(`match.${j}.weight`), this.slope(`match.${j}.weight`)] : [null, null]
      for (let m = 0; m < M; m++)
        for (let n = 0; n < width; n++) {
          let difference = -t[m * width + n]
          if (W) for (let c = 0; c < C; c++) difference += x[m * C + c] * W[n * C + c]
          else difference += x[m * C + n]
          loss += (states.weight * difference ** 2) / (M * width)
          const d = (2 * states.weight * difference) / (M * width)
          if (!W || !dW) dx[m * C + n] += d
          else
            for (let c = 0; c < C; c++) {
              dW[n * C + c] += d * x[m * C + c]
              dx[m * C + c] += d * W[n * C + c]
            }
        }
    })
    return loss
  }

  /** Adds to dx what the vectors of the last state x contribute; returns them and their loss. */
  vectorBackward(x: Rows, { vectors }: LossTarget, dx: Rows): { p: Float64Array; loss: number } {
    const { B, C } = this
    const { width, isProjected } = this.layout.shape.vectors!
    const means = new Float64Array(B * C)
    this.sequences((m, b, T) => {
      for (let c = 0; c < C; c++) means[b * C + c] += x[m * C + c] / T
    })
    const place = isProjected ? placeOf(this.layout, 'vectors.weight') : null
    const W = place && this.value('vectors.weight')
    const p = W ? product(means, B, C, W, width) : means
    if (!vectors) return { p, loss: 0 }
    const { loss, d } = vectorSlope(p, B, vectors)
    const dmeans = place && W ? this.productBackward(d, means, place, W, this.slope('vectors.weight')) : d
    this.sequences((m, b, T) => {
      for (let c = 0; c < C; c++) dx[m * C + c] += dmeans[b * C + c] / T
    })
    return { p, loss }
  }

  /** Calls `visit` with every token, its sequence and that sequence's tokens. */
  sequences(visit: (m: number, b: number, T: number) => void): void {
    const { offsets } = this.batch
    for (let b = 0; b < this.B; b++)
      for (let m = offsets[b]; m < offsets[b + 1]; m++) visit(m, b, offsets[b + 1] - offsets[b])
  }

  places(visit: (m: number, place: number) => void): void {
    const { offsets } = this.batch
    for (let b = 0; b < this.B; b++) for (let m = offsets[b]; m < offsets[b + 1]; m++) visit(m, m - offsets[b])
  }
}

/** Loss, logits and all gradients of one batch. */
export function referenceStep(
  layout: Layout,
  parameters: ReferenceParameters,
  batch: TrainBatch,
  goal: LossTarget,
  dropout: Dropout | null = null,
  rounding = new ReferenceRounding({ linears: false }),
): ReferenceResult {
  const applications = applicationsOf(layout.shape)
  const projection = projectionOf(layout.shape)
  const run = new Reference(layout, parameters, batch, dropout, rounding)
  const embedded = run.norm(run.embed(), 'norm')
  const tapes: Tape[] = []
  const tables = run.drop(embedded.y, 0)
  let x = projection ? run.linear(tables, projection) : tables
  const states = [x]
  applications.forEach((layer, a) => {
    tapes.push(run.layer(x, layer, a))
    x = tapes[a].whole.y
    states.push(x)
  })
  let dx: Rows = new Float64Array(x.length)
  const logits = headOf(layout.shape) ? headBackward(run, x, goal, dx) : new Float64Array()
  const vectors = layout.shape.vectors ? run.vectorBackward(x, goal, dx) : null
  let stateLoss = run.stateBackward(x, applications.length, goal, dx)
  for (let a = applications.length - 1; a >= 0; a--) {
    dx = run.layerBackward(dx, tapes[a], applications[a], a)
    stateLoss += run.stateBackward(states[a], a, goal, dx)
  }
  if (projection) dx = run.linearBackward(dx, projection)
  run.embedBackward(run.normBackward(run.drop(dx, 0), embedded, 'norm'))
  const loss = lossOf(logits, layout.shape.labels, goal) + stateLoss + (vectors?.loss ?? 0)
  return { loss, logits, gradients: run.gradients, inputs: run.inputs(), states, vectors: vectors?.p ?? null }
}

/** Adds to dx what the logits contribute to the gradient of the last state x; returns them. */
function headBackward(run: Reference, x: Rows, goal: LossTarget, dx: Rows): Float64Array {
  const { layout, C, B } = run
  const { offsets } = run.batch
  const { pooler, classifier } = headOf(layout.shape)!
  const { poolerActivation } = activationsOf(layout.shape)
  const first = new Float64Array(B * C)
  for (let b = 0; b < B; b++) first.set(x.subarray(offsets[b] * C, offsets[b] * C + C), b * C)
  const before = run.linear(first, pooler)
  const pooled = before.map((value) => activate(value, poolerActivation))
  const seen = run.drop(pooled, 1)
  const logits = run.linear(seen, classifier)
  const dlogits = lossSlope(logits, layout.shape.labels, goal)
  const dpooled = run.drop(run.linearBackward(dlogits, classifier), 1)
  const dfirst = run.linearBackward(
    dpooled.map((value, at) => value * activationSlope(before[at], poolerActivation)),
    pooler,
  )
  for (let b = 0; b < B; b++) dx.set(dfirst.subarray(b * C, b * C + C), offsets[b] * C)
  return logits
}
