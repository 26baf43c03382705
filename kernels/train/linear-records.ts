// The records of linear layers, dense or chains of factors, forward and backward.
//
// A chain's hidden activations stay until the backward pass. Linear layers of one input (query, key, value) whose chains begin
// with the same factors run those once; backward, the gradients that meet at such a factor are summed before it is used.
// Fake quantization rounds each weight, and what it is multiplied with in the forward pass.

import { EPILOGUE, MULTIPLY, WEIGHT_GRADIENT } from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import { RoundedOperands } from './fake-quantize.ts'
import { placeOf, type Layout, type Linear } from './layout.ts'
import type { StepMemory } from './step-memory.ts'

/** A linear layer and the gradient of its outputs: f32 [M, N], rows `stride` elements apart, in `region`. */
export interface Flow {
  linear: Linear
  dy: number
  stride: number
  region: number
}

/** Flows whose chains go on with the same factor at `depth`, together; the last factor of each chain is its own group. */
function groupsOf(flows: Flow[], depth: number): Flow[][] {
  const groups = new Map<string, Flow[]>()
  for (const flow of flows) {
    const { stem, weights } = flow.linear
    const key = depth === weights.length - 1 ? stem : weights[depth]
    groups.set(key, [...(groups.get(key) ?? []), flow])
  }
  return [...groups.values()]
}

export class LinearRecords {
  #tape: TapeWriter
  #layout: Layout
  #memory: StepMemory
  /** M of the encoder's layers */
  #tokens: number
  /** hidden activations and gradients of weights that this tape has made so far */
  #made = new Set<string>()
  #rounded: RoundedOperands

  constructor(tape: TapeWriter, layout: Layout, memory: StepMemory, tokens: number, isRounded: boolean) {
    this.#tape = tape
    this.#layout = layout
    this.#memory = memory
    this.#tokens = tokens
    this.#rounded = new RoundedOperands(tape, (name, elements) => memory.region(name, elements), isRounded)
  }

  #parameter(name: string): number {
    return this.#memory.parameters + placeOf(this.#layout, name).offset * 4
  }

  /** Address of a weight as it is multiplied. */
  #weight(name: string): number {
    const { rows, columns } = placeOf(this.#layout, name)
    return this.#rounded.weight(this.#parameter(name), rows, columns)
  }

  #gradient(name: string): number {
    return this.#memory.gradients + placeOf(this.#layout, name).offset * 4
  }

  /** y [M,N] = epilogue(a [M,K] . weight + bias), `weight` [N,K]; bias 0 for none. Rows of y are `stride` apart. */
  #multiply(
    M: number,
    a: number,
    weight: string,
    bias: number,
    y: number,
    stride: number,
    epilogue: number,
    other = 0,
  ) {
    const { rows: N, columns: K } = placeOf(this.#layout, weight)
    const [x, w] = [this.#rounded.rows(a, M, K), this.#weight(weight)]
    this.#tape.record(
      MULTIPLY,
      { M, K, N, a: x, aStride: K, weights: w, isByRows: 0, bias, epilogue, other, y, yStride: stride },
      [x, w],
      other ? [y, other] : [y],
    )
  }

  /** dx [M,K] = epilogue(dy [M,N] . weight), `weight` [N,K] */
  #multiplyBack(M: number, { dy, stride, region }: Flow, weight: string, dx: number, epilogue: number, other: number) {
    const { rows: N, columns: K } = placeOf(this.#layout, weight)
    const product = { M, K: N, N: K, a: dy, aStride: stride, weights: this.#weight(weight), isByRows: 1 }
    this.#tape.record(
      MULTIPLY,
      { ...product, bias: 0, epilogue, other, y: dx, yStride: K },
      other ? [region, other] : [region],
      [dx],
    )
  }

  /** Adds to the gradients that an earlier record of this tape wrote: shared factors and layers. */
  #weightGradient(M: number, { dy, stride, region }: Flow, input: number, weight: string, bias: string | null): void {
    const { rows: N, columns: K } = placeOf(this.#layout, weight)
    const x = this.#rounded.rows(input, M, K)
    const [dw, db] = [this.#gradient(weight), bias === null ? 0 : this.#gradient(bias)]
    const continues = this.#continues(weight, 1) + (bias === null ? 0 : this.#continues(bias, 2))
    this.#tape.record(
      WEIGHT_GRADIENT,
      { M, N, K, dy, dyStride: stride, x, dw, db, continues },
      [region, x],
      db ? [dw, db] : [dw],
    )
  }

  /** `flag` where an earlier record of this tape wrote the gradient of that name, else 0. */
  #continues(name: string, flag: number): number {
    const isMade = this.#made.has(name)
    this.#made.add(name)
    return isMade ? flag : 0
  }

  /** What the first `depth` + 1 factors of a chain make of its input, [M, R]; linear layers of one use share it. */
  #hidden(M: number, { use, weights }: Linear, depth: number): { name: string; address: number } {
    const name = `hidden.${use}.${weights.slice(0, depth + 1).join()}`
    return { name, address: this.#memory.region(name, M * placeOf(this.#layout, weights[depth]).rows) }
  }

  /** y [M,N] = epilogue(x through the weights of `linear` + bias), rows of y `stride` apart */
  forward(
    M: number,
    x: number,
    linear: Linear,
    y: number,
    stride: number,
    epilogue: number = EPILOGUE.plain,
    other = 0,
  ): void {
    const { stem, weights } = linear
    let a = x
    for (let depth = 0; depth < weights.length - 1; depth++) {
      const { name, address } = this.#hidden(M, linear, depth)
      if (!this.#made.has(name)) {
        const { rows: R } = placeOf(this.#layout, weights[depth])
        this.#multiply(M, a, weights[depth], 0, address, R, EPILOGUE.plain)
      }
      this.#made.add(name)
      a = address
    }
    this.#multiply(M, a, weights[weights.length - 1], this.#parameter(`${stem}.bias`), y, stride, epilogue, other)
  }

  /**
   * Gradients of the weights from `depth` on, and dx [M,K] = epilogue(sum over the flows); x [M,K] is what entered there.
   * Of several flows the epilogue is plain or add.
   */
  backward(M: number, flows: Flow[], depth: number, x: number, dx: number, epilogue: number, other: number): void {
    groupsOf(flows, depth).forEach((group, g) => {
      const { stem, weights } = group[0].linear
      let flow = group[0]
      const isLast = depth === weights.length - 1
      if (!isLast) {
        const { address } = this.#hidden(M, flow.linear, depth)
        const widest = Math.max(...this.#layout.shape.factors!.map(({ rows }) => rows))
        const dy = this.#memory.region(`dhidden.${depth}`, this.#tokens * widest)
        this.backward(M, group, depth + 1, address, dy, EPILOGUE.plain, 0)
        flow = { linear: flow.linear, dy, stride: placeOf(this.#layout, weights[depth]).rows, region: dy }
      }
      this.#weightGradient(M, flow, x, weights[depth], isLast ? `${stem}.bias` : null)
      if (g === 0) this.#multiplyBack(M, flow, weights[depth], dx, epilogue, other)
      else this.#multiplyBack(M, flow, weights[depth], dx, EPILOGUE.add, dx)
    })
  }

  /** As backward, of one linear layer from dy [M, N] on. */
  backwardOne(
    M: number,
    dy: number,
    x: number,
    linear: Linear,
    dx: number,
    epilogue: number = EPILOGUE.plain,
    other = 0,
  ) {
    this.backward(M, [{ linear, dy, stride: linear.N, region: dy }], 0, x, dx, epilogue, other)
  }
}
