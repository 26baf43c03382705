// Which layers int8 hurts, and how few of them must stay f32 so that a score holds.

import { linearLayers } from '../model/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Calibration } from './calibration.ts'
import { denseData } from './dense.ts'
import type { StepResult } from './dense.ts'
import { quantizeLinear, quantizeLinears } from './quantize.ts'
import type { QuantizeOptions } from './quantize.ts'
import { outputError } from './whiten.ts'

export interface LayerSensitivity {
  /** tensor stem */
  stem: string
  /** squared output error of the int8 weights over the calibration rows, as a share of the squared output */
  error: number
}

/**
 * Exact relative output error of every linear layer under int8 weights, tr((W - W') G (W - W')^T) / tr(W G W^T), largest
 * first. Activations are not rounded here: this is the weights' part. The mean's part is in it, since q8 leaves biases as
 * they are; where biases are corrected, linearCandidates has the errors without it.
 * @throws where a layer is int8 already, or the calibration is missing a layer or of another shape
 */
export function quantizationSensitivity(
  model: ModelWeights,
  calibration: Calibration,
  options: Pick<QuantizeOptions, 'perTensor'> = {},
): LayerSensitivity[] {
  const found = [...linearLayers(model)].map(({ stem, linear: { weight } }) => {
    const { N, K } = weight
    const sums = calibration.get(stem)
    if (sums?.K !== K)
      throw new Error(
        `q8: ${stem} takes ${K} inputs, the calibration has ${sums?.K ?? 'none'} for it; calibrate the model as it is`,
      )
    const exact = denseData(weight)
    const rounded = denseData(quantizeLinear(weight, stem, undefined, options))
    const whole = outputError(exact, new Float32Array(N * K), N, sums)
    const lost = outputError(exact, rounded, N, sums)
    return { stem, error: lost === 0 ? 0 : lost / whole }
  })
  return found.sort((a, b) => b.error - a.error)
}

export interface GateResult extends StepResult {
  /** stems left in f32, in the order in which they were given up */
  keptFloat: string[]
  /** of the uncompressed model, and of the one returned */
  before: number
  after: number
  /** false where even the last candidate did not hold the gate */
  isHeld: boolean
}

/**
 * int8 with an acceptance gate: quantizes all linears, and while the score falls by more than `maxLoss` of itself leaves
 * one layer more in f32, the next of `order`, and tries again.
 *
 * @param order tensor stems, the most sensitive first (quantizationSensitivity)
 * @param evaluate score of a model on a development split, larger is better (F1, say)
 * @param maxLoss relative loss that is accepted; 0.01
 * @throws where the model's own score is not a positive number
 */
export async function quantizeWithinGate(
  model: ModelWeights,
  order: readonly string[],
  evaluate: (model: ModelWeights) => Promise<number>,
  maxLoss = 0.01,
  options: Omit<QuantizeOptions, 'keepFloat'> = {},
): Promise<GateResult> {
  const before = await evaluate(model)
  if (!(before > 0 && before < Infinity)) throw new Error(`q8: the model's own score is ${before}, expected above 0`)
  const floor = before * (1 - maxLoss)
  for (let count = 0; ; count++) {
    const keptFloat = order.slice(0, count)
    const step = quantizeLinears(model, { ...options, keepFloat: new Set(keptFloat) })
    const after = await evaluate(step.model)
    const isHeld = after >= floor
    if (isHeld || count === order.length) {
      const verdict = isHeld ? 'held' : 'not held'
      const note = `q8: gate of ${(maxLoss * 100).toFixed(2)} % ${verdict}: score ${before.toFixed(4)} before, ${after.toFixed(4)} after`
      return { ...step, notes: [...step.notes, note], keptFloat, before, after, isHeld }
    }
  }
}
