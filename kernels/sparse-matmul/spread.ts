// The dense form of sparse weights.

import type { CsrWeight, Int8BlockWeight, NmWeight } from '../program/weights.ts'

/** Writes stored entries, 4 inputs wide in blocks, to their places in `data` [N, K], which holds zeros. */
export function spreadEntries<A extends Float32Array | Int8Array>(
  { kind, N, K, rowOffsets, columns, values }: CsrWeight | Int8BlockWeight,
  data: A,
): A {
  const width = kind === 'csr' ? 1 : 4
  for (let n = 0; n < N; n++)
    for (let z = rowOffsets[n]; z < rowOffsets[n + 1]; z++)
      for (let i = 0; i < width; i++) data[n * K + columns[z] * width + i] = values[z * width + i]
  return data
}

/** [N, K] of the weights that an n:m layer keeps, and zeros. */
export function spreadNm({ N, K, n, m, group, indices, values }: NmWeight): Float32Array<ArrayBuffer> {
  const data = new Float32Array(N * K)
  const P = (K / m) * n
  for (let o = 0; o < N; o++)
    for (let p = 0; p < P; p++) data[o * K + indices[Math.floor(o / group) * P + p]] = values[o * P + p]
  return data
}
