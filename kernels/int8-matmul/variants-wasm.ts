// The WebAssembly variants of int8 layers, in the order of preference.

import type { VariantNotes } from '../program/variants.ts'
import { int8Text, type Int8Variant } from '../wasm/variant.ts'

const RELAXED = {
  op: 'int8-matmul',
  backend: 'wasm',
  source: 'tile-int8-relaxed',
  run: 'tileInt8Relaxed',
  exports: [
    'tile_int8_relaxed_1x8',
    'tile_int8_relaxed_2x8',
    'tile_int8_relaxed_3x8',
    'tile_int8_relaxed_4x8',
    'tile_int8_relaxed_5x8',
    'tile_int8_relaxed_6x8',
  ],
  tile: { rows: 6, columns: 8, unrolled: 2 },
  needsRelaxedSimd: true,
  proof: 'int8-matmul',
} as const

export const INT8_WASM = [
  { ...RELAXED, id: 'u8', dotStrategy: 'u8', shownAs: { key: 'int8-matmul', text: int8Text('u8') } },
  { ...RELAXED, id: 's8', dotStrategy: 's8', shownAs: { key: 'int8-matmul', text: int8Text('s8') } },
  {
    op: 'int8-matmul',
    backend: 'wasm',
    id: 'i16x8',
    source: 'tile-int8-i16',
    run: 'tileInt8I16',
    exports: ['tile_int8_i16_1x8', 'tile_int8_i16_2x8', 'tile_int8_i16_3x8', 'tile_int8_i16_4x8', 'tile_int8_i16_5x8'],
    tile: { rows: 5, columns: 8, unrolled: 2 },
    dotStrategy: 'i16x8',
    proof: 'int8-matmul',
    shownAs: { key: 'int8-matmul', text: int8Text('i16x8') },
  },
] as const satisfies readonly Int8Variant[]

export const INT8_WASM_NOTES: VariantNotes<(typeof INT8_WASM)[number]> = {
  u8: {
    needs: 'relaxed SIMD whose dot is exact for u8 x s8 (x86 with AVX-VNNI); activations + 128, minus 128 column sums',
    wins: 'x86 with AVX-VNNI: about three times i16x8',
    status: 'default',
  },
  s8: {
    needs: 'relaxed SIMD whose dot is exact for s8 x s8 (Arm with dot product)',
    wins: 'Arm',
    status: 'default',
  },
  i16x8: {
    needs: 'SIMD: i32x4.dot_i16x8_s on bytes widened to i16',
    wins: 'x86 without AVX-VNNI, engines without relaxed SIMD',
    status: 'default',
  },
}
