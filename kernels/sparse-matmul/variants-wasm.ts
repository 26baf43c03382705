// The WebAssembly variants of sparse layers. Which one a layer takes is decided by its storage format and the number of
// rows; the dot of int8-1x4 is that of the device's int8 layers.

import type { VariantNotes } from '../program/variants.ts'
import { describeStrategy } from '../wasm/dot-strategy.ts'
import { f32Text, type WasmVariant } from '../wasm/variant.ts'

const ROWS = { op: 'sparse-matmul', backend: 'wasm', source: 'sparse-rows' } as const

export const SPARSE_WASM = [
  {
    ...ROWS,
    id: 'csr/32-tokens',
    exports: ['csr_row_4', 'csr_row_8', 'csr_row_16', 'csr_row_32'],
    proof: 'sparse-matmul csr',
    shownAs: { key: 'sparse-matmul csr', text: () => 'f32, 32 tokens a pass' },
  },
  { ...ROWS, id: 'csr/row', exports: ['csr_row_1'], proof: 'sparse-matmul csr, one row' },
  {
    ...ROWS,
    id: 'int8-1x4/32-tokens',
    exports: [
      ...['block_row_i16_4', 'block_row_i16_8', 'block_row_i16_16', 'block_row_i16_32'],
      ...['block_row_relaxed_4', 'block_row_relaxed_8', 'block_row_relaxed_16', 'block_row_relaxed_32'],
    ],
    dotStrategy: 'as int8-matmul',
    proof: 'sparse-matmul int8-1x4',
    shownAs: {
      key: 'sparse-matmul int8-1x4',
      text: ({ relaxedDot }, { dotStrategy }) => describeStrategy(dotStrategy, relaxedDot),
    },
  },
  {
    ...ROWS,
    id: 'int8-1x4/row',
    exports: ['block_row_i16_1', 'block_row_relaxed_1'],
    dotStrategy: 'as int8-matmul',
    proof: 'sparse-matmul int8-1x4, one row',
  },
  {
    op: 'sparse-matmul',
    backend: 'wasm',
    id: 'nm/6x8',
    source: 'tile-nm',
    exports: ['tile_nm_4x8', 'tile_nm_5x8', 'tile_nm_6x8'],
    tile: { rows: 6, columns: 8, unrolled: 1 },
    proof: 'sparse-matmul nm',
    shownAs: { key: 'sparse-matmul nm', text: f32Text('f32 6x8') },
  },
] as const satisfies readonly WasmVariant[]

export const SPARSE_WASM_NOTES: VariantNotes<(typeof SPARSE_WASM)[number]> = {
  'csr/32-tokens': {
    needs: 'SIMD; x in token blocks, y in them or in rows',
    wins: 'against dense f32 from 30 % zeros at 768x768; narrow layers later',
    status: 'default',
  },
  'csr/row': {
    needs: 'SIMD; M = 1; the packing of 32 tokens',
    wins: 'one row: four entries to a vector instead of four tokens',
    status: 'default',
  },
  'int8-1x4/32-tokens': {
    needs: 'the dot of int8-matmul; x quantized into token blocks',
    wins: 'against dense int8 from 30 % zero blocks at 768x768; narrow layers later',
    status: 'default',
  },
  'int8-1x4/row': {
    needs: 'the dot of int8-matmul; M = 1; the packing of 32 tokens',
    wins: 'one row: two or four blocks to a vector',
    status: 'default',
  },
  'nm/6x8': { needs: 'SIMD', wins: 'against dense f32: half of the products at 2:4', status: 'default' },
}
