// What assembly/attention.ts packs per (sequence, head) in a thread's scratch, and its size:
//
//   K panels [ceil(T / 8)][D][8]      V panels [ceil(D / 8)][T][8]      scores [ceil(T / 8)][6][8]
//   weights [6][T padded to 8]        sums [6][8], then 6 softmax sums
//
// Scores and context are dense tiles over these panels. The variant i16 has in the place of both panels
//
//   Q rows i16 [T][D]   K rows i16 [T][D]   K panels i16 [T / 8][D / 2][8][2]   V panels i16 [D / 8][T / 2][8][2]
//
// each of T padded to 8, scores [T / 8][5][8] i32, weights [5][T padded to 8] i16, and zeros [8] behind the softmax sums.

import { PANEL_BYTES, TILE_BYTES, TILE_ROWS } from '../wasm/abi.ts'
import { padToPanel } from '../wasm/lowered.ts'

/** Bytes per thread for sequences of up to `longest` tokens. */
export function attentionScratchBytes(longest: number, headSize: number): number {
  const T = padToPanel(longest)
  const panels = T * headSize + padToPanel(headSize) * T
  return 4 * (panels + 2 * TILE_ROWS * T) + TILE_BYTES + 2 * PANEL_BYTES
}
