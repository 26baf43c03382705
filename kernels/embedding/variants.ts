// The variants of the embedding.

import { provesEmbedding } from '../webgpu/proofs.ts'
import type { VariantNotes, WebgpuVariant } from '../program/variants.ts'
import type { WasmVariant } from '../wasm/variant.ts'

/** In order of preference. */
export const EMBEDDING_WEBGPU = [
  {
    op: 'embedding',
    id: 'tiled',
    backend: 'webgpu',
    shader: 'embedding.tiled',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'tables',
    covers: { row: 'grid' },
    proof: provesEmbedding,
  },
  {
    op: 'embedding',
    id: 'direct',
    backend: 'webgpu',
    shader: 'embedding.direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'tables',
    covers: { rows: 32 },
    proof: provesEmbedding,
  },
] as const satisfies readonly WebgpuVariant<'tables'>[]

export const EMBEDDING_WEBGPU_NOTES: VariantNotes<(typeof EMBEDDING_WEBGPU)[number]> = {
  tiled: {
    needs: 'workgroup memory',
    wins: 'real adapters',
    status: 'default',
  },
  direct: {
    needs: 'nothing; no workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
}

/** On WebAssembly. */
export const EMBEDDING_WASM = [
  { op: 'embedding', backend: 'wasm', id: 'rows', exports: [], proof: 'embedding' },
] as const satisfies readonly WasmVariant[]

export const EMBEDDING_WASM_NOTES: VariantNotes<(typeof EMBEDDING_WASM)[number]> = {
  rows: { needs: 'SIMD', wins: 'always', status: 'default' },
}
