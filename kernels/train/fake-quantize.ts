// Fake quantization: the forward pass computes with operands rounded as int8 rounds them, the backward pass takes the
// rounding for the identity (straight-through) and multiplies with the rounded operands too. Records, and the same rounding in
// float64.

import { roundToEven } from '../program/quantization.ts'
import { FAKE_ROWS, FAKE_WEIGHTS } from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'

export interface FakeQuantize {
  /** what enters every linear layer, per row, and its weight, per output */
  linears: boolean
  /** the word table, per row; position and type tables stay as they are, as `e8` leaves them */
  embeddings?: boolean
}

type FakeRecord = typeof FAKE_ROWS | typeof FAKE_WEIGHTS

/** The rounded copies of one step, made where they are first asked for. */
export class RoundedOperands {
  #tape: TapeWriter
  #region: (name: string, elements: number) => number
  #isOn: boolean
  #rows = new Map<number, number>()
  #weights = new Map<number, number>()

  constructor(tape: TapeWriter, region: (name: string, elements: number) => number, isOn: boolean) {
    this.#tape = tape
    this.#region = region
    this.#isOn = isOn
  }

  /** Address of the rounded rows x [M, K]; x itself where nothing is rounded. */
  rows(x: number, M: number, K: number): number {
    return this.#copy(this.#rows, 'rows', FAKE_ROWS, x, M, K)
  }

  /** Address of the rounded weight [N, K]; the weight itself where nothing is rounded. */
  weight(weight: number, N: number, K: number): number {
    return this.#copy(this.#weights, 'weight', FAKE_WEIGHTS, weight, N, K)
  }

  #copy(known: Map<number, number>, what: string, record: FakeRecord, x: number, rows: number, K: number): number {
    if (!this.#isOn) return x
    const found = known.get(x)
    if (found !== undefined) return found
    const y = this.#region(`rounded ${what} ${known.size}`, rows * K)
    this.#tape.record(record, { rows, K, x, y }, [x], [y])
    known.set(x, y)
    return y
  }
}

/** The same rounding in float64, and what frozen rounding needs. */
export class ReferenceRounding {
  readonly fake: FakeQuantize
  /** rounded minus given, in the order of the calls */
  readonly residuals: Float64Array[] = []
  /** least distance of an activation from a tie, in steps: nearer than the f32 error, the kernels may round otherwise */
  tieDistance = Infinity
  #frozen: Float64Array[] | null

  /**
   * @param frozen residuals of an earlier run: added instead of rounding, so that the loss is smooth and its derivative
   * is the straight-through gradient
   */
  constructor(fake: FakeQuantize, frozen: Float64Array[] | null = null) {
    this.fake = fake
    this.#frozen = frozen
  }

  /** x [rows, K] as the int8 kernels round it */
  rows(x: Float64Array, K: number): Float64Array {
    return this.#round(this.fake.linears, x, K, (row) => {
      const most = largest(row)
      return row.map((value) => {
        const scaled = most === 0 ? 0 : (value * 127) / most
        this.tieDistance = Math.min(this.tieDistance, Math.abs((Math.abs(scaled) % 1) - 0.5))
        return (roundToEven(scaled) * most) / 127
      })
    })
  }

  /** w [N, K], f32 numbers, as quantizeWeight rounds it */
  weight(w: Float64Array, K: number): Float64Array {
    return this.#round(this.fake.linears, w, K, (row) => {
      const scale = Math.fround(largest(row) / 127)
      return row.map((value) => (scale === 0 ? 0 : Math.round(value / scale) * scale))
    })
  }

  /** A table [rows, C] of f32 numbers as quantizeEmbedding rounds it */
  table(table: Float64Array, C: number): Float64Array {
    return this.#round(this.fake.embeddings ?? false, table, C, (row) => {
      const low = row.reduce((least, value) => Math.min(least, value), Infinity)
      const high = row.reduce((most, value) => Math.max(most, value), -Infinity)
      const scale = Math.fround((high - low) / 255)
      return row.map((value) => (scale === 0 ? low : low + Math.min(255, Math.round((value - low) / scale)) * scale))
    })
  }

  #round(isOn: boolean, x: Float64Array, K: number, round: (row: Float64Array) => Float64Array): Float64Array {
    if (!isOn) return x
    if (this.#frozen) {
      const residual = this.#frozen[this.residuals.length]
      this.residuals.push(residual)
      return x.map((value, i) => value + residual[i])
    }
    const y = new Float64Array(x.length)
    for (let at = 0; at < x.length; at += K) y.set(round(x.subarray(at, at + K)), at)
    this.residuals.push(y.map((value, i) => value - x[i]))
    return y
  }
}

const largest = (row: Float64Array): number => row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
