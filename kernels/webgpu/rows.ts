// Numbers of rows at which one kind of tile passes another on a large GPU, which rows of variants.ts share.

import { PANEL } from './linear.ts'

/** Rows up to which a tile of 64 rows would be mostly empty. */
export const FEW_ROWS = 32
/** Most rows that a sliced kernel takes: it reads operands from memory that a tile would read once. */
export const MOST_SLICED = 128
/** Subgroups of 32 threads that occupy a large GPU; there is no asking how many it has room for. */
const FULL = 512
/** Subgroups of a tile of 64 x 64 outputs. */
const PER_TILE = 4

/** Rows up to which splitting the inputs over the workgroup beats tiles too few to fill the GPU. */
export function sliceRows(columns: number): number {
  const tiles = Math.floor((FULL - 1) / (PER_TILE * (columns / PANEL)))
  return Math.min(MOST_SLICED, Math.max(FEW_ROWS, tiles * 64))
}
