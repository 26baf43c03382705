// The dense form of sparse weights without a pattern.

import type { CsrWeight, Int8BlockWeight } from '../program/weights.ts'

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
