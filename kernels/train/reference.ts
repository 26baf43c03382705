// The training step in float64 and plain loops: forward, loss, and the gradient of every tensor. What the tape is
// compared with; itself compared with finite differences and with jax-js.

import { activate } from '../program/activations.ts'
import type { TrainActivation } from './activations.ts'
import { dropFactor, dropoutKey, lossOf, logSoftmax, type Dropout, type LossTarget, type TrainBatch } from './batch.ts'
import { ReferenceRounding } from './fake-quantize.ts'
import {
  activationsOf,
  headOf,
  othersOf,
  placeOf,
  projectionsOf,
  tensorOf,
  type Layout,
  type Linear,
  type TensorPlace,
} from './layout.ts'
import { lossSlope } from './reference-loss.ts'
import { activationSlope, join, layernorm, product, split, type Normed, type Rows } from './reference-math.ts'

export interface ReferenceParameters {
  /** [words, C] */
  words: Float64Array
  /** as the layout says */
  rest: Float64Array
}

export interface ReferenceResult {
  loss: number
  /** [B, labels] */
  logits: Float64Array
  gradients: ReferenceParameters
  /** what entered each linear layer, by input (Linear.input): [rows, K] */
  inputs: Map<string, Float64Array>
  /** hidden states [M, C]: of the embeddings, then of each layer */
  states: Float64Array[]
}

interface Tape {
  x: Rows
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
  inputs = new Map<string, Rows>()
  rounding: ReferenceRounding
  /** of each weight and of what each linear layer multiplies with it, rounded where fake quantization rounds */
  rounded = new Map<string, Float64Array>()
  multiplied = new Map<string, Rows[]>()
  M: number
  B: number
  C: number
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

  linear(x: Rows, { stem, weights, input }: Linear): Rows {
    this.inputs.set(input, x)
    const multiplied: Rows[] = []
    let y = x
    for (const name of weights) {
      const { rows, columns } = placeOf(this.layout, name)
      const a = this.rounding.rows(y, columns)
      multiplied.push(a)
      y = product(a, a.length / columns, columns, this.weight(name), rows)
    }
    this.multiplied.set(stem, multiplied)
    const bias = this.value(`${stem}.bias`)
    return y.map((value, i) => value + bias[i % bias.length])
  }

