// Reference of the int8 linear layer: integers exact, the epilogue in float64.

import { finish, type Epilogue, type Referenced } from '../dense-matmul/reference.ts'
import { F32_ROUNDOFF } from '../program/contract.ts'
import { quantizeRow } from '../program/quantization.ts'
import type { Int8Weight } from '../program/weights.ts'

export interface QuantizedRows {
  /** s8 [M, K] */
  data: Int8Array
  /** f32 [M] */
  scales: Float32Array
  /**
   * [M, K], 1 where x / scale is so near a tie that another backend's division may round it to the other side, else 0;
   * none where the rows came quantized
   */
  nearTies?: Uint8Array
}

/** Distance from a tie, in quantization steps, within which a 2.5-ulp division and a product may decide otherwise. */
const TIE_WIDTH = 127 * 5 * 2 ** -23

/**
 * Quantizes x [M, K] row by row, as program/quantization.ts says.
 * @param activationScale a calibrated scale for all rows: nothing is divided then, so that a tie rounds alike everywhere
 */
export function quantizeRowsReference(
  x: ArrayLike<number>,
  M: number,
  K: number,
  activationScale?: number,
): QuantizedRows {
  const data = new Int8Array(M * K)
  const scales = new Float32Array(M)
  const nearTies = new Uint8Array(M * K)
  const rows = Float32Array.from(x)
  for (let m = 0; m < M; m++) {
    const row = rows.subarray(m * K, (m + 1) * K)
    scales[m] = quantizeRow(row, data.subarray(m * K, (m + 1) * K), activationScale)
    if (activationScale !== undefined) continue
    for (let k = 0; k < K; k++) {
      const scaled = scales[m] === 0 ? 0 : Math.abs(row[k] / scales[m])
      if (Math.abs(scaled - Math.floor(scaled) - 0.5) < TIE_WIDTH) nearTies[m * K + k] = 1
    }
  }
  return { data, scales, nearTies }
}

/** acc[m,n] = sum_k a[m,k] w[n,k], exact: |acc| <= 127 * 127 * K < 2^53. */
export function int8AccumulatorsReference(a: Int8Array, w: Int8Array, M: number, N: number, K: number): Float64Array {
  const sums = new Float64Array(M * N)
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = 0
      for (let k = 0; k < K; k++) sum += a[m * K + k] * w[n * K + k]
      sums[m * N + n] = sum
    }
  return sums
}

/** y = activation(f32(acc) * (aScale[m] * wScale[n]) + bias[n]) + residual */
export function int8MatmulReference(a: QuantizedRows, weight: Int8Weight, epilogue: Epilogue): Referenced {
  const { N, K, data, scales } = weight
  const M = a.scales.length
  const sums = int8AccumulatorsReference(a.data, data, M, N, K)
  const values = new Float64Array(M * N)
  const bounds = new Float64Array(M * N)
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      const scale = a.scales[m] * scales[n]
      const y = sums[m * N + n] * scale
      let flips = 0
      if (a.nearTies) for (let k = 0; k < K; k++) if (a.nearTies[m * K + k]) flips += Math.abs(data[n * K + k])
      finish(values, bounds, m * N + n, n, y, flips * scale + 8 * F32_ROUNDOFF * Math.abs(y), epilogue)
    }
  return { values, bounds }
}
