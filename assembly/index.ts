// The inference module: its one entry, and the inner loops as exports.

import {
  ATTENTION, CSR_MATMUL, DENSE_MATMUL, EMBEDDING, END, FIRST_TOKEN, INT8_BLOCK_MATMUL, INT8_MATMUL, LAYERNORM,
  LAYERNORM_BLOCKED, MEAN_POOL, NM_MATMUL, QUANTIZE_COLUMNS, QUANTIZE_ROWS, REQUANTIZE_ROWS, TRANSPOSE,
} from './abi'
import { attention } from './attention'
import { denseMatmul } from './dense-matmul'
import { embedding } from './embedding'
import { int8Matmul } from './int8-matmul'
import { WIDE } from './lib/simd'
import { quantizeColumns, quantizeRows, requantizeRows } from './quantize'
import { layernormWide } from './row-ops-wide'
import { firstToken, layernorm, layernormBlocked, meanPool } from './row-ops'
import { csrMatmul, int8BlockMatmul, nmMatmul, transpose } from './sparse-matmul'
import { ABORTED, enter, leave, next, opcode } from './tape'

export * from './exports'
export { probe_dot } from './probe'

/** Walks a tape as thread `thread` of `threads`; 0: done, 1: left early because some thread trapped or stalled. */
export function run(tape: usize, thread: i32, threads: i32, scratch: usize): i32 {
  let record = tape
  while (true) {
    const op = opcode(record)
    if (op == END) return leave(thread, threads)
    if (!enter(record, thread, threads)) return ABORTED
    switch (op) {
      case DENSE_MATMUL: denseMatmul(record, thread, threads, scratch); break
      case QUANTIZE_ROWS: quantizeRows(record, thread, threads); break
      case INT8_MATMUL: int8Matmul(record, thread, threads, scratch); break
      case TRANSPOSE: transpose(record, thread, threads); break
      case QUANTIZE_COLUMNS: quantizeColumns(record, thread, threads); break
      case CSR_MATMUL: csrMatmul(record, thread, threads, scratch); break
      case INT8_BLOCK_MATMUL: int8BlockMatmul(record, thread, threads, scratch); break
      case NM_MATMUL: nmMatmul(record, thread, threads, scratch); break
      case EMBEDDING: embedding(record, thread, threads); break
      case LAYERNORM: if (WIDE) layernormWide(record, thread, threads, scratch); else layernorm(record, thread, threads); break
      case ATTENTION: attention(record, thread, threads, scratch); break
      case FIRST_TOKEN: firstToken(record, thread, threads); break
      case MEAN_POOL: meanPool(record, thread, threads); break
      case LAYERNORM_BLOCKED: layernormBlocked(record, thread, threads); break
      case REQUANTIZE_ROWS: requantizeRows(record, thread, threads); break
      default: unreachable()
    }
    record = next(record)
  }
}
