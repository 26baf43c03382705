// Scratch memory per thread, in the sums that assembly/train has.

import type { TrainShape } from './layout.ts'

const SUMS = 192
const GROUP_BYTES = 262144

/** Bytes that the records of a step need at most, for sequences of up to `longest` tokens. */
export function scratchBytes(shape: TrainShape, longest: number): number {
  let most = Math.max(shape.hidden, shape.labels)
  for (const { rows, columns } of shape.factors ?? []) most = Math.max(most, rows, columns)
  for (const { width } of shape.matches ?? []) most = Math.max(most, width)
  let attention = 0
  for (const { heads, headSize, intermediate } of shape.layers) {
    most = Math.max(most, intermediate, 3 * heads * headSize)
    attention = Math.max(attention, attentionBytes(longest, headSize))
  }
  // rows of 96 sums of 8, then a group of panels, which is at least one panel of K * 8
  const multiply = 96 * 32 + Math.max(GROUP_BYTES, most * 32)
  // sums, column sums of 16 groups, a panel of 512 x 8, 16 groups of 512 x 6
  const gradient = SUMS + 16 * 32 + 512 * 32 + 16 * 512 * 24
  return Math.ceil(Math.max(multiply, gradient, attention, shape.labels * 4) / 64) * 64
}

function attentionBytes(T: number, D: number): number {
  const padded = Math.ceil(T / 8) * 8
  const square = T * (padded + 8) * 4
  return SUMS + 2 * square + padded * Math.ceil(D / 8) * 8 * 4
}
