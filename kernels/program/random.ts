// The project's seeded generator: xoshiro128**, whose state splitmix32 fills. Training, splits, compression, tests and
// benches draw from it. One seed gives the same numbers on every engine, since next() and int() are 32-bit integer
// arithmetic; normal() also takes Math.log and Math.cos, whose last bit may differ between engines.
// Three things are functions of an index instead, not generators, because they are computed in any order or on a device:
// dropout (kernels/train/batch.ts), a preset's weights (ts/model/preset.ts), the operands of the start-up self-tests.

/** A seeded source of random numbers. */
export interface Random {
  /** Uniform in [0, 1), 32 random bits. */
  next(): number
  /** Uniform integer in [0, n). Throws where n is no positive integer up to 2^32. */
  int(n: number): number
  /** Standard normal: mean 0, variance 1. */
  normal(): number
  /** Shuffles `items` in place and returns it. */
  shuffle<T extends unknown[] | Int32Array | Uint32Array>(items: T): T
  /** One of `items`, each as likely as another. Throws where there is none. */
  pick<T>(items: readonly T[]): T
}

/**
 * Makes a generator.
 * @param seed any integer; it is taken modulo 2^32
 * @param stream tells independent users of one seed apart, e.g. 'split' and 'shuffle'
 * @example
 * const random = createRandom(7)
 * random.int(10) // the same digit in every run
 */
export function createRandom(seed: number, stream = ''): Random {
  if (!Number.isInteger(seed)) throw new Error(`random: seed = ${seed} is not an integer; give a whole number`)
  let filler = seed >>> 0
  for (let i = 0; i < stream.length; i++) filler = Math.imul(filler ^ stream.charCodeAt(i), 0x01000193) >>> 0
  const fill = (): number => {
    filler = (filler + 0x9e3779b9) >>> 0
    let z = filler
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let s0 = fill()
  let s1 = fill()
  let s2 = fill()
  let s3 = fill()
  let spare = NaN

  const bits = (): number => {
    const scrambled = Math.imul(s1, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0
    const shifted = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << 11) | (s3 >>> 21)
    return result
  }
  const next = (): number => bits() / 0x100000000
  const int = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 0x100000000)
      throw new Error(`random: int(${n}) needs a whole number from 1 to 2^32`)
    // Values above the largest multiple of n are drawn again, else small results would be more likely.
    const limit = 0x100000000 - (0x100000000 % n)
    let value = bits()
    while (value >= limit) value = bits()
    return value % n
  }
  return {
    next,
    int,
    normal() {
      if (!Number.isNaN(spare)) {
        const value = spare
        spare = NaN
        return value
      }
      const radius = Math.sqrt(-2 * Math.log(1 - next()))
      const angle = 2 * Math.PI * next()
      spare = radius * Math.sin(angle)
      return radius * Math.cos(angle)
    },
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = int(i + 1)
        const held = items[i]
        items[i] = items[j]
        items[j] = held
      }
      return items
    },
    pick(items) {
      if (items.length === 0) throw new Error('random: pick() from an empty list')
      return items[int(items.length)]
    },
  }
}