  /** Adds the gradients of weights and bias; returns that of what entered. Needs linear() before it. */
  linearBackward(dy: Rows, { stem, weights }: Linear): Rows {
    const multiplied = this.multiplied.get(stem)!
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
  projections(x: Rows, i: number): Rows {
    const parts = projectionsOf(this.layout.shape, i)
    return join(
      parts.map((linear) => this.linear(x, linear)),
      this.M,
    )
  }

  projectionsBackward(dqkv: Rows, x: Rows, i: number): Rows {
    const parts = projectionsOf(this.layout.shape, i)
    const dx = new Float64Array(x.length)
    split(dqkv, parts.length, this.M).forEach((dy, p) =>
      this.linearBackward(dy, parts[p]).forEach((value, at) => (dx[at] += value)),
    )
    return dx
  }

  norm(z: Rows, stem: string): Normed {
    return layernorm(z, this.C, this.value(`${stem}.gamma`), this.value(`${stem}.beta`), this.layout.shape.epsilon)
  }

  normBackward(dy: Rows, { normal, rstd }: Normed, stem: string): Rows {
    const C = this.C
    const [gamma, dgamma, dbeta] = [
      this.value(`${stem}.gamma`),
      this.slope(`${stem}.gamma`),
      this.slope(`${stem}.beta`),
    ]
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

  /** Calls `visit` for each sequence and head with where its rows begin. */
  units(heads: number, visit: (unit: number, first: number, T: number, head: number) => void): void {
    const { offsets } = this.batch
    for (let b = 0; b < this.B; b++)
      for (let h = 0; h < heads; h++) visit(b * heads + h, offsets[b], offsets[b + 1] - offsets[b], h)
  }

  attention(qkv: Rows, heads: number, D: number): { context: Rows; probabilities: Float64Array[] } {
    const HD = heads * D
    const context = new Float64Array(this.M * HD)
    const probabilities: Float64Array[] = []
    this.units(heads, (unit, first, T, h) => {
      const P = new Float64Array(T * T)
      const at = (t: number, part: number, d: number): number => (first + t) * 3 * HD + part * HD + h * D + d
      for (let i = 0; i < T; i++) {
        const scores = Float64Array.from({ length: T }, (_, j) => {
          let sum = 0
          for (let d = 0; d < D; d++) sum += qkv[at(i, 0, d)] * qkv[at(j, 1, d)]
          return sum / Math.sqrt(D)
        })
        P.set(logSoftmax(scores, 0, T, 1).map(Math.exp), i * T)
        for (let d = 0; d < D; d++)
          for (let j = 0; j < T; j++) context[(first + i) * HD + h * D + d] += P[i * T + j] * qkv[at(j, 2, d)]
      }
      probabilities[unit] = P
    })
    return { context, probabilities }
  }

  attentionBackward(dcontext: Rows, qkv: Rows, probabilities: Float64Array[], heads: number, D: number): Rows {
    const HD = heads * D
    const dqkv = new Float64Array(qkv.length)
    this.units(heads, (unit, first, T, h) => {
      const P = probabilities[unit]
      const at = (t: number, part: number, d: number): number => (first + t) * 3 * HD + part * HD + h * D + d
      for (let i = 0; i < T; i++) {
        const dO = dcontext.subarray((first + i) * HD + h * D, (first + i) * HD + h * D + D)
        const dP = new Float64Array(T)
        let mean = 0
        for (let j = 0; j < T; j++) {
          for (let d = 0; d < D; d++) {
            dP[j] += dO[d] * qkv[at(j, 2, d)]
            dqkv[at(j, 2, d)] += P[i * T + j] * dO[d]
          }
          mean += P[i * T + j] * dP[j]
        }
        for (let j = 0; j < T; j++) {
          const dS = (P[i * T + j] * (dP[j] - mean)) / Math.sqrt(D)
          for (let d = 0; d < D; d++) {
            dqkv[at(i, 0, d)] += dS * qkv[at(j, 1, d)]
            dqkv[at(j, 1, d)] += dS * qkv[at(i, 0, d)]
          }
        }
      }
    })
    return dqkv
  }

  layer(x: Rows, i: number): Tape {
    const { heads, headSize } = this.layout.shape.layers[i]
    const stem = `layer.${i}`
    const { attention, intermediate, output } = othersOf(this.layout.shape, i)
    const qkv = this.projections(x, i)
    const { context, probabilities } = this.attention(qkv, heads, headSize)
    const attended = this.drop(this.linear(context, attention), 2 + 2 * i)
    const half = this.norm(
      attended.map((value, at) => value + x[at]),
      `${stem}.attentionNorm`,
    )
    const before = this.linear(half.y, intermediate)
    const after = before.map((value) => activate(value, this.activation))
    const branch = this.drop(this.linear(after, output), 3 + 2 * i)
    const whole = this.norm(
      branch.map((value, at) => value + half.y[at]),
      `${stem}.outputNorm`,
    )
    return { x, qkv, probabilities, half, before, whole }
  }

  layerBackward(dy: Rows, tape: Tape, i: number): Rows {
    const { heads, headSize } = this.layout.shape.layers[i]
    const stem = `layer.${i}`
    const { attention, intermediate, output } = othersOf(this.layout.shape, i)
    const dz = this.normBackward(dy, tape.whole, `${stem}.outputNorm`)
    const dafter = this.linearBackward(this.drop(dz, 3 + 2 * i), output)
    const dbefore = dafter.map((value, at) => value * activationSlope(tape.before[at], this.activation))
    const dhalf = this.linearBackward(dbefore, intermediate).map((value, at) => value + dz[at])
    const dsum = this.normBackward(dhalf, tape.half, `${stem}.attentionNorm`)
    const dcontext = this.linearBackward(this.drop(dsum, 2 + 2 * i), attention)
    const dqkv = this.attentionBackward(dcontext, tape.qkv, tape.probabilities, heads, headSize)
    return this.projectionsBackward(dqkv, tape.x, i).map((value, at) => value + dsum[at])
  }

  embed(): Rows {
    const { C, M } = this
    const { ids, types } = this.batch
    const [position, type] = [this.value('position'), this.value('type')]
    const z = new Float64Array(M * C)
    const words = this.rounding.table(this.parameters.words, C)
    this.places((m, place) => {
      for (let c = 0; c < C; c++)
        z[m * C + c] = words[ids[m] * C + c] + position[place * C + c] + type[(types?.[m] ?? 0) * C + c]
    })
    return z
  }

  embedBackward(dz: Rows): void {
    const { C } = this
    const { ids, types } = this.batch
    const [position, type] = [this.slope('position'), this.slope('type')]
    this.places((m, place) => {
      for (let c = 0; c < C; c++) {
        this.gradients.words[ids[m] * C + c] += dz[m * C + c]
        position[place * C + c] += dz[m * C + c]
        type[(types?.[m] ?? 0) * C + c] += dz[m * C + c]
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
  const { hidden: C, layers, labels } = layout.shape
  const { offsets } = batch
  const run = new Reference(layout, parameters, batch, dropout, rounding)
  const embedded = run.norm(run.embed(), 'norm')
  const tapes: Tape[] = []
  let x = run.drop(embedded.y, 0)
  const states = [x]
  layers.forEach((_, i) => {
    tapes.push(run.layer(x, i))
    x = tapes[i].whole.y
    states.push(x)
  })
  const first = new Float64Array(run.B * C)
  for (let b = 0; b < run.B; b++) first.set(x.subarray(offsets[b] * C, offsets[b] * C + C), b * C)
  const { pooler, classifier } = headOf(layout.shape)
  const { poolerActivation } = activationsOf(layout.shape)
  const before = run.linear(first, pooler)
  const pooled = before.map((value) => activate(value, poolerActivation))
  const seen = run.drop(pooled, 1)
  const logits = run.linear(seen, classifier)
  const dlogits = lossSlope(logits, labels, goal)
  const dpooled = run.drop(run.linearBackward(dlogits, classifier), 1)
  const dfirst = run.linearBackward(
    dpooled.map((value, at) => value * activationSlope(before[at], poolerActivation)),
    pooler,
  )
  let dx: Rows = new Float64Array(x.length)
  for (let b = 0; b < run.B; b++) dx.set(dfirst.subarray(b * C, b * C + C), offsets[b] * C)
  let stateLoss = run.stateBackward(x, layers.length, goal, dx)
  for (let i = layers.length - 1; i >= 0; i--) {
    dx = run.layerBackward(dx, tapes[i], i)
    stateLoss += run.stateBackward(states[i], i, goal, dx)
  }
  run.embedBackward(run.normBackward(run.drop(dx, 0), embedded, 'norm'))
  const loss = lossOf(logits, labels, goal) + stateLoss
  return { loss, logits, gradients: run.gradients, inputs: run.inputs, states }
}
