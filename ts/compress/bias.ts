// What the calibration knows of a layer's mean input, and the bias that keeps its mean output: b += (W - W') E[x]. With
// the mean in the bias, factors need only fit what varies around it: their sums are taken about the mean.

import type { LinearWeight } from '../../kernels/program/weights.ts'
import type { LinearLayer } from '../model/weights.ts'
import type { Calibration, InputSums } from './calibration.ts'
import { denseData } from './dense.ts'

/** The sums of one layer. @throws where there is no calibration, or none of this layer */
export function inputsOf(calibration: Calibration | undefined, stem: string, step: string): InputSums {
  if (!calibration)
    throw new Error(
      `${step}: found no calibration, expected the sums of what enters every layer; give texts to calibrate on (--data FILE, in code calibration)`,
    )
  const sums = calibration.get(stem)
  if (!sums || sums.rows === 0)
    throw new Error(
      `${step}: the calibration has no inputs of ${stem}; calibrate the model that the step is applied to`,
    )
  return sums
}

/** The sums about the mean: sum of (x - E[x]) (x - E[x])^T, in place of x x^T. */
export function centered(sums: InputSums): InputSums {
  const { K, rows, sum } = sums
  const gram = sums.gram.slice()
  for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) gram[i * K + j] -= (sum[i] / rows) * sum[j]
  return { ...sums, gram }
}

/** The bias [N] with which `weight` gives the same mean output over the calibration rows as `linear` gives. */
export function correctedBias(
  linear: LinearLayer,
  weight: LinearWeight,
  sums: Pick<InputSums, 'sum' | 'rows'>,
): Float32Array {
  const mean = sums.sum.map((total) => total / sums.rows)
  const [before, after] = [imageOf(linear.weight, mean), imageOf(weight, mean)]
  return Float32Array.from(before, (value, n) => (linear.bias?.[n] ?? 0) + value - after[n])
}

/** W x in f64, through a chain's factors one by one. */
export function imageOf(weight: LinearWeight, x: Float64Array): Float64Array {
  if (weight.kind === 'chain') return weight.factors.reduce((inner, factor) => imageOf(factor, inner), x)
  const { N, K } = weight
  const data = denseData(weight)
  const y = new Float64Array(N)
  for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) y[n] += data[n * K + k] * x[k]
  return y
}
