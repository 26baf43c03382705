// Seeded weights of every kind for tests and benches.

import { roundToHalf } from '../webgpu/half.ts'
import {
  TILE_INPUTS,
  TILE_OUTPUTS,
  type CsrWeight,
  type Int8BlockWeight,
  type Int8Weight,
  type LeafWeight,
  type NmWeight,
} from '../program/weights.ts'
import { bytes, integers, uniform } from './random.ts'

/**
 * What the values are: uniform in [-1, 1), also such as half precision holds; small integers, whose f32 sums are exact; or
 * the largest bytes only.
 */
export type Values = 'uniform' | 'halves' | 'integers' | 'saturated'

export interface WeightOptions {
  values?: Values
  /** share of weights, or of 1x4 blocks, that are there */
  density?: number
  /** int8 kinds: calibrated scale of the inputs */
  activationScale?: number
  /** nm: n of every m inputs are kept; 2:4 where not given */
  n?: number
  m?: number
  /** csr, int8-1x4: stored positions are whole tiles of 16 outputs x 32 inputs, a share `density` of them */
  tiles?: boolean
}

export function randomWeight(
  kind: LeafWeight['kind'],
  N: number,
  K: number,
  random: () => number,
  { values = 'uniform', density = 0.3, activationScale, n = 2, m = 4, tiles = false }: WeightOptions = {},
): LeafWeight {
  const floats = (length: number): Float32Array =>
    values === 'uniform'
      ? uniform(length, random)
      : values === 'halves'
        ? roundToHalf(uniform(length, random))
        : integers(length, 8, random)
  const eights = (length: number): Int8Array =>
    values === 'saturated' ? Int8Array.from({ length }, () => (random() < 0.5 ? -127 : 127)) : bytes(length, random)
  const scales =
    values === 'uniform' ? uniform(N, random).map((s) => 0.01 + Math.abs(s) / 100) : new Float32Array(N).fill(1)
  const fixed = activationScale === undefined ? {} : { activationScale }
  switch (kind) {
    case 'f32':
      return { kind, N, K, data: floats(N * K) }
    case 'int8':
      return { kind, N, K, data: eights(N * K), scales, ...fixed } satisfies Int8Weight
    case 'csr': {
      const { rowOffsets, columns } = pattern(N, K, density, random, tiles ? [TILE_OUTPUTS, TILE_INPUTS] : [1, 1])
      return { kind, N, K, rowOffsets, columns, values: floats(columns.length) } satisfies CsrWeight
    }
    case 'int8-1x4': {
      const { rowOffsets, columns } = pattern(
        N,
        K / 4,
        density,
        random,
        tiles ? [TILE_OUTPUTS, TILE_INPUTS / 4] : [1, 1],
      )
      const values = eights(columns.length * 4)
      return { kind, N, K, rowOffsets, columns, values, scales, ...fixed } satisfies Int8BlockWeight
    }
    case 'nm': {
      const group = 32
      const P = (K / m) * n
      const indices = new Uint16Array(Math.ceil(N / group) * P)
      for (let i = 0; i < indices.length; i += n) {
        const block = ((i % P) / n) * m
        const kept = new Set<number>()
        while (kept.size < n) kept.add(block + Math.floor(random() * m))
        indices.set(
          Array.from(kept).sort((a, b) => a - b),
          i,
        )
      }
      return { kind, N, K, n, m, group, indices, values: floats(N * P) } satisfies NmWeight
    }
  }
}

/** K must be a multiple of this for a kind. */
export const K_MULTIPLE: Record<LeafWeight['kind'], number> = { f32: 1, int8: 1, csr: 1, 'int8-1x4': 4, nm: 4 }

/** Random positions in whole tiles of so many rows and columns, which divide N and width. */
function pattern(
  N: number,
  width: number,
  density: number,
  random: () => number,
  [rows, columnsOfTile]: [number, number],
): { rowOffsets: Uint32Array; columns: Uint16Array } {
  const rowOffsets = new Uint32Array(N + 1)
  const columns: number[] = []
  for (let strip = 0; strip < N; strip += rows) {
    const ofRow: number[] = []
    for (let k = 0; k < width; k += columnsOfTile)
      if (random() < density) for (let i = 0; i < columnsOfTile; i++) ofRow.push(k + i)
    for (let n = strip; n < strip + rows; n++) {
      for (const k of ofRow) columns.push(k)
      rowOffsets[n + 1] = columns.length
    }
  }
  return { rowOffsets, columns: Uint16Array.from(columns) }
}
