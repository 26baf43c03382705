// The variant of low-rank layers: two dense f32 factors in one dispatch where rows are few. Every workgroup makes the ranks
// of its rows again, so that what it reads of the first factor must cost less than the dispatch that is spared. By
// arithmetic, for a large GPU (132 cores of 64 bytes a clock from cache at 1.75 GHz, 5.5 TB/s together; a dependent
// dispatch of 2 us and the first factor's own time beside it); not measured.

import { padded } from '../webgpu/call.ts'
import { provesFactors } from '../webgpu/proofs.ts'
import type { VariantNotes, WebgpuVariant } from '../program/variants.ts'

/** `factors`: weights of both factors in panels of 64 outputs. */
export type FactorsOperands = 'factors'

export interface FactorsSize {
  /** of the first factor as it is stored */
  factorBytes: number
  ranks: number
  /** padded outputs of each chain */
  widths: number[]
}

/** Bytes of the first factor that a core reads in 2.3 us; its multiply-adds for 4 rows take half of that. */
const MOST_FACTOR_BYTES = 2 ** 18
/** Bytes that all cores together read in 2.2 us. */
const MOST_READ_BYTES = 12e6
/** Ranks that fit into workgroup memory. */
const MOST_RANKS = 256
/** Rows of a workgroup. */
const ROWS = 4
/** Rows from which the two dispatches are long enough to hide what lies between them. */
const MOST_ROWS = 32

/** Most rows that workgroups of so many columns are worth; narrow ones occupy more of the GPU, wide ones read less. */
const mostRows =
  (columns: number) =>
  ({ factorBytes, ranks, widths }: FactorsSize): number => {
    if (factorBytes > MOST_FACTOR_BYTES || padded(ranks) > MOST_RANKS) return 0
    const across = widths.reduce((sum, width) => sum + Math.ceil(width / columns), 0)
    return Math.min(MOST_ROWS, Math.floor(MOST_READ_BYTES / (factorBytes * across)) * ROWS)
  }

/** In order of preference. */
export const LOW_RANK_WEBGPU = [
  {
    op: 'low-rank-linear',
    id: 'fused/64',
    backend: 'webgpu',
    shader: 'low-rank-linear.fused',
    tile: { COLUMNS: 64 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'factors',
    covers: { columns: 64, rows: ROWS },
    rows: { most: mostRows(64) },
    fits: (size) => mostRows(64)(size) > 0,
    includesBefore: true,
    mayHalveWeights: true,
    proof: provesFactors,
  },
  {
    op: 'low-rank-linear',
    id: 'fused/256',
    backend: 'webgpu',
    shader: 'low-rank-linear.fused',
    tile: { COLUMNS: 256 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'factors',
    covers: { columns: 256, rows: ROWS },
    rows: { most: mostRows(256) },
    fits: (size) => mostRows(256)(size) > 0,
    includesBefore: true,
    mayHalveWeights: true,
    proof: provesFactors,
  },
] as const satisfies readonly WebgpuVariant<FactorsOperands, FactorsSize>[]

export const LOW_RANK_WEBGPU_NOTES: VariantNotes<(typeof LOW_RANK_WEBGPU)[number]> = {
  'fused/64': {
    needs: 'workgroup memory; two dense f32 factors, R <= 256, F0 of at most 256 KiB as stored',
    wins: 'up to 32 rows where making the ranks in every workgroup costs less than a dispatch: by arithmetic, not measured',
    status: 'default',
  },
  'fused/256': {
    needs: 'as fused/64',
    wins: 'as fused/64 for more rows: fewer workgroups read the first factor',
    status: 'default',
  },
}
