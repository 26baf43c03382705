// The variants of all operations on WebAssembly.

import { ATTENTION_WASM } from '../attention/variants-wasm.ts'
import { DENSE_WASM } from '../dense-matmul/variants-wasm.ts'
import { EMBEDDING_WASM } from '../embedding/variants-wasm.ts'
import { INT8_WASM } from '../int8-matmul/variants-wasm.ts'
import { ROW_OPS_WASM } from '../row-ops/variants-wasm.ts'
import { SPARSE_WASM } from '../sparse-matmul/variants-wasm.ts'
import type { WasmVariant } from './variant.ts'

export const WASM_VARIANTS: readonly WasmVariant[] = [
  ...DENSE_WASM,
  ...INT8_WASM,
  ...SPARSE_WASM,
  ...ATTENTION_WASM,
  ...EMBEDDING_WASM,
  ...ROW_OPS_WASM,
]
