// Distillation by hidden states, as records: sum over matches of gamma mean((H_s W_p^T - H_t)^2).

import { f32Bits, type TapeWriter } from '../wasm/index.ts'
import { placeOf, type Layout } from './layout.ts'
import * as op from './opcodes.ts'

export interface StateWords {
  /** of each match the address of the teacher's states f32 [M, width] */
  teacher: number[]
  /** gamma */
  weight: number
  /** of each match the address of stateChunks f64 sums of squared differences */
  partials: number[]
}

/** Partial sums of a match's M x width squares. */
export const stateChunks = (tokens: number, width: number): number => Math.ceil((tokens * width) / op.SUM_CHUNK)

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
    const factor = f32Bits((2 * words.weight) / (M * width))
    const slope = (p: number, d: number, isAdded: boolean): void => {
      const [t, partials] = [words.teacher[j], words.partials[j]]
      tape.record(op.STATE_SLOPE, [M * width, p, t, factor, d, isAdded ? 1 : 0, partials], isAdded ? [p, d] : [p], [
        d,
        partials,
      ])
    }
    if (!isProjected) {
      slope(x, dx, true)
      return
    }
    const at = placeOf(layout, `match.${j}.weight`).offset * 4
    const [weight, dWeight] = [memory.parameters + at, memory.gradients + at]
    const projected = memory.region('projected', M * widest)
    const dProjected = memory.region('dprojected', M * widest)
    tape.record(op.MULTIPLY, [M, C, width, x, C, weight, 0, 0, op.PLAIN, 0, projected, width], [x], [projected])
    slope(projected, dProjected, false)
    const gradient = [M, width, C, dProjected, width, x, dWeight, 0, 0]
    tape.record(op.WEIGHT_GRADIENT, gradient, [dProjected, x], [dWeight])
    tape.record(op.MULTIPLY, [M, width, C, dProjected, width, weight, 1, 0, op.ADD, dx, dx, C], [dProjected, dx], [dx])
  })
}
