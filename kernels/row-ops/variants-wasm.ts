// The WebAssembly variants of LayerNorm, first token and mean pooling.

import type { VariantNotes } from '../program/variants.ts'
import type { WasmVariant } from '../wasm/variant.ts'

export const ROW_OPS_WASM = [
  { op: 'row-ops', backend: 'wasm', id: 'rows', exports: [], proof: 'row-ops' },
] as const satisfies readonly WasmVariant[]

export const ROW_OPS_WASM_NOTES: VariantNotes<(typeof ROW_OPS_WASM)[number]> = {
  rows: { needs: 'SIMD', wins: 'always', status: 'default' },
}
