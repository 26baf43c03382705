// The inference module: its opcodes and its one entry. kernels/wasm/opcodes.ts has the same numbers.

import { attention } from './attention'
import { denseMatmul } from './dense-matmul'
import { embedding } from './embedding'
import { int8Matmul } from './int8-matmul'
import { quantizeColumns, quantizeRows } from './quantize'
import { firstToken, layernorm, layernormBlocked, meanPool } from './row-ops'
import { csrMatmul, int8BlockMatmul, nmMatmul, transpose } from './sparse-matmul'
import { ABORTED, enter, leave, next, opcode } from './tape'

// The inner loops are exported so that the optimizer keeps each a function of its own, with registers of its own, and
// kernels/wasm/codegen.test.ts can count their instructions.
export { probe_dot } from './probe'
export { tile_f32_1x8, tile_f32_2x8, tile_f32_3x8, tile_f32_4x8, tile_f32_5x8, tile_f32_6x8 } from './lib/tile-f32'
export {
  tile_int8_i16_1x8, tile_int8_i16_2x8, tile_int8_i16_3x8, tile_int8_i16_4x8, tile_int8_i16_5x8,
  tile_i16_4x8, tile_i16_5x8,
} from './lib/tile-int8-i16'
export {
  tile_int8_relaxed_1x8, tile_int8_relaxed_2x8, tile_int8_relaxed_3x8,
  tile_int8_relaxed_4x8, tile_int8_relaxed_5x8, tile_int8_relaxed_6x8,
} from './lib/tile-int8-relaxed'
export { tile_nm_4x8, tile_nm_5x8, tile_nm_6x8 } from './lib/tile-nm'
export {
  block_row_i16_1, block_row_i16_16, block_row_i16_32, block_row_i16_4, block_row_i16_8,
  block_row_relaxed_1, block_row_relaxed_16, block_row_relaxed_32, block_row_relaxed_4, block_row_relaxed_8,
  csr_row_1, csr_row_16, csr_row_32, csr_row_4, csr_row_8,
} from './lib/sparse-rows'

/** Walks a tape as thread `thread` of `threads`; 0: done, 1: left early because some thread trapped or stalled. */
export function run(tape: usize, thread: i32, threads: i32, scratch: usize): i32 {
  let record = tape
  while (true) {
    const op = opcode(record)
    if (op == 0) return leave(thread, threads)
    if (!enter(record, thread, threads)) return ABORTED
    switch (op) {
      case 1: denseMatmul(record, thread, threads, scratch); break
      case 2: quantizeRows(record, thread, threads); break
      case 3: int8Matmul(record, thread, threads, scratch); break
      case 4: transpose(record, thread, threads); break
      case 5: quantizeColumns(record, thread, threads); break
      case 6: csrMatmul(record, thread, threads, scratch); break
      case 7: int8BlockMatmul(record, thread, threads, scratch); break
      case 8: nmMatmul(record, thread, threads, scratch); break
      case 9: embedding(record, thread, threads); break
      case 10: layernorm(record, thread, threads); break
      case 11: attention(record, thread, threads, scratch); break
      case 12: firstToken(record, thread, threads); break
      case 13: meanPool(record, thread, threads); break
      case 14: layernormBlocked(record, thread, threads); break
      default: unreachable()
    }
    record = next(record)
  }
}
