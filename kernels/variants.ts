// All variants of both backends, for the tests of completeness and kernels/README.md. A shader of shaders/ that no row has
// is an error of the compiler here.

import { ATTENTION_WASM, ATTENTION_WASM_NOTES, ATTENTION_WEBGPU, ATTENTION_WEBGPU_NOTES } from './attention/variants.ts'
import { DENSE_WASM, DENSE_WASM_NOTES, DENSE_WEBGPU, DENSE_WEBGPU_NOTES } from './dense-matmul/variants.ts'
import { DENSE_WIDE, DENSE_WIDE_NOTES } from './dense-matmul/variants-wide.ts'
import { EMBEDDING_WASM, EMBEDDING_WASM_NOTES, EMBEDDING_WEBGPU, EMBEDDING_WEBGPU_NOTES } from './embedding/variants.ts'
import type { ShaderName } from './generated/shaders.ts'
import { INT8_WASM, INT8_WASM_NOTES, INT8_WEBGPU, INT8_WEBGPU_NOTES } from './int8-matmul/variants.ts'
import { INT8_WIDE, INT8_WIDE_NOTES } from './int8-matmul/variants-wide.ts'
import { LOW_RANK_WEBGPU, LOW_RANK_WEBGPU_NOTES } from './low-rank-linear/variants.ts'
import type { Operation, VariantNote, WebgpuVariant } from './program/variants.ts'
import { ROW_OPS_WASM, ROW_OPS_WASM_NOTES, ROW_OPS_WEBGPU, ROW_OPS_WEBGPU_NOTES } from './row-ops/variants.ts'
import { SPARSE_WASM, SPARSE_WASM_NOTES, SPARSE_WEBGPU, SPARSE_WEBGPU_NOTES } from './sparse-matmul/variants.ts'
import type { WasmVariant } from './wasm/variant.ts'

/** A row with its words. */
export type Described<Row> = Row & VariantNote

const describe = <Row extends { id: string }>(
  rows: readonly Row[],
  notes: Record<Row['id'], VariantNote>,
): Described<Row>[] => rows.map((row) => ({ ...row, ...notes[row.id as Row['id']] }))

const WEBGPU = {
  'dense-matmul': describe(DENSE_WEBGPU, DENSE_WEBGPU_NOTES),
  'int8-matmul': describe(INT8_WEBGPU, INT8_WEBGPU_NOTES),
  'sparse-matmul': describe(SPARSE_WEBGPU, SPARSE_WEBGPU_NOTES),
  'low-rank-linear': describe(LOW_RANK_WEBGPU, LOW_RANK_WEBGPU_NOTES),
  embedding: describe(EMBEDDING_WEBGPU, EMBEDDING_WEBGPU_NOTES),
  'row-ops': describe(ROW_OPS_WEBGPU, ROW_OPS_WEBGPU_NOTES),
  attention: describe(ATTENTION_WEBGPU, ATTENTION_WEBGPU_NOTES),
} satisfies Record<Operation, unknown>

/** Shaders that are no variant of an operation, and what they are for. */
const UTILITIES = {
  'canary.direct': 'proves that the device executes anything at all',
  'restride.direct': "copies a caller's rows into padded ones and back",
} as const

type InRows = { [Op in Operation]: (typeof WEBGPU)[Op][number]['shader'] }[Operation]

/** The compiler names a shader here that no row of any variants.ts has: it does not satisfy the constraint. */
type Without<_Row extends never> = unknown

/** The WebGPU variants of each operation. */
export const WEBGPU_VARIANTS: Readonly<Record<Operation, readonly Described<WebgpuVariant>[]>> &
  Without<Exclude<ShaderName, InRows | keyof typeof UTILITIES>> = WEBGPU

export const isUtility = (shader: ShaderName): boolean => Object.hasOwn(UTILITIES, shader)

/** The WebAssembly variants of each operation. A chain of factors runs as its factors do. */
export const WASM_VARIANTS: Readonly<Record<Operation, readonly Described<WasmVariant>[]>> = {
  'dense-matmul': [...describe(DENSE_WASM, DENSE_WASM_NOTES), ...describe(DENSE_WIDE, DENSE_WIDE_NOTES)],
  'int8-matmul': [...describe(INT8_WASM, INT8_WASM_NOTES), ...describe(INT8_WIDE, INT8_WIDE_NOTES)],
  'sparse-matmul': describe(SPARSE_WASM, SPARSE_WASM_NOTES),
  'low-rank-linear': [],
  embedding: describe(EMBEDDING_WASM, EMBEDDING_WASM_NOTES),
  'row-ops': describe(ROW_OPS_WASM, ROW_OPS_WASM_NOTES),
  attention: describe(ATTENTION_WASM, ATTENTION_WASM_NOTES),
}
