// Panels: PANEL outputs (or keys, or columns) side by side, so that one of each fills two vectors.

import { CACHE_LINE_BYTES, K_STEP, PANEL, PANEL_SHIFT } from '../abi'
import { WIDE } from './simd'

/** Panels that hold `count` outputs. */
// @ts-ignore: decorator
@inline
export function panelCount(count: i32): i32 {
  return (count + PANEL - 1) >> PANEL_SHIFT
}

/** `count` padded to whole panels. */
// @ts-ignore: decorator
@inline
export function padToPanel(count: i32): i32 {
  return (count + PANEL - 1) & -PANEL
}

/** Keys, or columns of context, that attention's tiles take at a time. */
// @ts-ignore: decorator
@inline
export const COLUMNS: i32 = WIDE ? 2 * PANEL : PANEL

/** `count` padded to whole tiles of attention. */
// @ts-ignore: decorator
@inline
export function padToColumns(count: i32): i32 {
  return (count + COLUMNS - 1) & -COLUMNS
}

/** K padded to what the int8 tiles take at a time. */
// @ts-ignore: decorator
@inline
export function padToStep(K: i32): i32 {
  return (K + K_STEP - 1) & -K_STEP
}

/** Loads a word of each cache line of [from, to); what it returns only keeps the loads alive. */
// @ts-ignore: decorator
@inline
export function touch(from: usize, to: usize): i32 {
  let seen = 0
  for (; from < to; from += CACHE_LINE_BYTES) seen ^= load<i32>(from)
  return seen
}
