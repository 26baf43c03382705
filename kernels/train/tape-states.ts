// Distillation by hidden states, as records: sum over matches of gamma mean((H_s W_p^T - H_t)^2).

import { EPILOGUE, MULTIPLY, STATE_SLOPE, SUM_CHUNK, WEIGHT_GRADIENT } from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import { placeOf, type Layout } from './layout.ts'

export interface StateWords {
  /** of each match the address of the teacher's states f32 [M, width] */
  teacher: number[]
  /** gamma */
  weight: number
  /** of each match the address of stateChunks f64 sums of squared differences */
  partials: number[]
}

/** Partial sums of a match's M x width squares. */
export const stateChunks = (tokens: number, width: number): number => Math.ceil((tokens * width) / SUM_CHUNK)

/** Where the records find what they touch: as StepMemory, and the gradients of the states. */
interface Places {
  parameters: number
  gradients: number
  region(name: string, elements: number): number
}

/**
 * Adds to dx [M, C], the gradient of state `layer`, what its matches with the teacher contribute, and writes the gradients
 * of their projections. Adds no record where nothing matches the layer.
 */
export function encodeStateSlopes(
  tape: TapeWriter,
  layout: Layout,
  memory: Places,
  words: StateWords,
  layer: number,
  M: number,
  dx: number,
): void {
  const { hidden: C, matches = [] } = layout.shape
  const widest = Math.max(0, ...matches.map(({ width }) => width))
  matches.forEach((match, j) => {
    if (match.layer !== layer) return
    const { width, isProjected } = match
    const x = memory.region(`x.${layer}`, M * C)
    const factor = (2 * words.weight) / (M * width)
    const slope = (p: number, d: number, isAdded: boolean): void => {
      const [t, partials] = [words.teacher[j], words.partials[j]]
      const fields = { count: M * width, isAdded: isAdded ? 1 : 0, p, t, factor, d, partials }
      tape.record(STATE_SLOPE, fields, isAdded ? [p, d] : [p], [d, partials])
    }
    if (!isProjected) {
      slope(x, dx, true)
      return
    }
    const at = placeOf(layout, `match.${j}.weight`).offset * 4
    const [weight, dWeight] = [memory.parameters + at, memory.gradients + at]
    const projected = memory.region('projected', M * widest)
    const dProjected = memory.region('dprojected', M * widest)
    const forward = { M, K: C, N: width, a: x, aStride: C, weights: weight, isByRows: 0, y: projected, yStride: width }
    tape.record(MULTIPLY, { ...forward, bias: 0, epilogue: EPILOGUE.plain, other: 0 }, [x], [projected])
    slope(projected, dProjected, false)
    const gradient = { M, N: width, K: C, dy: dProjected, dyStride: width, x, dw: dWeight, db: 0, continues: 0 }
    tape.record(WEIGHT_GRADIENT, gradient, [dProjected, x], [dWeight])
    const back = { M, K: width, N: C, a: dProjected, aStride: width, weights: weight, isByRows: 1, y: dx, yStride: C }
    tape.record(MULTIPLY, { ...back, bias: 0, epilogue: EPILOGUE.add, other: dx }, [dProjected, dx], [dx])
  })
}
