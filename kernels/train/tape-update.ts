// An update as records: masks, clipping and AdamW.

import * as abi from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import { placeOf, tableWidthOf, type Layout } from './layout.ts'
import type { StepMemory } from './step-memory.ts'

export interface OptimizerWords {
  /** address of five f32: assembly/train/optimizer.ts adamw */
  settings: number
  /** 1 - rate * decay */
  decay: number
  clipNorm: number
  /** u8 masks: address, first element in the vector, length */
  masks: { address: number; offset: number; length: number }[]
  /** address of f64 partial sums */
  partials: number
  /** address of f32 factor, norm */
  factor: number
}

/** Partial sums of squares that a step makes. */
export function partialCount(layout: Layout, touched: number): number {
  const rows = touched * tableWidthOf(layout.shape)
  return Math.ceil(layout.length / abi.SUM_CHUNK) + Math.ceil(rows / abi.SUM_CHUNK)
}

/**
 * Writes an update. Needs the gradients of a backward pass, or such from outside, before it.
 * @param touched rows of the word table that occur
 */
export function encodeUpdate(
  tape: TapeWriter,
  layout: Layout,
  memory: StepMemory,
  touched: number,
  words: OptimizerWords,
): void {
  const C = tableWidthOf(layout.shape)
  const { length, decaying } = layout
  const dWords = memory.region('dwords', touched * C)
  const all = [...layout.places.keys()].map((name) => memory.gradients + placeOf(layout, name).offset * 4)
  for (const mask of words.masks) {
    const gradient = memory.gradients + mask.offset * 4
    tape.record(abi.MASK_GRADIENT, { count: mask.length, mask: mask.address, gradient }, all, all)
  }
  const { partials, factor, settings } = words
  const wordPartials = partials + Math.ceil(length / abi.SUM_CHUNK) * 8
  tape.record(abi.SUM_SQUARES, { count: length, x: memory.gradients, partials }, all, [partials])
  const ofWords = { count: touched * C, x: dWords, partials: wordPartials }
  tape.record(abi.SUM_SQUARES, ofWords, [dWords], [wordPartials])
  const clip = { count: partialCount(layout, touched), partials, most: words.clipNorm, out: factor }
  tape.record(abi.CLIP_FACTOR, clip, [partials, wordPartials], [factor])
  const part = (begin: number, end: number, decay: number): void => {
    const [p, g, m, v] = [memory.parameters, memory.gradients, memory.firstMoments, memory.secondMoments].map(
      (a) => a + begin * 4,
    )
    tape.record(abi.ADAMW, { count: end - begin, p, g, m, v, settings, decay, factor }, [factor], [p])
  }
  part(0, decaying, words.decay)
  part(decaying, length, 1)
  const { touched: ids, words: p, wordFirstMoments: m, wordSecondMoments: v } = memory
  tape.record(
    abi.ADAMW_ROWS,
    { rows: touched, C, ids, p, g: dWords, m, v, settings, decay: words.decay, factor },
    [factor],
    [p],
  )
}
