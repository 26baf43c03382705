// What the parsers of all drivers give.

import type { Body, Instruction } from './loops.ts'

/** What a driver says of one shader, and its main program. */
export interface Compiled {
  /** of one thread, in the units of the machine: 4 bytes (AMD, NVIDIA), 32 (Intel, of a whole subgroup), 2 (Apple) */
  registers: number
  /** subgroups per SIMD (AMD, of 32) or warps per multiprocessor (NVIDIA) or threads per core (Apple); 0 where it does not say */
  occupancy: number
  /** registers that did not fit: stores and loads (Intel), else registers */
  spills: number
  fills: number
  /** the compiler's own estimate of all of it, each in units of its own; 0 where it gives none */
  cycles: number
  code: Instruction[]
  loops: Body[]
}

/** A number that follows a label at the start of a line. */
export const numberAfter = (text: string, label: string): number =>
  Number(new RegExp(`^${label}: *(\\d+)`, 'm').exec(text)?.[1] ?? 0)
