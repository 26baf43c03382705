// The variants of dense f32 layers.

import { provesDense, provesHalfProducts } from '../webgpu/proofs.ts'
import { FEW_REGISTERS, narrowRows, sliceRows } from '../webgpu/rows.ts'
import type { VariantNotes, WebgpuVariant } from '../program/variants.ts'
import { f32Text, type TileVariant } from '../wasm/variant.ts'

/** `panels`: weights in panels of 64 outputs, as webgpu.ts packs them. */
export type DenseOperands = 'panels'

export interface DenseSize {
  /** padded outputs of all layers of the dispatch */
  columns: number
}

/** Rows up to which a workgroup per row, that reads the weights for it alone, keeps more of the GPU busy. */
const SINGLE_ROWS = 4
/** Rows from which a tile of 128 rows fills the GPU. */
const TALL_ROWS = 1024

/** In order of preference. */
export const DENSE_WEBGPU = [
  {
    op: 'dense-matmul',
    id: 'row',
    backend: 'webgpu',
    shader: 'dense-matmul.row',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'panels',
    covers: { columns: 16, rows: 1 },
    rows: { most: SINGLE_ROWS },
    mayHalveWeights: true,
    proof: provesDense,
  },
  {
    op: 'dense-matmul',
    id: 'slice/1-turn',
    backend: 'webgpu',
    shader: 'dense-matmul.slice',
    tile: { TURNS: 1 },
    usesWorkgroupMemory: true,
    features: [],
    vendors: FEW_REGISTERS,
    operands: 'panels',
    covers: { columns: 32, rows: 16 },
    rows: { most: ({ columns }) => sliceRows(columns) },
    mayHalveWeights: true,
    proof: provesDense,
  },
  {
    op: 'dense-matmul',
    id: 'slice/16',
    backend: 'webgpu',
    shader: 'dense-matmul.slice',
    tile: { COLUMNS: 16 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'panels',
    covers: { columns: 16, rows: 16 },
    rows: { most: ({ columns }) => Math.min(narrowRows(columns), sliceRows(columns)) },
    fits: ({ columns }) => narrowRows(columns) > 0,
    mayHalveWeights: true,
    proof: provesDense,
  },
  {
    op: 'dense-matmul',
    id: 'slice/32',
    backend: 'webgpu',
    shader: 'dense-matmul.slice',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'panels',
    covers: { columns: 32, rows: 16 },
    rows: { most: ({ columns }) => sliceRows(columns) },
    mayHalveWeights: true,
    proof: provesDense,
  },
  // f32 tiles are behind f16 ones, for a device that is found to compute those wrong
  {
    op: 'dense-matmul',
    id: 'half/64x4',
    backend: 'webgpu',
    shader: 'dense-matmul.half',
    tile: { ROWS: 64, EACH: 4 },
    usesWorkgroupMemory: true,
    features: ['f16'],
    vendors: FEW_REGISTERS,
    operands: 'panels',
    covers: { columns: 64, rows: 64 },
    proof: provesHalfProducts,
  },
  {
    op: 'dense-matmul',
    id: 'half/64',
    backend: 'webgpu',
    shader: 'dense-matmul.half',
    tile: { ROWS: 64 },
    usesWorkgroupMemory: true,
    features: ['f16'],
    operands: 'panels',
    covers: { columns: 64, rows: 64 },
    rows: { most: TALL_ROWS },
    proof: provesHalfProducts,
  },
  {
    op: 'dense-matmul',
    id: 'half/128',
    backend: 'webgpu',
    shader: 'dense-matmul.half',
    tile: { ROWS: 128 },
    usesWorkgroupMemory: true,
    features: ['f16'],
    operands: 'panels',
    covers: { columns: 64, rows: 128 },
    proof: provesHalfProducts,
  },
  {
    op: 'dense-matmul',
    id: 'tiled/64x4',
    backend: 'webgpu',
    shader: 'dense-matmul.tiled',
    tile: { ROWS: 64, EACH: 4 },
    usesWorkgroupMemory: true,
    features: [],
    vendors: FEW_REGISTERS,
    operands: 'panels',
    covers: { columns: 64, rows: 64 },
    mayHalveWeights: true,
    proof: provesDense,
  },
  {
    op: 'dense-matmul',
    id: 'tiled/64',
    backend: 'webgpu',
    shader: 'dense-matmul.tiled',
    tile: { ROWS: 64 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'panels',
    covers: { columns: 64, rows: 64 },
    rows: { most: TALL_ROWS },
    mayHalveWeights: true,
    proof: provesDense,
  },
  {
    op: 'dense-matmul',
    id: 'tiled/128',
    backend: 'webgpu',
    shader: 'dense-matmul.tiled',
    tile: { ROWS: 128 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'panels',
    covers: { columns: 64, rows: 128 },
    mayHalveWeights: true,
    proof: provesDense,
  },
  {
    op: 'dense-matmul',
    id: 'direct',
    backend: 'webgpu',
    shader: 'dense-matmul.direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'panels',
    covers: { columns: 32, rows: 32 },
    mayHalveWeights: true,
    proof: provesDense,
  },
] as const satisfies readonly WebgpuVariant<DenseOperands, DenseSize>[]

export const DENSE_WEBGPU_NOTES: VariantNotes<(typeof DENSE_WEBGPU)[number]> = {
  row: {
    needs: 'workgroup memory',
    wins: 'up to 4 rows on real adapters: K is split 64 ways',
    status: 'default',
  },
  'slice/1-turn': {
    needs: 'as slice/32, on adapters of Intel',
    wins: 'there: operands of two turns do not fit into registers and spill',
    status: 'default',
  },
  'slice/16': {
    needs: 'workgroup memory',
    wins: 'as slice/32 while workgroups of 32 columns are too few to fill the GPU; by arithmetic',
    status: 'default',
  },
  'slice/32': {
    needs: 'workgroup memory',
    wins: 'up to 128 rows on real adapters, where tiles are too few to fill the GPU: K is split inside the workgroup',
    status: 'default',
  },
  'half/64x4': {
    needs: 'as half/64, on adapters of Intel',
    wins: 'there, as tiled/64x4',
    status: 'available',
  },
  'half/64': {
    needs: "shader-f16, workgroup memory, and the caller's precision 'f16'",
    wins: 'more rows than slice takes: half of the multiply-adds where the adapter has f16 at twice the rate; not measured on one yet',
    status: 'available',
  },
  'half/128': {
    needs: 'as half/64',
    wins: 'as half/64 for more than 1024 rows',
    status: 'available',
  },
  'tiled/64x4': {
    needs: 'as tiled/64, on adapters of Intel',
    wins: 'there: sums of 8 rows do not fit into registers and spill (docs/gpu-isa.md)',
    status: 'default',
  },
  'tiled/64': {
    needs: 'workgroup memory',
    wins: 'real adapters, more rows than slice takes',
    status: 'default',
  },
  'tiled/128': {
    needs: 'workgroup memory',
    wins: 'real adapters, more than 1024 rows',
    status: 'default',
  },
  direct: {
    needs: 'nothing; no workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
}

/** On WebAssembly, in order of preference. */
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
    shownAs: { key: 'dense-matmul', text: (engine) => f32Text('f32 6x8', engine) },
  },
] as const satisfies readonly TileVariant[]

export const DENSE_WASM_NOTES: VariantNotes<(typeof DENSE_WASM)[number]> = {
  'f32/6x8': {
    needs: 'SIMD; with relaxed SIMD its multiply-add is one instruction',
    wins: 'always',
    status: 'default',
  },
}
