// Calibrations for tests: inputs that differ in scale, are correlated and have a mean, as hidden states do.

import { seededRandom, uniform } from '../kernels/testing/random.ts'
import { linearLayers } from '../ts/model/weights.ts'
import type { ModelWeights } from '../ts/model/weights.ts'
import type { Calibration, InputSums } from '../ts/compress/calibration.ts'
import { gram, transpose, view } from '../ts/compress/linear-algebra.ts'

/** Rows x [rows, K] and their sums. */
export function syntheticInputs(rows: number, K: number, seed: number): { x: Float32Array; sums: InputSums } {
  const random = seededRandom(seed)
  const x = uniform(rows * K, random)
  const sum = new Float64Array(K)
  const largest = new Float32Array(K)
  for (let m = 0; m < rows; m++)
    for (let k = 0; k < K; k++) {
      const i = m * K + k
      x[i] = x[i] * (k % 7 === 0 ? 5 : 0.3) + (k > 0 ? 0.8 * x[i - 1] : 0.5)
      sum[k] += x[i]
      largest[k] = Math.max(largest[k], Math.abs(x[i]))
    }
  return { x, sums: { K, rows, gram: gram(transpose(view(x, rows, K))), sum, largest } }
}

/** Made-up inputs of every linear layer: the rows by tensor stem, and the calibration that they give. */
export function syntheticCalibration(
  model: ModelWeights,
  seed: number,
): { rows: Map<string, Float32Array>; calibration: Calibration } {
  const rows = new Map<string, Float32Array>()
  const calibration: Calibration = new Map()
  // query, key and value see the same rows
  const places = {
    query: 0,
    key: 0,
    value: 0,
    attentionOutput: 1,
    intermediate: 2,
    output: 3,
    pooler: 4,
    classifier: 5,
    projection: 6,
  }
  for (const { stem, layer, role, linear } of linearLayers(model)) {
    const { K } = linear.weight
    const { x, sums } = syntheticInputs(4 * K, K, seed + 10 * (layer ?? 0) + places[role])
    rows.set(stem, x)
    calibration.set(stem, sums)
  }
  return { rows, calibration }
}
