// The variants of sparse layers.

import { provesInt8Slices, provesInt8Tiles, provesNm, provesSlices, provesTiles } from '../webgpu/proofs.ts'
import { FEW_ROWS, sliceRows } from '../webgpu/rows.ts'
import type { VariantNotes, WebgpuVariant } from '../program/variants.ts'
import { describeStrategy } from '../wasm/dot-strategy.ts'
import { f32Text, type WasmVariant } from '../wasm/variant.ts'

/** How the weights are packed: sliced ELLPACK (pack-sell.ts), whole tiles (pack-tiles.ts), or n:m values beside index lists. */
export type SparseOperands = 'slices' | 'int8-slices' | 'tiles' | 'int8-tiles' | 'nm'

export interface SparseSize {
  /** strips of outputs that tiles make up; columns of outputs elsewhere */
  columns: number
}

/** Rows up to which one group of threads takes all tiles of 4 rows alone. */
const SINGLE_ROWS = 4
/** Workgroups of two subgroups that occupy a large GPU. */
const FULL = 256

/** Few rows are cut finer, up to as many as leave the GPU room for more workgroups. */
const cutRows = ({ columns: strips }: SparseSize): number => Math.max(FEW_ROWS, Math.floor((FULL - 1) / strips) * 64)

/** In order of preference. */
export const SPARSE_WEBGPU = [
  {
    op: 'sparse-matmul',
    id: 'sell-tiled',
    backend: 'webgpu',
    shader: 'sparse-matmul.sell-tiled',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'slices',
    covers: { columns: 256, rows: 4 },
    proof: provesSlices,
  },
  {
    op: 'sparse-matmul',
    id: 'sell-direct',
    backend: 'webgpu',
    shader: 'sparse-matmul.sell-direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'slices',
    covers: { columns: 32, rows: 8 },
    proof: provesSlices,
  },
  {
    op: 'sparse-matmul',
    id: 'int8-1x4-sell-tiled',
    backend: 'webgpu',
    shader: 'sparse-matmul.block-tiled',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'int8-slices',
    covers: { columns: 256, rows: 4 },
    proof: provesInt8Slices,
  },
  {
    op: 'sparse-matmul',
    id: 'int8-1x4-sell-direct',
    backend: 'webgpu',
    shader: 'sparse-matmul.block-direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'int8-slices',
    covers: { columns: 32, rows: 8 },
    proof: provesInt8Slices,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-f32-tiled/4',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-f32-tiled',
    tile: { ROWS: 4 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'tiles',
    covers: { columns: 1, rows: 4 },
    rows: { most: SINGLE_ROWS },
    proof: provesTiles,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-f32-tiled/16',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-f32-tiled',
    tile: { ROWS: 16 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'tiles',
    covers: { columns: 1, rows: 16 },
    rows: { most: cutRows },
    proof: provesTiles,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-f32-tiled/64',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-f32-tiled',
    tile: { ROWS: 64 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'tiles',
    covers: { columns: 1, rows: 64 },
    proof: provesTiles,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-f32-direct',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-f32-direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'tiles',
    covers: { columns: 2, rows: 32 },
    proof: provesTiles,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-int8-tiled/4',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-int8-tiled',
    tile: { ROWS: 4 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'int8-tiles',
    covers: { columns: 1, rows: 4 },
    rows: { most: SINGLE_ROWS },
    proof: provesInt8Tiles,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-int8-tiled/16',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-int8-tiled',
    tile: { ROWS: 16 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'int8-tiles',
    covers: { columns: 1, rows: 16 },
    rows: { most: cutRows },
    proof: provesInt8Tiles,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-int8-tiled/64',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-int8-tiled',
    tile: { ROWS: 64 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'int8-tiles',
    covers: { columns: 1, rows: 64 },
    proof: provesInt8Tiles,
  },
  {
    op: 'sparse-matmul',
    id: 'tile-int8-direct',
    backend: 'webgpu',
    shader: 'sparse-matmul.tile-int8-direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'int8-tiles',
    covers: { columns: 2, rows: 32 },
    proof: provesInt8Tiles,
  },
  {
    op: 'sparse-matmul',
    id: 'nm-tiled/16',
    backend: 'webgpu',
    shader: 'sparse-matmul.nm-tiled',
    tile: { ROWS: 16 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'nm',
    covers: { columns: 32, rows: 16 },
    rows: { most: ({ columns }) => sliceRows(columns) },
    proof: provesNm,
  },
  {
    op: 'sparse-matmul',
    id: 'nm-tiled/64',
    backend: 'webgpu',
    shader: 'sparse-matmul.nm-tiled',
    tile: { ROWS: 64 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'nm',
    covers: { columns: 32, rows: 64 },
    proof: provesNm,
  },
  {
    op: 'sparse-matmul',
    id: 'nm-direct',
    backend: 'webgpu',
    shader: 'sparse-matmul.nm-direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'nm',
    covers: { columns: 32, rows: 32 },
    proof: provesNm,
  },
] as const satisfies readonly WebgpuVariant<SparseOperands, SparseSize>[]

export const SPARSE_WEBGPU_NOTES: VariantNotes<(typeof SPARSE_WEBGPU)[number]> = {
  'sell-tiled': {
    needs: 'workgroup memory; csr as sliced ELLPACK',
    wins: 'from 79 % zeros without a pattern, by arithmetic; below, tiled devices pack the layer dense',
    status: 'default',
  },
  'sell-direct': {
    needs: 'as sell-tiled, without workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
  'int8-1x4-sell-tiled': {
    needs: 'dot4I8Packed, workgroup memory; sliced ELLPACK of blocks',
    wins: 'from 75 % zero blocks, by arithmetic, 86 % beside matrix units; below, tiled devices pack the layer dense',
    status: 'default',
  },
  'int8-1x4-sell-direct': {
    needs: 'as int8-1x4-sell-tiled, without workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
  'tile-f32-tiled/4': {
    needs: 'workgroup memory; csr whose positions are whole tiles of 16 outputs x 32 inputs',
    wins: 'against sell wherever it applies: no index per weight, x read from workgroup memory in order, up to 4 rows',
    status: 'default',
  },
  'tile-f32-tiled/16': {
    needs: 'as tile-f32-tiled/4',
    wins: 'as tile-f32-tiled/4, while larger tiles are too few to fill the GPU',
    status: 'default',
  },
  'tile-f32-tiled/64': {
    needs: 'as tile-f32-tiled/4',
    wins: 'as tile-f32-tiled/4, more rows',
    status: 'default',
  },
  'tile-f32-direct': {
    needs: 'as tile-f32-tiled/4, without workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
  'tile-int8-tiled/4': {
    needs: 'dot4I8Packed, workgroup memory; 1x4 blocks whose positions are whole tiles of 16 outputs x 32 inputs',
    wins: 'against 1x4 blocks wherever it applies, up to 4 rows',
    status: 'default',
  },
  'tile-int8-tiled/16': {
    needs: 'as tile-int8-tiled/4',
    wins: 'as tile-int8-tiled/4, while larger tiles are too few to fill the GPU',
    status: 'default',
  },
  'tile-int8-tiled/64': {
    needs: 'as tile-int8-tiled/4',
    wins: 'as tile-int8-tiled/4, more rows',
    status: 'default',
  },
  'tile-int8-direct': {
    needs: 'as tile-int8-tiled/4, without workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
  'nm-tiled/16': {
    needs: 'workgroup memory; n:m values beside index lists that 32 outputs share',
    wins: 'against dense f32, by arithmetic: half of the products and of the bytes at 2:4, few rows',
    status: 'default',
  },
  'nm-tiled/64': {
    needs: 'as nm-tiled/16',
    wins: 'as nm-tiled/16, more rows',
    status: 'default',
  },
  'nm-direct': {
    needs: 'nothing; no workgroup memory',
    wins: 'software adapters: half of the products at 2:4',
    status: 'available',
  },
}

/**
 * On WebAssembly. The storage format and the number of rows decide which one a layer takes; int8-1x4 sums products as the
 * device's int8 layers do.
 */
export const SPARSE_WASM = [
  {
    op: 'sparse-matmul',
    backend: 'wasm',
    source: 'sparse-rows',
    id: 'csr/32-tokens',
    exports: ['csr_row_4', 'csr_row_8', 'csr_row_16', 'csr_row_32'],
    proof: 'sparse-matmul csr',
    shownAs: { key: 'sparse-matmul csr', text: () => 'f32, 32 tokens a pass' },
  },
  {
    op: 'sparse-matmul',
    backend: 'wasm',
    source: 'sparse-rows',
    id: 'csr/row',
    exports: ['csr_row_1'],
    proof: 'sparse-matmul csr, one row',
  },
  {
    op: 'sparse-matmul',
    backend: 'wasm',
    source: 'sparse-rows',
    id: 'int8-1x4/32-tokens',
    exports: [
      'block_row_i16_4',
      'block_row_i16_8',
      'block_row_i16_16',
      'block_row_i16_32',
      'block_row_relaxed_4',
      'block_row_relaxed_8',
      'block_row_relaxed_16',
      'block_row_relaxed_32',
    ],
    dotStrategy: 'as int8-matmul',
    proof: 'sparse-matmul int8-1x4',
    shownAs: {
      key: 'sparse-matmul int8-1x4',
      text: ({ relaxedDot }, { dotStrategy }) => describeStrategy(dotStrategy, relaxedDot),
    },
  },
  {
    op: 'sparse-matmul',
    backend: 'wasm',
    source: 'sparse-rows',
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
    shownAs: { key: 'sparse-matmul nm', text: (engine) => f32Text(engine.isWide ? 'f32 6x16' : 'f32 6x8', engine) },
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
