// What assembly/lib/attend.ts packs per (sequence, head) in a thread's scratch, and its size; w is 8, in the wide module 16:
//
//   K panels [ceil(T / w)][D][w]      V panels [ceil(D / w)][T][w]      scores [ceil(T / w)][6][w]
//   weights [6][T padded to w]        sums [6][w], then 6 softmax sums
//
// Scores and context are dense tiles over these panels. The variant i16 (assembly/lib/attend-i16.ts) has in the place of both
// panels
//
//   Q rows i16 [T][D]   K rows i16 [T][D]   K panels i16 [T / w][D / 2][w][2]   V panels i16 [ceil(D / w)][T / 2][w][2]
//
// of T padded, scores [T / w][5][w] i32, weights [5][T padded to w] i16, and zeros [8] behind the softmax sums.

import { PANEL_BYTES, TILE_BYTES, TILE_ROWS } from '../wasm/abi.ts'

/** `count` padded to the wide module's columns, 16: the narrow ones need no more. */
const padded = (count: number): number => (count + 15) & -16

/** Bytes per thread for sequences of up to `longest` tokens. */
export function attentionScratchBytes(longest: number, headSize: number): number {
  const T = padded(longest)
  const panels = T * headSize + padded(headSize) * T
  return 4 * (panels + 2 * TILE_ROWS * T) + 2 * TILE_BYTES + 2 * PANEL_BYTES
}
