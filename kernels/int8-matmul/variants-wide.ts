// The tiles of dense int8 layers in the wide module (kernels/wasm/wide.ts). No engine whose relaxed dot is exact for s8 has
// 256-bit vectors: u8 and i16x8 alone.

import type { VariantNotes } from '../program/variants.ts'
import { WIDE_TILE } from '../wasm/abi.ts'
import { int8Text, type Int8Variant } from '../wasm/variant.ts'

/** In order of preference. */
export const INT8_WIDE = [
  {
    op: 'int8-matmul',
    backend: 'wasm',
    id: 'u8/6x16',
    source: 'tile-int8-relaxed-wide',
    run: 'tileInt8RelaxedWide',
    number: WIDE_TILE,
    exports: [
      'tile_int8_relaxed_1x16',
      'tile_int8_relaxed_2x16',
      'tile_int8_relaxed_3x16',
      'tile_int8_relaxed_4x16',
      'tile_int8_relaxed_5x16',
      'tile_int8_relaxed_6x16',
    ],
    tile: { rows: 6, columns: 16, unrolled: 2 },
    needsRelaxedSimd: true,
    isWide: true,
    dotStrategy: 'u8',
    proof: 'int8-matmul',
    shownAs: { key: 'int8-matmul', text: (engine) => int8Text('u8 6x16', engine) },
  },
  {
    op: 'int8-matmul',
    backend: 'wasm',
    id: 'i16x8/5x16',
    source: 'tile-int8-i16-wide',
    run: 'tileInt8I16Wide',
    number: WIDE_TILE + 1,
    exports: [
      'tile_int8_i16_1x16',
      'tile_int8_i16_2x16',
      'tile_int8_i16_3x16',
      'tile_int8_i16_4x16',
      'tile_int8_i16_5x16',
    ],
    tile: { rows: 5, columns: 16, unrolled: 2 },
    needsRelaxedSimd: true,
    isWide: true,
    dotStrategy: 'i16x8',
    proof: 'int8-matmul',
    shownAs: { key: 'int8-matmul', text: (engine) => int8Text('i16x8 5x16', engine) },
  },
] as const satisfies readonly Int8Variant[]

export const INT8_WIDE_NOTES: VariantNotes<(typeof INT8_WIDE)[number]> = {
  'u8/6x16': {
    needs: 'as u8, an engine that runs pairs of vectors as one of 256 bits, and the caller to ask for it (wide)',
    wins: 'there; by arithmetic, its integers are tested and its time is not',
    status: 'available',
  },
  'i16x8/5x16': {
    needs: 'an engine that runs pairs of vectors as one of 256 bits, and the caller to ask for it (wide)',
    wins: 'there without AVX-VNNI: its loop alone takes 0.56 of the time of i16x8 without the flag',
    status: 'available',
  },
}
