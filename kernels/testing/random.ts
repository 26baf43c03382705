// Seeded inputs for kernel tests and benches, drawn from the project's one generator (kernels/program/random.ts).

import { createRandom } from '../program/random.ts'

/** Uniform numbers in [0, 1) as a plain function. */
export const seededRandom = (seed: number): (() => number) => createRandom(seed).next

/** f32 values uniform in [-1, 1). */
export function uniform(length: number, random: () => number): Float32Array {
  return Float32Array.from({ length }, () => random() * 2 - 1)
}

/** f32 integers in [-limit, limit]: f32 sums of their products are exact in any order while they stay below 2^24. */
export function integers(length: number, limit: number, random: () => number): Float32Array {
  return Float32Array.from({ length }, () => Math.floor(random() * (2 * limit + 1)) - limit)
}

/** s8 values in [-127, 127]. */
export function bytes(length: number, random: () => number): Int8Array {
  return Int8Array.from({ length }, () => Math.floor(random() * 255) - 127)
}
