// Opcodes of the inference module, as assembly/index.ts dispatches them.

export const DENSE_MATMUL = 1
export const QUANTIZE_ROWS = 2
export const INT8_MATMUL = 3
export const TRANSPOSE = 4
export const QUANTIZE_COLUMNS = 5
export const CSR_MATMUL = 6
export const INT8_BLOCK_MATMUL = 7
export const NM_MATMUL = 8
export const EMBEDDING = 9
export const LAYERNORM = 10
export const ATTENTION = 11
export const FIRST_TOKEN = 12
export const MEAN_POOL = 13
export const LAYERNORM_BLOCKED = 14
