// The variants of dense int8 layers, and of the quantization of their inputs.

import {
  provesInt8,
  provesMatrices,
  provesNormAfter,
  provesNormAfterMatrices,
  provesNormBefore,
} from '../webgpu/proofs.ts'
import { FEW_REGISTERS, FEW_ROWS, MOST_SLICED, narrowRows, ONE_EACH, sliceRows, WITHOUT_DOTS } from '../webgpu/rows.ts'
import type { VariantNotes, WebgpuVariant } from '../program/variants.ts'
import { int8Text, type Int8Variant } from '../wasm/variant.ts'

/**
 * - `bytes`: s8 rows with their scales, weights in panels of words for dot4I8Packed
 * - `fragments`: the same with weights in fragments for matrices
 * - `f32`: f32 rows, which the shader quantizes
 * - `norm-before`: the rows that the LayerNorm before the layer reads
 * - `norm-after`, `norm-after-fragments`: as `f32`, with what the LayerNorm after the layer adds and writes
 * - `quantize`: f32 rows and their quantized copy
 */
export type Int8Operands =
  'bytes' | 'fragments' | 'f32' | 'norm-before' | 'norm-after' | 'norm-after-fragments' | 'quantize'

export interface Int8Size {
  /** padded outputs of all layers of the dispatch */
  columns: number
  /** the weights are also packed in fragments, since the adapter multiplies matrices and no fragment crosses two rows */
  hasFragments: boolean
  /** and in matrices of 16 x 16 x 32 */
  hasRowFragments: boolean
  /** the GPU has an instruction for dot4I8Packed, as far as its vendor says */
  hasDots: boolean
}

/** Rows up to which a layer that quantizes its own rows spares a dispatch; it reads them as f32 once per 32 columns. */
const FUSED_ROWS = MOST_SLICED
/**
 * Rows from which a layer that owns whole rows may do the LayerNorm after it. Where the layer after the LayerNorm does it
 * as well, that one reads what these leave out: never both.
 */
const WHOLE_ROWS = FUSED_ROWS + 1
/** Rows up to which 32 at a time with the inputs split among subgroups occupy more of a GPU than 128 at a time. */
const SPLIT_ROWS = 256

/** Most rows of the sliced kernels, which matrix units take over early, and arithmetic of f32 where dots are slow. */
const slicedRows = ({ columns, hasFragments, hasDots }: Int8Size): number =>
  hasFragments || !hasDots ? FEW_ROWS : sliceRows(columns)

/** Most rows of those that quantize their rows. */
const fusedRows = ({ hasDots }: Int8Size): number => (hasDots ? FUSED_ROWS : FEW_ROWS)

/** Narrower workgroups round the rows once more: only while all of them are at work at once. */
const fusedNarrowRows = (size: Int8Size): number => Math.min(narrowRows(size.columns, ONE_EACH), fusedRows(size))

