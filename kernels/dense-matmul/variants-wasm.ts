// The WebAssembly variants of dense f32 layers, in the order of preference.

import type { VariantNotes } from '../program/variants.ts'
import { f32Text, type TileVariant } from '../wasm/variant.ts'

export const DENSE_WASM = [
  {
    op: 'dense-matmul',
    backend: 'wasm',
    id: 'f32/6x8',
    source: 'tile-f32',
    run: 'tileF32',
    exports: ['tile_f32_1x8', 'tile_f32_2x8', 'tile_f32_3x8', 'tile_f32_4x8', 'tile_f32_5x8', 'tile_f32_6x8'],
    tile: { rows: 6, columns: 8, unrolled: 1 },
    proof: 'dense-matmul',
    shownAs: { key: 'dense-matmul', text: f32Text('f32 6x8') },
  },
] as const satisfies readonly TileVariant[]

export const DENSE_WASM_NOTES: VariantNotes<(typeof DENSE_WASM)[number]> = {
  'f32/6x8': {
    needs: 'SIMD; with relaxed SIMD its multiply-add is one instruction',
    wins: 'always',
    status: 'default',
  },
}
