// Seeded inputs for kernel tests and benches.

/** Uniform numbers in [0, 1), 32 bits of state mixed by a splitmix step; the same on every engine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296
  }
}

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
