// The training step in float64 and plain loops: forward, loss, and the gradient of every tensor. What the tape is
// compared with; itself compared with finite differences and with jax-js.

import { dropFactor, dropoutKey, lossOf, logSoftmax, type Dropout, type LossTarget, type TrainBatch } from './batch.ts'
import {
  headOf,
  othersOf,
  placeOf,
  projectionsOf,
  tensorOf,
  type Layout,
  type Linear,
  type TensorPlace,
} from './layout.ts'
import { gelu, geluSlope, join, product, split } from './reference-math.ts'

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
}

type Rows = Float64Array

interface Normed {
  normal: Rows
  rstd: Float64Array
  y: Rows
}

function layernorm(z: Rows, C: number, gamma: Float64Array, beta: Float64Array, epsilon: number): Normed {
  const M = z.length / C
  const normal = new Float64Array(M * C)
  const rstd = new Float64Array(M)
  const y = new Float64Array(M * C)
  for (let m = 0; m < M; m++) {
    let mean = 0
    for (let c = 0; c < C; c++) mean += z[m * C + c] / C
    let variance = 0
    for (let c = 0; c < C; c++) variance += (z[m * C + c] - mean) ** 2 / C
    rstd[m] = 1 / Math.sqrt(variance + epsilon)
    for (let c = 0; c < C; c++) {
      normal[m * C + c] = (z[m * C + c] - mean) * rstd[m]
      y[m * C + c] = normal[m * C + c] * gamma[c] + beta[c]
    }
  }
  return { normal, rstd, y }
}

interface Tape {
  x: Rows
  qkv: Rows
  context: Rows
  probabilities: Float64Array[]
  half: Normed
  before: Rows
  after: Rows
  whole: Normed
}

class Reference {
  layout: Layout
  parameters: ReferenceParameters
  batch: TrainBatch
  dropout: Dropout | null
  gradients: ReferenceParameters
  inputs = new Map<string, Rows>()
  M: number
  B: number
  C: number

