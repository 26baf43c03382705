// The inference module: its opcodes and its one entry. kernels/runtime/wasm/opcodes.ts has the same numbers.

import { denseMatmul } from './dense-matmul'
import { ABORTED, enter, leave, next, opcode } from './tape'

export { tile_f32_1x8, tile_f32_2x8, tile_f32_3x8, tile_f32_4x8, tile_f32_5x8, tile_f32_6x8 } from './lib/tile-f32'

/** Walks a tape as thread `thread` of `threads`; 0: done, 1: left early because some thread trapped or stalled. */
export function run(tape: usize, thread: i32, threads: i32, scratch: usize): i32 {
  let record = tape
  while (true) {
    const op = opcode(record)
    if (op == 0) return leave(thread, threads)
    if (!enter(record, thread, threads)) return ABORTED
    switch (op) {
      case 1: denseMatmul(record, thread, threads, scratch); break
      default: unreachable()
    }
    record = next(record)
  }
}
