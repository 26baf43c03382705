// Scratch memory per thread, in the sums that assembly/train has.

import {
  CACHE_LINE_BYTES,
  GRADIENT_GROUPS,
  GRADIENT_TOKENS,
  PANEL,
  PANEL_BYTES,
  TILE_BYTES,
  TILE_COLUMN_BYTES,
  TRAINING_GROUP_BYTES,
  TRAINING_ROW_BLOCK,
} from '../wasm/abi.ts'
import { padToPanel } from '../wasm/lowered.ts'
import type { TrainShape } from './layout.ts'

/** Bytes that the records of a step need at most, for sequences of up to `longest` tokens. */
export function scratchBytes(shape: TrainShape, longest: number): number {
  let most = Math.max(shape.hidden, shape.embedding ?? 0, shape.labels)
  for (const { rows, columns } of shape.factors ?? []) most = Math.max(most, rows, columns)
  for (const { width } of [...(shape.matches ?? []), ...(shape.vectors ? [shape.vectors] : [])])
    most = Math.max(most, width)
  let attention = 0
  for (const { heads, headSize, intermediate } of shape.layers) {
    most = Math.max(most, intermediate, 3 * heads * headSize)
    attention = Math.max(attention, attentionBytes(longest, headSize))
  }
  // the sums of a block of rows, then a group of panels, which is at least one panel
  const multiply = TRAINING_ROW_BLOCK * PANEL_BYTES + Math.max(TRAINING_GROUP_BYTES, most * PANEL_BYTES)
  // sums of a tile, column sums of the groups, a panel, the groups of outputs
  const panels = (GRADIENT_GROUPS + GRADIENT_TOKENS) * PANEL_BYTES
  const gradient = TILE_BYTES + panels + GRADIENT_GROUPS * GRADIENT_TOKENS * TILE_COLUMN_BYTES
  const bytes = Math.max(multiply, gradient, attention, shape.labels * 4)
  return Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES
}

function attentionBytes(T: number, D: number): number {
  const square = T * (padToPanel(T) + PANEL) * 4
  return TILE_BYTES + 2 * square + padToPanel(T) * padToPanel(D) * 4
}
