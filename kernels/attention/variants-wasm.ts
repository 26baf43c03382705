// The WebAssembly variants of attention. wasm.ts says which sequences take i16.

import type { VariantNotes } from '../program/variants.ts'
import { f32Text, type WasmVariant } from '../wasm/variant.ts'

export const ATTENTION_WASM = [
  {
    op: 'attention',
    backend: 'wasm',
    id: 'panels',
    // the tiles of dense-matmul
    exports: [],
    proof: 'attention',
    shownAs: { key: 'attention', text: f32Text('f32 6x8') },
  },
  {
    op: 'attention',
    backend: 'wasm',
    id: 'i16',
    source: 'tile-int8-i16',
    exports: ['tile_i16_4x8', 'tile_i16_5x8'],
    tile: { rows: 5, columns: 8, unrolled: 2 },
    proof: 'attention i16',
    shownAs: { key: 'attention', text: () => 'i16 5x8 between int8 layers' },
  },
] as const satisfies readonly WasmVariant[]

export const ATTENTION_WASM_NOTES: VariantNotes<(typeof ATTENTION_WASM)[number]> = {
  panels: { needs: 'SIMD; the 6x8 tile of dense-matmul', wins: 'wherever i16 is not taken', status: 'default' },
  i16: {
    needs: 'SIMD; query, key and value from int8 layers; T >= 48, D % 8 == 0; the i16 5x8 tile of int8-matmul',
    wins: 'from 48 tokens: 1.12 to 1.17 times at 64, 1.21 to 1.27 at 128; between sparse layers most',
    status: 'default',
  },
}