/** In order of preference. */
export const INT8_WEBGPU = [
  {
    op: 'int8-matmul',
    id: 'norm-fused',
    backend: 'webgpu',
    shader: 'int8-matmul.norm-fused',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'norm-before',
    covers: { columns: 32, rows: 16 },
    rows: { most: fusedRows },
    includesBefore: true,
    proof: provesNormBefore,
  },
  // each workgroup reads all weights, so that 4 rows at a time pay only while larger ones would leave most of a GPU idle
  {
    op: 'int8-matmul',
    id: 'whole-row/4',
    backend: 'webgpu',
    shader: 'int8-matmul.whole-row',
    tile: { SPLIT: 4 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'norm-after',
    covers: { rows: 4 },
    rows: { least: WHOLE_ROWS, most: 256 },
    fits: ({ hasDots }) => hasDots,
    includesBefore: true,
    normalizes: true,
    proof: provesNormAfter,
  },
  // after the one for the fewest rows, which occupies 8 times as many workgroups
  {
    op: 'int8-matmul',
    id: 'whole-row-matrix',
    backend: 'webgpu',
    shader: 'int8-matmul.whole-row-matrix',
    tile: {},
    usesWorkgroupMemory: true,
    features: ['chromium_experimental_subgroup_matrix', 'subgroups'],
    operands: 'norm-after-fragments',
    covers: { rows: 32 },
    rows: { least: WHOLE_ROWS },
    fits: ({ hasRowFragments }) => hasRowFragments,
    includesBefore: true,
    normalizes: true,
    proof: provesNormAfterMatrices,
  },
  {
    op: 'int8-matmul',
    id: 'whole-row/2',
    backend: 'webgpu',
    shader: 'int8-matmul.whole-row',
    tile: { SPLIT: 2 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'norm-after',
    covers: { rows: 8 },
    rows: { least: WHOLE_ROWS, most: 1024 },
    fits: ({ hasDots }) => hasDots,
    includesBefore: true,
    normalizes: true,
    proof: provesNormAfter,
  },
  {
    op: 'int8-matmul',
    id: 'whole-row/1',
    backend: 'webgpu',
    shader: 'int8-matmul.whole-row',
    tile: { SPLIT: 1 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'norm-after',
    covers: { rows: 16 },
    rows: { least: WHOLE_ROWS },
    fits: ({ hasDots }) => hasDots,
    includesBefore: true,
    normalizes: true,
    proof: provesNormAfter,
  },
  {
    op: 'int8-matmul',
    id: 'fused/16',
    backend: 'webgpu',
    shader: 'int8-matmul.fused',
    tile: { COLUMNS: 16 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'f32',
    covers: { columns: 16, rows: 16 },
    rows: { most: fusedNarrowRows },
    fits: (size) => fusedNarrowRows(size) > 0,
    includesBefore: true,
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'fused/32',
    backend: 'webgpu',
    shader: 'int8-matmul.fused',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'f32',
    covers: { columns: 32, rows: 16 },
    rows: { most: fusedRows },
    includesBefore: true,
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'slice/1-turn',
    backend: 'webgpu',
    shader: 'int8-matmul.slice',
    tile: { TURNS: 1 },
    usesWorkgroupMemory: true,
    features: [],
    vendors: FEW_REGISTERS,
    operands: 'bytes',
    covers: { columns: 32, rows: 16 },
    rows: { most: slicedRows },
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'slice/16',
    backend: 'webgpu',
    shader: 'int8-matmul.slice',
    tile: { COLUMNS: 16 },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'bytes',
    covers: { columns: 16, rows: 16 },
    rows: { most: (size) => Math.min(narrowRows(size.columns), slicedRows(size)) },
    fits: ({ columns }) => narrowRows(columns) > 0,
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'slice/32',
    backend: 'webgpu',
    shader: 'int8-matmul.slice',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'bytes',
    covers: { columns: 32, rows: 16 },
    rows: { most: slicedRows },
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'matrix/4',
    backend: 'webgpu',
    shader: 'int8-matmul.matrix',
    tile: { SPLIT: 4 },
    usesWorkgroupMemory: true,
    features: ['chromium_experimental_subgroup_matrix', 'subgroups'],
    operands: 'fragments',
    covers: { columns: 64, rows: 32 },
    rows: { most: SPLIT_ROWS },
    fits: ({ hasFragments }) => hasFragments,
    proof: provesMatrices,
  },
  {
    op: 'int8-matmul',
    id: 'matrix/1',
    backend: 'webgpu',
    shader: 'int8-matmul.matrix',
    tile: { SPLIT: 1 },
    usesWorkgroupMemory: true,
    features: ['chromium_experimental_subgroup_matrix', 'subgroups'],
    operands: 'fragments',
    covers: { columns: 64, rows: 128 },
    fits: ({ hasFragments }) => hasFragments,
    proof: provesMatrices,
  },
  {
    op: 'int8-matmul',
    id: 'unpacked',
    backend: 'webgpu',
    shader: 'int8-matmul.unpacked',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    vendors: WITHOUT_DOTS,
    operands: 'bytes',
    covers: { columns: 64, rows: 64 },
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'tiled/4',
    backend: 'webgpu',
    shader: 'int8-matmul.tiled',
    tile: { EACH: 4 },
    usesWorkgroupMemory: true,
    features: [],
    vendors: FEW_REGISTERS,
    operands: 'bytes',
    covers: { columns: 64, rows: 64 },
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'tiled/8',
    backend: 'webgpu',
    shader: 'int8-matmul.tiled',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'bytes',
    covers: { columns: 64, rows: 64 },
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'direct',
    backend: 'webgpu',
    shader: 'int8-matmul.direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'bytes',
    covers: { columns: 32, rows: 32 },
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'quantize-tiled',
    backend: 'webgpu',
    shader: 'quantize.tiled',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'quantize',
    covers: { row: 'grid' },
    proof: provesInt8,
  },
  {
    op: 'int8-matmul',
    id: 'quantize-direct',
    backend: 'webgpu',
    shader: 'quantize.direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'quantize',
    covers: { rows: 32 },
    proof: provesInt8,
  },
] as const satisfies readonly WebgpuVariant<Int8Operands, Int8Size>[]

export const INT8_WEBGPU_NOTES: VariantNotes<(typeof INT8_WEBGPU)[number]> = {
  'norm-fused': {
    needs: 'dot4I8Packed, workgroup memory',
    wins: 'up to 128 rows after a LayerNorm: normalises and quantizes them itself and saves a dispatch',
    status: 'default',
  },
  'whole-row/4': {
    needs: 'dot4I8Packed, workgroup memory',
    wins: '129 to 256 rows before a LayerNorm: a workgroup owns whole rows, quantizes and normalises them itself and saves two dispatches',
    status: 'default',
  },
  'whole-row-matrix': {
    needs: 'as matrix, of 16 x 16 x 32 alone, and operations of subgroups; proved at start',
    wins: 'as whole-row for more than 256 rows, on adapters with integer matrix units; never timed on one',
    status: 'default',
  },
  'whole-row/2': {
    needs: 'dot4I8Packed, workgroup memory',
    wins: 'as whole-row/4 for up to 1024 rows',
    status: 'default',
  },
  'whole-row/1': {
    needs: 'dot4I8Packed, workgroup memory',
    wins: 'as whole-row/4 for more than 1024 rows',
    status: 'default',
  },
  'fused/16': {
    needs: 'as fused/32',
    wins: 'as fused/32 while workgroups of 32 columns are too few to fill the GPU; by arithmetic',
    status: 'default',
  },
  'fused/32': {
    needs: 'dot4I8Packed, workgroup memory',
    wins: 'up to 128 rows: quantizes the rows itself and saves a dispatch',
    status: 'default',
  },
  'slice/1-turn': {
    needs: 'as slice/32, on adapters of Intel',
    wins: 'there: operands of two turns do not fit into registers and spill',
    status: 'default',
  },
  'slice/16': {
    needs: 'as slice/32',
    wins: 'as slice/32 while workgroups of 32 columns are too few to fill the GPU; by arithmetic',
    status: 'default',
  },
  'slice/32': {
    needs: 'dot4I8Packed, workgroup memory',
    wins: 'few rows on real adapters',
    status: 'default',
  },
  'matrix/4': {
    needs:
      'chromium-experimental-subgroup-matrix with i8 to i32 of 16 x 16 x 32 and subgroups of 32, or with subgroup-size-control of 16 x 16 x 16, 8 x 16 x 32 or 8 x 8 x 32; K padded to 16 a multiple of 32, rows of tokens; proved exact at start',
    wins: '129 to 256 rows, or from 33 of given bytes, on adapters with integer matrix units; never timed on one',
    status: 'default',
  },
  'matrix/1': {
    needs: 'as matrix/4',
    wins: 'as matrix/4 for more than 256 rows',
    status: 'default',
  },
  unpacked: {
    needs: 'workgroup memory, on adapters of Apple',
    wins: 'there, where a dot of bytes is 8 instructions and a multiply-add of f32 is one: more rows than slice takes',
    status: 'default',
  },
  'tiled/4': {
    needs: 'as tiled/8, on adapters of Intel',
    wins: 'there: sums of 8 rows do not fit into registers and spill (docs/gpu-isa.md)',
    status: 'default',
  },
  'tiled/8': {
    needs: 'dot4I8Packed, workgroup memory',
    wins: 'real adapters',
    status: 'default',
  },
  direct: {
    needs: 'dot4I8Packed (core WGSL)',
    wins: 'software adapters',
    status: 'available',
  },
  'quantize-tiled': {
    needs: 'workgroup memory',
    wins: 'real adapters, where no other op quantizes the rows',
    status: 'default',
  },
  'quantize-direct': {
    needs: 'nothing; no workgroup memory',
    wins: 'software adapters, where no other op quantizes the rows',
    status: 'available',
  },
}

/** Of 1 to 6 rows; u8 and s8 are the same products of differently stored activations. */
const RELAXED_TILES = [
  'tile_int8_relaxed_1x8',
  'tile_int8_relaxed_2x8',
  'tile_int8_relaxed_3x8',
  'tile_int8_relaxed_4x8',
  'tile_int8_relaxed_5x8',
  'tile_int8_relaxed_6x8',
] as const

/** On WebAssembly, in order of preference. */
export const INT8_WASM = [
  {
    op: 'int8-matmul',
    backend: 'wasm',
    id: 'u8',
    source: 'tile-int8-relaxed',
    run: 'tileInt8Relaxed',
    exports: RELAXED_TILES,
    tile: { rows: 6, columns: 8, unrolled: 1 },
    needsRelaxedSimd: true,
    dotStrategy: 'u8',
    proof: 'int8-matmul',
    shownAs: { key: 'int8-matmul', text: (engine) => int8Text('u8', engine) },
  },
  {
    op: 'int8-matmul',
    backend: 'wasm',
    id: 's8',
    source: 'tile-int8-relaxed',
    run: 'tileInt8Relaxed',
    exports: RELAXED_TILES,
    tile: { rows: 6, columns: 8, unrolled: 1 },
    needsRelaxedSimd: true,
    dotStrategy: 's8',
    proof: 'int8-matmul',
    shownAs: { key: 'int8-matmul', text: (engine) => int8Text('s8', engine) },
  },
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
    shownAs: { key: 'int8-matmul', text: (engine) => int8Text('i16x8', engine) },
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
