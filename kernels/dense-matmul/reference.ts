// float64 reference of the f32 linear layer, with the bound its f32 kernels must keep.

import { activate, ACTIVATION_ERROR, ACTIVATION_SLOPE } from '../program/activations.ts'
import { F32_ROUNDOFF, sumBound } from '../program/contract.ts'
import type { Activation } from '../program/program.ts'
import type { DenseWeight } from '../program/weights.ts'

export interface Referenced {
  values: Float64Array
  /** largest error of an f32 kernel per element */
  bounds: Float64Array
}

/** What comes after a linear layer's sum, in every operation. */
export interface Epilogue {
  bias: Float32Array | null
  activation: Activation
  /** [M, N] or none */
  residual: ArrayLike<number> | null
}

/** y[m,n] = activation(sum_k x[m,k] w[n,k] + bias[n]) + residual[m,n] */
export function denseMatmulReference(x: ArrayLike<number>, weight: DenseWeight, epilogue: Epilogue): Referenced {
  const { N, K, data } = weight
  const M = K === 0 ? (epilogue.residual?.length ?? 0) / N : x.length / K
  const values = new Float64Array(M * N)
  const bounds = new Float64Array(M * N)
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = 0
      let magnitude = 0
      for (let k = 0; k < K; k++) {
        const product = x[m * K + k] * data[n * K + k]
        sum += product
        magnitude += Math.abs(product)
      }
      finish(values, bounds, m * N + n, n, sum, sumBound(K, magnitude), epilogue)
    }
  return { values, bounds }
}

/** Inputs whose products are added up in f16 before an f32 sum takes them: the steps of shaders/dense-matmul.half.wgsl. */
export const HALF_RUN = 32
const HALF_ROUNDOFF = 2 ** -11
/** Least normal half: what is smaller may become 0. */
const HALF_LEAST = 2 ** -14

/**
 * How far products in f16 move each sum at most, [M, N]: x is rounded once, a product passes at most 33 roundings of itself
 * and of sums it is in (their product: one more), and x, the product and the sum may each lose a subnormal.
 */
export function halfProductsError(x: ArrayLike<number>, { N, K, data }: DenseWeight): Float64Array {
  return Float64Array.from({ length: (x.length / K) * N }, (_, i) => {
    const row = Math.floor(i / N) * K
    let error = 0
    for (let k = 0; k < K; k++) {
      const w = Math.abs(data[(i % N) * K + k])
      error += (HALF_RUN + 3) * HALF_ROUNDOFF * Math.abs(x[row + k]) * w + HALF_LEAST * (2 + w)
    }
    return error
  })
}

/** Applies the epilogue to one sum and its bound, and stores both. */
export function finish(
  values: Float64Array,
  bounds: Float64Array,
  i: number,
  n: number,
  sum: number,
  sumError: number,
  epilogue: Epilogue,
): void {
  const before = sum + (epilogue.bias?.[n] ?? 0)
  const error = sumError + 2 * F32_ROUNDOFF * (Math.abs(sum) + Math.abs(before))
  const after = activate(before, epilogue.activation)
  values[i] = after + (epilogue.residual?.[i] ?? 0)
  bounds[i] =
    error * ACTIVATION_SLOPE[epilogue.activation] +
    ACTIVATION_ERROR[epilogue.activation] * Math.max(1, Math.abs(before)) +
    (epilogue.residual ? F32_ROUNDOFF * 2 * Math.abs(values[i]) : 0)
}
