// float64 references of the sparse linear layers: loops over what is stored, nothing else.

import { finish, type Epilogue, type Referenced } from '../dense-matmul/reference.ts'
import { int8MatmulReference, type QuantizedRows } from '../int8-matmul/reference.ts'
import { sumBound } from '../program/contract.ts'
import type { CsrWeight, Int8BlockWeight, NmWeight } from '../program/weights.ts'

/** y = activation(x W^T + bias) + residual, W in compressed sparse rows; x [M, K] */
export function csrMatmulReference(x: ArrayLike<number>, weight: CsrWeight, M: number, epilogue: Epilogue): Referenced {
  const { N, K, rowOffsets, columns, values } = weight
  return sumOver(M, N, epilogue, (m, n, add) => {
    for (let z = rowOffsets[n]; z < rowOffsets[n + 1]; z++) add(x[m * K + columns[z]] * values[z])
  })
}

/** The same for n:m rows: P = K n / m kept inputs per group of outputs. */
export function nmMatmulReference(x: ArrayLike<number>, weight: NmWeight, M: number, epilogue: Epilogue): Referenced {
  const { N, K, n: kept, m: of, group, indices, values } = weight
  const P = (K / of) * kept
  return sumOver(M, N, epilogue, (m, n, add) => {
    const first = Math.floor(n / group) * P
    for (let p = 0; p < P; p++) add(x[m * K + indices[first + p]] * values[n * P + p])
  })
}

/** int8 in 1x4 blocks: the dense int8 rules over the blocks that are there. */
export function int8BlockMatmulReference(a: QuantizedRows, weight: Int8BlockWeight, epilogue: Epilogue): Referenced {
  const { N, K, rowOffsets, columns, values, scales } = weight
  const data = new Int8Array(N * K)
  for (let n = 0; n < N; n++)
    for (let z = rowOffsets[n]; z < rowOffsets[n + 1]; z++)
      data.set(values.subarray(z * 4, z * 4 + 4), n * K + columns[z] * 4)
  return int8MatmulReference(a, { kind: 'int8', N, K, data, scales }, epilogue)
}

function sumOver(
  M: number,
  N: number,
  epilogue: Epilogue,
  visit: (m: number, n: number, add: (product: number) => void) => void,
): Referenced {
  const values = new Float64Array(M * N)
  const bounds = new Float64Array(M * N)
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = 0
      let magnitude = 0
      let terms = 0
      visit(m, n, (product) => {
        sum += product
        magnitude += Math.abs(product)
        terms++
      })
      finish(values, bounds, m * N + n, n, sum, sumBound(terms, magnitude), epilogue)
    }
  return { values, bounds }
}
