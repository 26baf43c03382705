// The shapes every linear kernel is swept over.

export interface Shape {
  M: number
  N: number
  K: number
}

/** Sizes around a tile or block of t elements: below, at, above it and twice it. */
function around(t: number): number[] {
  return [t - 1, t, t + 1, 2 * t - 1, 2 * t + 1].filter((size) => size > 0)
}

const PRIME = 37
const ROWS = [...new Set([1, 2, 3, 4, ...around(5), ...around(6), ...around(8), ...around(32), PRIME])]
const INPUTS = [...new Set([1, 2, 3, ...around(4), ...around(16), ...around(64), PRIME])]
const OUTPUTS = [...new Set([1, 2, 3, ...around(4), ...around(8), ...around(32), ...around(64), PRIME])]

/** Every edge of each axis with the other axes small, and all squares to 20. */
export function sweepShapes(): Shape[] {
  return [
    ...ROWS.map((M) => ({ M, N: 9, K: 12 })),
    ...INPUTS.map((K) => ({ M: 7, N: 9, K })),
    ...OUTPUTS.map((N) => ({ M: 7, N, K: 12 })),
    ...Array.from({ length: 20 }, (_, i) => ({ M: i + 1, N: i + 1, K: i + 1 })),
  ]
}

/** Rows around the tiles of kernels for many rows, inputs around their steps. */
export const TALL_SHAPES: Shape[] = [
  ...[129, 191, 192, 193, 255, 257].map((M) => ({ M, N: 9, K: 12 })),
  ...[15, 17, 63, 64, 65, 80, 129].map((K) => ({ M: 133, N: 67, K })),
  ...[1025, 1152, 1153].map((M) => ({ M, N: 65, K: 33 })),
]

/** BERT's own layers at a few rows: M below, at and above a row tile. */
export const MODEL_SHAPES: Shape[] = [
  { M: 1, N: 768, K: 768 },
  { M: 3, N: 3072, K: 768 },
  { M: 7, N: 768, K: 3072 },
  { M: 13, N: 384, K: 1536 },
  { M: 70, N: 128, K: 512 },
]
