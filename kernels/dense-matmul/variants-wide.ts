// The tile of dense f32 layers in the wide module (kernels/wasm/wide.ts).

import type { VariantNotes } from '../program/variants.ts'
import { WIDE_TILE } from '../wasm/abi.ts'
import { f32Text, type TileVariant } from '../wasm/variant.ts'

export const DENSE_WIDE = [
  {
    op: 'dense-matmul',
    backend: 'wasm',
    id: 'f32/6x16',
    source: 'tile-f32-wide',
    run: 'tileF32Wide',
    number: WIDE_TILE,
    exports: ['tile_f32_1x16', 'tile_f32_2x16', 'tile_f32_3x16', 'tile_f32_4x16', 'tile_f32_5x16', 'tile_f32_6x16'],
    tile: { rows: 6, columns: 16, unrolled: 2 },
    needsRelaxedSimd: true,
    isWide: true,
    proof: 'dense-matmul',
    shownAs: { key: 'dense-matmul', text: (engine) => f32Text('f32 6x16', engine) },
  },
] as const satisfies readonly TileVariant[]

export const DENSE_WIDE_NOTES: VariantNotes<(typeof DENSE_WIDE)[number]> = {
  'f32/6x16': {
    needs: 'an engine that runs pairs of vectors as one of 256 bits, and the caller to ask for it (wide)',
    wins: 'there: twice the multiply-adds of f32/6x8 in one instruction',
    status: 'available',
  },
}
