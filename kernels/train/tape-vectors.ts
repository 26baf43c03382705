// Vectors of texts and their distance to a teacher's, as records: delta mean(1 - cos(vector, teacher's)).

import { EPILOGUE, MEAN_ROWS, MEAN_ROWS_SLOPE, MULTIPLY, VECTOR_SLOPE, WEIGHT_GRADIENT } from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import { placeOf, type Layout, type VectorMatch } from './layout.ts'
import type { StepMemory } from './step-memory.ts'

export interface VectorWords {
  /** address of the teacher's vectors f32 [B, width], rows of length 1 */
  teacher: number
  /** delta */
  weight: number
  /** address of f64 [B]: 1 - cos of each sequence */
  losses: number
}

export class VectorRecords {
  #tape: TapeWriter
  #memory: StepMemory
  #B: number
  #C: number
  #match: VectorMatch
  /** elements of `vectors.weight` before its first one; null where nothing is projected */
  #weight: number | null

  constructor(tape: TapeWriter, layout: Layout, memory: StepMemory, sequences: number, match: VectorMatch) {
    this.#tape = tape
    this.#memory = memory
    this.#B = sequences
    this.#C = layout.shape.hidden
    this.#match = match
    this.#weight = match.isProjected ? placeOf(layout, 'vectors.weight').offset : null
  }

  #rows(name: string, width: number): number {
    return this.#memory.region(name, this.#B * width)
  }

  /** Address of the means f32 [B, C]. */
  get #means(): number {
    return this.#rows('means', this.#C)
  }

  /** Address of what is compared, f32 [B, width]. */
  get address(): number {
    return this.#weight === null ? this.#means : this.#rows('vectors', this.#match.width)
  }

  /** Writes the vectors of the last state x [M, C]. */
  forward(x: number): void {
    const [B, C] = [this.#B, this.#C]
    const means = this.#means
    this.#tape.record(MEAN_ROWS, { B, C, x, offsets: this.#memory.offsets, y: means }, [x], [means])
    if (this.#weight === null) return
    const { width } = this.#match
    const weights = this.#memory.parameters + this.#weight * 4
    const fields = { M: B, K: C, N: width, a: means, aStride: C, weights, isByRows: 0, y: this.address, yStride: width }
    this.#tape.record(MULTIPLY, { ...fields, bias: 0, epilogue: EPILOGUE.plain, other: 0 }, [means], [this.address])
  }

  /** Writes the gradient dx [M, C] of the last state, and that of the projection. Needs forward() before it. */
  backward({ teacher, weight, losses }: VectorWords, dx: number): void {
    const [B, C] = [this.#B, this.#C]
    const { width } = this.#match
    const [p, means] = [this.address, this.#means]
    const d = this.#rows('dvectors', width)
    const slope = { B, C: width, p, t: teacher, factor: weight / B, d, losses }
    this.#tape.record(VECTOR_SLOPE, slope, [p], [d, losses])
    let dy = d
    if (this.#weight !== null) {
      const [weights, dw] = [this.#memory.parameters, this.#memory.gradients].map((at) => at + this.#weight! * 4)
      dy = this.#rows('dmeans', C)
      const gradient = { M: B, N: width, K: C, dy: d, dyStride: width, x: means, dw, db: 0, continues: 0 }
      this.#tape.record(WEIGHT_GRADIENT, gradient, [d, means], [dw])
      const back = { M: B, K: width, N: C, a: d, aStride: width, weights, isByRows: 1, y: dy, yStride: C }
      this.#tape.record(MULTIPLY, { ...back, bias: 0, epilogue: EPILOGUE.plain, other: 0 }, [d], [dy])
    }
    this.#tape.record(MEAN_ROWS_SLOPE, { B, C, dy, offsets: this.#memory.offsets, dx }, [dy], [dx])
  }
}
