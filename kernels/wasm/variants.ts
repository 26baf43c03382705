// The rows of all operations on WebAssembly, without the words about them (kernels/variants.ts has both).

import { ATTENTION_WASM } from '../attention/variants.ts'
import { DENSE_WASM } from '../dense-matmul/variants.ts'
import { EMBEDDING_WASM } from '../embedding/variants.ts'
import { INT8_WASM } from '../int8-matmul/variants.ts'
import { ROW_OPS_WASM } from '../row-ops/variants.ts'
import { SPARSE_WASM } from '../sparse-matmul/variants.ts'
import type { WasmVariant } from './variant.ts'

export const WASM_ROWS: readonly WasmVariant[] = [
  ...DENSE_WASM,
  ...INT8_WASM,
  ...SPARSE_WASM,
  ...ATTENTION_WASM,
  ...EMBEDDING_WASM,
  ...ROW_OPS_WASM,
]
