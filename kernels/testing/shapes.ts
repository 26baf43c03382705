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

/** BERT's own layers at a few rows: M below, at and above a row tile. */
export const MODEL_SHAPES: Shape[] = [
  { M: 1, N: 768, K: 768 },
  { M: 3, N: 3072, K: 768 },
  { M: 7, N: 768, K: 3072 },
  { M: 13, N: 384, K: 1536 },
  { M: 70, N: 128, K: 512 },
]
