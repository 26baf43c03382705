// Attention's bias by distance, as records: from the learned table to the rows that attention adds, and back. All layers add
// the same bias, so its gradient is the sum over them.

import { DISTANCE_BIAS, DISTANCE_GRADIENT } from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import { placeOf, type Layout } from './layout.ts'
import type { StepMemory } from './step-memory.ts'

/** Sequences, and tokens of the longest one. */
interface Size {
  sequences: number
  longest: number
}

/** Address of the bias f32 [H] rows of `stride`; 0 where there is none. */
interface Bias {
  bias: number
  biasStride: number
}

export class DistanceRecords {
  #tape: TapeWriter
  #layout: Layout
  #memory: StepMemory
  #size: Size
  #hasSlopes = false

  constructor(tape: TapeWriter, layout: Layout, memory: StepMemory, size: Size) {
    this.#tape = tape
    this.#layout = layout
    this.#memory = memory
    this.#size = size
  }

  get #heads(): number {
    return this.#layout.shape.layers[0].heads
  }

  /** Elements of a row: distances of the longest sequence, and of the keys that pad its rows to whole panels. */
  get #stride(): number {
    return 2 * this.#size.longest + 8
  }

  /** Where the bias is, as attention takes it. Needs forward() before it. */
  get bias(): Bias {
    if (!this.#layout.shape.distances) return { bias: 0, biasStride: 0 }
    return { bias: this.#memory.region('distances', this.#heads * this.#stride), biasStride: this.#stride }
  }

  /** Writes the bias from the table, where the model has one. */
  forward(): void {
    if (!this.#layout.shape.distances) return
    const { bias, biasStride: stride } = this.bias
    const { longest } = this.#size
    const { positions } = this.#layout.shape
    const table = this.#memory.parameters + placeOf(this.#layout, 'distances').offset * 4
    const { distanceRows: rowOf } = this.#memory
    const fields = { H: this.#heads, longest, stride, positions, table, rowOf, bias }
    this.#tape.record(DISTANCE_BIAS, fields, [], [bias])
  }

  /** Where a layer's attention leaves the gradients of its bias, and whether it adds to those of the layers above. */
  slopes(): { dbias: number; continues: number } {
    if (!this.#layout.shape.distances) return { dbias: 0, continues: 0 }
    const elements = this.#size.sequences * this.#heads * this.#stride
    const continues = this.#hasSlopes ? 1 : 0
    this.#hasSlopes = true
    return { dbias: this.#memory.region('ddistances', elements), continues }
  }

  /** Writes the table's gradient. Needs slopes() of every layer before it. */
  backward(): void {
    const { distances, positions } = this.#layout.shape
    if (!distances) return
    const { sequences: B, longest } = this.#size
    const { dbias } = this.slopes()
    const dTable = this.#memory.gradients + placeOf(this.#layout, 'distances').offset * 4
    const sizes = { B, H: this.#heads, longest, stride: this.#stride, positions, buckets: distances.buckets }
    this.#tape.record(
      DISTANCE_GRADIENT,
      { ...sizes, rowOf: this.#memory.distanceRows, dbias, dTable },
      [dbias],
      [dTable],
    )
  }
}
