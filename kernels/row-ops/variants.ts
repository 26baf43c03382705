// The variants of LayerNorm, first-token and mean-pool.

import { provesFirstToken, provesLayernorm, provesMeanPool } from '../webgpu/proofs.ts'
import type { VariantNotes, WebgpuVariant } from '../program/variants.ts'
import type { WasmVariant } from '../wasm/variant.ts'

/** The op whose inputs and output are bound. */
export type RowOpsOperands = 'layernorm' | 'first-token' | 'mean-pool'

/** In order of preference. */
export const ROW_OPS_WEBGPU = [
  {
    op: 'row-ops',
    id: 'layernorm-tiled',
    backend: 'webgpu',
    shader: 'layernorm.tiled',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'layernorm',
    covers: { row: 'grid' },
    proof: provesLayernorm,
  },
  {
    op: 'row-ops',
    id: 'layernorm-direct',
    backend: 'webgpu',
    shader: 'layernorm.direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'layernorm',
    covers: { rows: 32 },
    proof: provesLayernorm,
  },
  {
    op: 'row-ops',
    id: 'first-token',
    backend: 'webgpu',
    shader: 'first-token.direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'first-token',
    covers: { columns: 256, rows: 1 },
    proof: provesFirstToken,
  },
  {
    op: 'row-ops',
    id: 'mean-pool-tiled',
    backend: 'webgpu',
    shader: 'mean-pool.tiled',
    tile: {},
    usesWorkgroupMemory: true,
    features: [],
    operands: 'mean-pool',
    covers: { row: 'grid' },
    proof: provesMeanPool,
  },
  {
    op: 'row-ops',
    id: 'mean-pool-direct',
    backend: 'webgpu',
    shader: 'mean-pool.direct',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'mean-pool',
    covers: { rows: 4 },
    proof: provesMeanPool,
  },
] as const satisfies readonly WebgpuVariant<RowOpsOperands>[]

export const ROW_OPS_WEBGPU_NOTES: VariantNotes<(typeof ROW_OPS_WEBGPU)[number]> = {
  'layernorm-tiled': {
    needs: 'workgroup memory',
    wins: 'real adapters',
    status: 'default',
  },
  'layernorm-direct': {
    needs: 'nothing; no workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
  'first-token': {
    needs: 'nothing',
    wins: 'always',
    status: 'default',
  },
  'mean-pool-tiled': {
    needs: 'workgroup memory',
    wins: 'real adapters',
    status: 'default',
  },
  'mean-pool-direct': {
    needs: 'nothing; no workgroup memory',
    wins: 'software adapters',
    status: 'available',
  },
}

/** On WebAssembly. */
export const ROW_OPS_WASM = [
  { op: 'row-ops', backend: 'wasm', id: 'rows', exports: [], proof: 'row-ops' },
] as const satisfies readonly WasmVariant[]

export const ROW_OPS_WASM_NOTES: VariantNotes<(typeof ROW_OPS_WASM)[number]> = {
  rows: { needs: 'SIMD', wins: 'always', status: 'default' },
}
