// Numbers of rows at which one kind of tile passes another on a large GPU, which rows of variants.ts share.

import { PANEL } from './linear.ts'

/** Rows up to which a tile of 64 rows would be mostly empty. */
export const FEW_ROWS = 32
/** Most rows that a sliced kernel takes: it reads operands from memory that a tile would read once. */
export const MOST_SLICED = 128
/** Subgroups of 32 threads that occupy a large GPU; there is no asking how many it has room for. */
const FULL = 512
/** Workgroups of 8 subgroups below which a large GPU idles: three for two of 132 cores; half as many as there are cores. */
const BUSY = 200
export const ONE_EACH = 66
/** Subgroups of a tile of 64 x 64 outputs. */
const PER_TILE = 4

/** Rows up to which splitting the inputs over the workgroup beats tiles too few to fill the GPU. */
export function sliceRows(columns: number): number {
  const tiles = Math.floor((FULL - 1) / (PER_TILE * (columns / PANEL)))
  return Math.min(MOST_SLICED, Math.max(FEW_ROWS, tiles * 64))
}

/**
 * Rows up to which workgroups of 16 rows x 32 columns are so few that half as many columns occupy more of a large GPU.
 *
 * @param busy workgroups from which they are enough
 */
export const narrowRows = (columns: number, busy = BUSY): number => Math.floor(busy / (columns / 32)) * 16

/** Vendors whose threads have fewer registers than 8 rows x 4 columns of sums and their operands take (docs/gpu-isa.md). */
export const FEW_REGISTERS: readonly string[] = ['intel']

/** Vendors whose GPUs have no instruction for dot4I8Packed: drivers put eight in its place. */
export const WITHOUT_DOTS: readonly string[] = ['apple']
