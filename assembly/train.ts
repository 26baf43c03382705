// The training module: its opcodes and its one entry. kernels/train/opcodes.ts has the same numbers. A whole step (forward,
// loss, backward, clipping, AdamW) is one tape.

import { ABORTED, enter, leave, next, opcode } from './tape'
import { attentionBackward, attentionForward } from './train/attention'
import { fakeQuantizeRows, fakeQuantizeTable, fakeQuantizeWeights } from './train/fake-quantize'
import { multiply, weightGradient } from './train/linear'
import { adamw, adamwRows, clipFactor, lossSlope, maskGradient, stateSlope, sumSquares } from './train/optimizer'
import {
  drop, embed, gatherFirst, layernormBackward, layernormForward, layernormGradient, scatter, scatterFirst,
} from './train/row-ops'

// Exported so that the optimizer keeps each inner loop a function of its own, with registers of its own.
export { tile_f32_1x8, tile_f32_2x8, tile_f32_3x8, tile_f32_4x8, tile_f32_5x8, tile_f32_6x8 } from './lib/tile-f32'
export { tile_f32_transposed_6x8 } from './train/tile-transposed'

/** Walks a tape as thread `thread` of `threads`; 0: done, 1: left early because some thread trapped or stalled. */
export function run(tape: usize, thread: i32, threads: i32, scratch: usize): i32 {
  let record = tape
  while (true) {
    const op = opcode(record)
    if (op == 0) return leave(thread, threads)
    if (!enter(record, thread, threads)) return ABORTED
    switch (op) {
      case 1: multiply(record, thread, threads, scratch); break
      case 2: weightGradient(record, thread, threads, scratch); break
      case 3: attentionForward(record, thread, threads, scratch); break
      case 4: attentionBackward(record, thread, threads, scratch); break
      case 5: embed(record, thread, threads); break
      case 6: scatter(record, thread, threads); break
      case 7: layernormForward(record, thread, threads); break
      case 8: layernormBackward(record, thread, threads); break
      case 9: layernormGradient(record, thread, threads); break
      case 10: gatherFirst(record, thread, threads); break
      case 11: scatterFirst(record, thread, threads); break
      case 12: drop(record, thread, threads); break
      case 13: lossSlope(record, thread, scratch); break
      case 14: maskGradient(record, thread, threads); break
      case 15: sumSquares(record, thread, threads); break
      case 16: clipFactor(record, thread); break
      case 17: adamw(record, thread, threads); break
      case 18: adamwRows(record, thread, threads); break
      case 19: fakeQuantizeRows(record, thread, threads); break
      case 20: fakeQuantizeWeights(record, thread, threads); break
      case 21: fakeQuantizeTable(record, thread, threads); break
      case 22: stateSlope(record, thread, threads); break
      default: unreachable()
    }
    record = next(record)
  }
}
