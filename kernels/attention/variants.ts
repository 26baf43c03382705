// The variants of attention.

import { provesAnyHead, provesAttention, provesWideHead } from '../webgpu/proofs.ts'
import type { TilesCover, VariantNotes, WebgpuVariant } from '../program/variants.ts'
import { f32Text, type WasmVariant } from '../wasm/variant.ts'

/** `tiles`: the list of tiles of queries; `shape-and-tiles`: their number as well, where a workgroup has several. */
export type AttentionOperands = 'tiles' | 'shape-and-tiles'

export interface AttentionSize {
  headSize: number
  /** P of the distance bias, 0 for none */
  positions: number
}

const D = ({ headSize }: AttentionSize): number => headSize
const POSITIONS = ({ positions }: AttentionSize): number => positions
/** Threads that share a query's values: 8 or more, a power of two, for 4 dimensions each. */
const LANES = ({ headSize }: AttentionSize): number => Math.max(8, 2 ** Math.ceil(Math.log2(headSize / 4)))

/** Largest head that 16 queries and 32 keys at a time leave workgroup memory for, and the largest that the accumulators hold. */
const [WIDE_HEAD, LARGEST_HEAD] = [64, 128]

/** In order of preference. */
export const ATTENTION_WEBGPU = [
  {
    op: 'attention',
    id: 'tiled/32',
    backend: 'webgpu',
    shader: 'attention.tiled',
    tile: { D, LANES, QUERIES: 16, KEYS: 32, POSITIONS },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'tiles',
    covers: { tiles: 1, queries: 16 },
    fits: ({ headSize }) => headSize % 4 === 0 && headSize <= WIDE_HEAD,
    proof: provesAttention,
  },
  {
    op: 'attention',
    id: 'tiled/16',
    backend: 'webgpu',
    shader: 'attention.tiled',
    tile: { D, LANES, QUERIES: 8, KEYS: 16, POSITIONS },
    usesWorkgroupMemory: true,
    features: [],
    operands: 'tiles',
    covers: { tiles: 1, queries: 8 },
    fits: ({ headSize }) => headSize % 4 === 0 && headSize > WIDE_HEAD && headSize <= LARGEST_HEAD,
    proof: provesWideHead,
  },
  {
    op: 'attention',
    id: 'direct',
    backend: 'webgpu',
    shader: 'attention.direct',
    tile: { POSITIONS },
    usesWorkgroupMemory: false,
    features: [],
    operands: 'shape-and-tiles',
    covers: { tiles: 32, queries: 4 },
    fits: ({ headSize }) => headSize % 4 === 0,
    proof: provesAttention,
  },
  {
    op: 'attention',
    id: 'naive',
    backend: 'webgpu',
    shader: 'attention.naive',
    tile: { POSITIONS },
    usesWorkgroupMemory: false,
    features: [],
    operands: 'shape-and-tiles',
    covers: { tiles: 32, queries: 4 },
    fits: ({ headSize }) => headSize % 4 !== 0,
    proof: provesAnyHead,
  },
] as const satisfies readonly WebgpuVariant<AttentionOperands, AttentionSize, TilesCover>[]

export const ATTENTION_WEBGPU_NOTES: VariantNotes<(typeof ATTENTION_WEBGPU)[number]> = {
  'tiled/32': {
    needs: 'workgroup memory; D % 4 == 0, D <= 64',
    wins: 'real adapters',
    status: 'default',
  },
  'tiled/16': {
    needs: 'workgroup memory; D % 4 == 0, 64 < D <= 128',
    wins: 'real adapters',
    status: 'default',
  },
  direct: {
    needs: 'nothing; no workgroup memory; D % 4 == 0',
    wins: 'software adapters',
    status: 'available',
  },
  naive: {
    needs: 'nothing',
    wins: 'nowhere: any head size in plain loops, what the others fall back to',
    status: 'teaching',
  },
}

/** On WebAssembly. wasm.ts says which sequences take i16. */
export const ATTENTION_WASM = [
  {
    op: 'attention',
    backend: 'wasm',
    id: 'panels',
    // the tiles of dense-matmul
    exports: [],
    proof: 'attention',
    shownAs: { key: 'attention', text: (engine) => f32Text(engine.isWide ? 'f32 6x16' : 'f32 6x8', engine) },
  },
  {
    op: 'attention',
    backend: 'wasm',
    id: 'i16',
    source: 'tile-int8-i16',
    exports: ['tile_i16_4x8', 'tile_i16_5x8'],
    tile: { rows: 5, columns: 8, unrolled: 2 },
    proof: 'attention i16',
    shownAs: { key: 'attention', text: ({ isWide }) => `i16 ${isWide ? '5x16' : '5x8'} between int8 layers` },
  },
] as const satisfies readonly WasmVariant[]

export const ATTENTION_WASM_NOTES: VariantNotes<(typeof ATTENTION_WASM)[number]> = {
  panels: { needs: 'SIMD; the 6x8 tile of dense-matmul', wins: 'wherever i16 is not taken', status: 'default' },
  i16: {
    needs:
      'SIMD; query, key and value from int8 layers; no distance bias; T >= 48, D % 8 == 0; the i16 5x8 tile of int8-matmul',
    wins: 'from 48 tokens: 1.12 to 1.17 times at 64, 1.21 to 1.27 at 128; between sparse layers most',
    status: 'default',
  },
}