  constructor(layout: Layout, parameters: ReferenceParameters, batch: TrainBatch, dropout: Dropout | null) {
    this.layout = layout
    this.parameters = parameters
    this.batch = batch
    this.dropout = dropout
    this.gradients = { words: new Float64Array(parameters.words.length), rest: new Float64Array(layout.length) }
    this.M = batch.ids.length
    this.B = batch.offsets.length - 1
    this.C = layout.shape.hidden
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

  /** What enters each weight of a linear layer, and its outputs. */
  through(x: Rows, { stem, weights }: Linear): { inputs: Rows[]; y: Rows } {
    const inputs: Rows[] = []
    let y = x
    for (const name of weights) {
      const { rows, columns } = placeOf(this.layout, name)
      inputs.push(y)
      y = product(y, y.length / columns, columns, this.value(name), rows)
    }
    const bias = this.value(`${stem}.bias`)
    return { inputs, y: y.map((value, i) => value + bias[i % bias.length]) }
  }

  linear(x: Rows, linear: Linear): Rows {
    this.inputs.set(linear.input, x)
    return this.through(x, linear).y
  }

  /** Adds the gradients of weights and bias; returns that of x. */
  linearBackward(dy: Rows, x: Rows, linear: Linear): Rows {
    const { inputs } = this.through(x, linear)
    const db = this.slope(`${linear.stem}.bias`)
    dy.forEach((d, i) => (db[i % db.length] += d))
    let dx = dy
    for (const [i, name] of [...linear.weights.entries()].reverse())
      dx = this.productBackward(dx, inputs[i], placeOf(this.layout, name), this.value(name), this.slope(name))
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
      this.linearBackward(dy, x, parts[p]).forEach((value, at) => (dx[at] += value)),
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
    const after = before.map(gelu)
    const branch = this.drop(this.linear(after, output), 3 + 2 * i)
    const whole = this.norm(
      branch.map((value, at) => value + half.y[at]),
      `${stem}.outputNorm`,
    )
    return { x, qkv, context, probabilities, half, before, after, whole }
  }

  layerBackward(dy: Rows, tape: Tape, i: number): Rows {
    const { heads, headSize } = this.layout.shape.layers[i]
    const stem = `layer.${i}`
    const { attention, intermediate, output } = othersOf(this.layout.shape, i)
    const dz = this.normBackward(dy, tape.whole, `${stem}.outputNorm`)
    const dafter = this.linearBackward(this.drop(dz, 3 + 2 * i), tape.after, output)
    const dbefore = dafter.map((value, at) => value * geluSlope(tape.before[at]))
    const dhalf = this.linearBackward(dbefore, tape.half.y, intermediate).map((value, at) => value + dz[at])
    const dsum = this.normBackward(dhalf, tape.half, `${stem}.attentionNorm`)
    const dcontext = this.linearBackward(this.drop(dsum, 2 + 2 * i), tape.context, attention)
    const dqkv = this.attentionBackward(dcontext, tape.qkv, tape.probabilities, heads, headSize)
    return this.projectionsBackward(dqkv, tape.x, i).map((value, at) => value + dsum[at])
  }

  embed(): Rows {
    const { C, M } = this
    const { ids, types } = this.batch
    const [position, type] = [this.value('position'), this.value('type')]
    const z = new Float64Array(M * C)
    this.places((m, place) => {
      for (let c = 0; c < C; c++)
        z[m * C + c] = this.parameters.words[ids[m] * C + c] + position[place * C + c] + type[(types?.[m] ?? 0) * C + c]
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

  places(visit: (m: number, place: number) => void): void {
    const { offsets } = this.batch
    for (let b = 0; b < this.B; b++) for (let m = offsets[b]; m < offsets[b + 1]; m++) visit(m, m - offsets[b])
  }
}

/** d loss / d logits. */
function lossSlope(logits: Float64Array, labels: number, goal: LossTarget): Float64Array {
  const B = logits.length / labels
  const { target, teacher, alpha, temperature: T } = goal
  const d = new Float64Array(logits.length)
  for (let b = 0; b < B; b++) {
    const p = logSoftmax(logits, b * labels, labels, 1).map(Math.exp)
    const soft = logSoftmax(logits, b * labels, labels, T).map(Math.exp)
    for (let c = 0; c < labels; c++) {
      const at = b * labels + c
      d[at] = ((teacher ? alpha : 1) * (p[c] - target[at])) / B
      if (teacher) d[at] += ((1 - alpha) * T * (soft[c] - teacher[at])) / B
    }
  }
  return d
}

/** Loss, logits and all gradients of one batch. */
export function referenceStep(
  layout: Layout,
  parameters: ReferenceParameters,
  batch: TrainBatch,
  goal: LossTarget,
  dropout: Dropout | null = null,
): ReferenceResult {
  const { hidden: C, layers, labels } = layout.shape
  const { offsets } = batch
  const run = new Reference(layout, parameters, batch, dropout)
  const embedded = run.norm(run.embed(), 'norm')
  const tapes: Tape[] = []
  let x = run.drop(embedded.y, 0)
  layers.forEach((_, i) => {
    tapes.push(run.layer(x, i))
    x = tapes[i].whole.y
  })
  const first = new Float64Array(run.B * C)
  for (let b = 0; b < run.B; b++) first.set(x.subarray(offsets[b] * C, offsets[b] * C + C), b * C)
  const { pooler, classifier } = headOf(layout.shape)
  const pooled = run.linear(first, pooler).map(Math.tanh)
  const seen = run.drop(pooled, 1)
  const logits = run.linear(seen, classifier)
  const dlogits = lossSlope(logits, labels, goal)
  const dpooled = run.drop(run.linearBackward(dlogits, seen, classifier), 1)
  const dfirst = run.linearBackward(
    dpooled.map((value, at) => value * (1 - pooled[at] ** 2)),
    first,
    pooler,
  )
  let dx: Rows = new Float64Array(x.length)
  for (let b = 0; b < run.B; b++) dx.set(dfirst.subarray(b * C, b * C + C), offsets[b] * C)
  for (let i = layers.length - 1; i >= 0; i--) dx = run.layerBackward(dx, tapes[i], i)
  run.embedBackward(run.normBackward(run.drop(dx, 0), embedded, 'norm'))
  return { loss: lossOf(logits, labels, goal), logits, gradients: run.gradients, inputs: run.inputs }
}
