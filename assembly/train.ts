// The training module: its one entry, and the inner loops as exports. A whole step (forward, loss, backward, clipping, AdamW)
// is one tape.

import {
  ADAMW, ADAMW_ROWS, ATTENTION_BACKWARD, ATTENTION_FORWARD, CLIP_FACTOR, DISTANCE_BIAS, DISTANCE_GRADIENT, DROP, EMBED,
  END, FAKE_ROWS, FAKE_TABLE, FAKE_WEIGHTS, GATHER_FIRST, LAYERNORM_BACKWARD, LAYERNORM_FORWARD, LAYERNORM_GRADIENT,
  LOSS_SLOPE, MASK_GRADIENT, MEAN_ROWS, MEAN_ROWS_SLOPE, MULTIPLY, SCATTER, SCATTER_FIRST, STATE_SLOPE, SUM_SQUARES,
  VECTOR_SLOPE, WEIGHT_GRADIENT,
} from './abi'
import { ABORTED, enter, leave, next, opcode } from './tape'
import { attentionBackward, attentionForward } from './train/attention'
import { distanceBias, distanceGradient } from './train/distances'
import { fakeQuantizeRows, fakeQuantizeTable, fakeQuantizeWeights } from './train/fake-quantize'
import { multiply, weightGradient } from './train/linear'
import { adamw, adamwRows, clipFactor, lossSlope, maskGradient, stateSlope, sumSquares } from './train/optimizer'
import {
  drop, embed, gatherFirst, layernormBackward, layernormForward, layernormGradient, scatter, scatterFirst,
} from './train/row-ops'
import { meanRows, meanRowsSlope, vectorSlope } from './train/vectors'

// Exported so that the optimizer keeps each inner loop a separate function, with its own registers.
export { tile_f32_1x8, tile_f32_2x8, tile_f32_3x8, tile_f32_4x8, tile_f32_5x8, tile_f32_6x8 } from './lib/tile-f32'
export { tile_f32_transposed_6x8 } from './train/tile-transposed'

/** Walks a tape as thread `thread` of `threads`; 0: done, 1: left early because some thread trapped or stalled. */
export function run(tape: usize, thread: i32, threads: i32, scratch: usize): i32 {
  let record = tape
  while (true) {
    const op = opcode(record)
    if (op == END) return leave(thread, threads)
    if (!enter(record, thread, threads)) return ABORTED
    switch (op) {
      case MULTIPLY: multiply(record, thread, threads, scratch); break
      case WEIGHT_GRADIENT: weightGradient(record, thread, threads, scratch); break
      case ATTENTION_FORWARD: attentionForward(record, thread, threads, scratch); break
      case ATTENTION_BACKWARD: attentionBackward(record, thread, threads, scratch); break
      case EMBED: embed(record, thread, threads); break
      case SCATTER: scatter(record, thread, threads); break
      case LAYERNORM_FORWARD: layernormForward(record, thread, threads); break
      case LAYERNORM_BACKWARD: layernormBackward(record, thread, threads); break
      case LAYERNORM_GRADIENT: layernormGradient(record, thread, threads); break
      case GATHER_FIRST: gatherFirst(record, thread, threads); break
      case SCATTER_FIRST: scatterFirst(record, thread, threads); break
      case DROP: drop(record, thread, threads); break
      case LOSS_SLOPE: lossSlope(record, thread, scratch); break
      case MASK_GRADIENT: maskGradient(record, thread, threads); break
      case SUM_SQUARES: sumSquares(record, thread, threads); break
      case CLIP_FACTOR: clipFactor(record, thread); break
      case ADAMW: adamw(record, thread, threads); break
      case ADAMW_ROWS: adamwRows(record, thread, threads); break
      case FAKE_ROWS: fakeQuantizeRows(record, thread, threads); break
      case FAKE_WEIGHTS: fakeQuantizeWeights(record, thread, threads); break
      case FAKE_TABLE: fakeQuantizeTable(record, thread, threads); break
      case STATE_SLOPE: stateSlope(record, thread, threads); break
      case DISTANCE_BIAS: distanceBias(record, thread, threads); break
      case DISTANCE_GRADIENT: distanceGradient(record, thread, threads); break
      case MEAN_ROWS: meanRows(record, thread, threads); break
      case MEAN_ROWS_SLOPE: meanRowsSlope(record, thread, threads); break
      case VECTOR_SLOPE: vectorSlope(record, thread, threads); break
      default: unreachable()
    }
    record = next(record)
  }
}
