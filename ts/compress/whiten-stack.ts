// Step `wtucker:<R>`: Tucker-2 of stacked layers that is best for their outputs. The layers share V, so they need one
// metric to choose it in: M, the mean of their G_l at equal trace, so that no layer's inputs outweigh the others'. With
// S S^T = M, Tucker-2 of the W_l S gives U, V' and cores; V^T = V'^T S^-1 takes the inputs as they come. Then each core
// is fitted again in its own layer's metric, where the best one has a closed form:
//   G_l = U^T W_l M_l V (V^T M_l V)^-1 with M_l = G_l + ridge

import type { InputSums } from './calibration.ts'
import { multiply, solveLower, transpose, view } from './linear-algebra.ts'
import { tucker2 } from './tucker.ts'
import type { Tucker2, Tucker2Options } from './tucker.ts'
import { positiveCholesky, ridged } from './whiten.ts'

/** Which sums belong to a layer of the stack; asked for one at a time, for a Gram matrix of 3072 inputs is 75 MB. */
type InputsOf = (layer: number) => InputSums

/** The mean of L layers' G at a mean diagonal of 1 each, f64 [K, K]. */
export function commonMetric(L: number, K: number, inputs: InputsOf): Float64Array {
  const mean = new Float64Array(K * K)
  for (let l = 0; l < L; l++) {
    const sums = inputs(l)
    if (sums.K !== K)
      throw new Error(`wtucker: the calibration has ${sums.K} inputs where the layers have ${K}; calibrate this model`)
    const { metric } = ridged(sums)
    let trace = 0
    for (let k = 0; k < K; k++) trace += metric[k * K + k]
    const share = K / trace / L
    for (let i = 0; i < K * K; i++) mean[i] += share * metric[i]
  }
  return mean
}

/**
 * Tucker-2 of equally shaped row-major matrices [N, K] by the outputs that they give.
 *
 * @param inputs what enters each of the matrices
 * @returns as tucker2, with the errors in the common metric (before the cores are fitted again, which only lowers what
 *   each layer's own outputs lose); the rows of `right` are orthonormal in that metric
 */
export async function whitenedTucker2(
  matrices: readonly Float32Array[],
  [N, K]: [number, number],
  [r1, r2]: [number, number],
  inputs: InputsOf,
  options: Tucker2Options,
): Promise<Tucker2> {
  const { S } = positiveCholesky(commonMetric(matrices.length, K, inputs), K)
  const whitened = matrices.map((data) => multiply(view(data, N, K), view(S, K, K)))
  const { left, right, errors } = await tucker2(whitened, [N, K], [r1, r2], options)
  solveLower(right, r2, S, K)
  const cores = matrices.map((data, l) => fitCore(data, [N, K], left, right, ridged(inputs(l)).metric))
  return { left, right, cores, errors }
}

/** The core [r1, r2] that lets U G V^T come closest to W in the metric [K, K]; U^T [r1, N] has orthonormal rows. */
export function fitCore(
  data: Float32Array,
  [N, K]: [number, number],
  left: Float64Array,
  right: Float64Array,
  metric: Float64Array,
): Float64Array {
  const [r1, r2] = [left.length / N, right.length / K]
  const V = view(right, r2, K)
  const image = view(multiply(V, view(metric, K, K)), r2, K)
  const { S: inner } = positiveCholesky(multiply(image, transpose(V)), r2)
  const outputs = view(multiply(view(left, r1, N), view(data, N, K)), r1, K)
  const target = multiply(outputs, transpose(image))
  // (V^T M V)^-1 = Q^T Q with Q the inverse of its Cholesky factor
  const inverse = new Float64Array(r2 * r2)
  for (let r = 0; r < r2; r++) inverse[r * r2 + r] = 1
  solveLower(inverse, r2, inner, r2)
  const Q = view(inverse, r2, r2)
  return multiply(view(multiply(view(target, r1, r2), transpose(Q)), r1, r2), Q)
}
