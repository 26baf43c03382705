// The WebAssembly variants of the embedding.

import type { VariantNotes } from '../program/variants.ts'
import type { WasmVariant } from '../wasm/variant.ts'

export const EMBEDDING_WASM = [
  { op: 'embedding', backend: 'wasm', id: 'rows', exports: [], proof: 'embedding' },
] as const satisfies readonly WasmVariant[]

export const EMBEDDING_WASM_NOTES: VariantNotes<(typeof EMBEDDING_WASM)[number]> = {
  rows: { needs: 'SIMD', wins: 'always', status: 'default' },
}
