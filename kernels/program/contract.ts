// What every operation's contract.ts states: the rules of one op, as data that kernels/README.md is made from. Which
// variants there are is in variants.ts.

import type { Operation } from './variants.ts'

export interface Contract {
  op: Operation
  /** one line, in the letters M K N R Z B T C H D F */
  formula: string
  /** operand -> dtype, logical shape, order; packed layouts are in pack.ts and in the shaders' heads */
  operands: Record<string, string>
  requires: string[]
  promises: string[]
  /** the overflow and error argument, in numbers */
  range: string
}

/** Unit roundoff of f32. */
export const F32_ROUNDOFF = 2 ** -24

/**
 * Error bound of an f32 sum of `terms` products in any order: (terms + 2) * u * sum |a||b|, where `magnitude` is that sum.
 */
export function sumBound(terms: number, magnitude: number): number {
  return (terms + 2) * F32_ROUNDOFF * magnitude
}
