// SHA-256 and SHA-1 of what comes in pieces, as FIPS 180-4 has them: a page's own crypto.subtle takes a content whole, which
// would hold a model in memory twice, and is missing outside of secure contexts.

export type Algorithm = 'sha256' | 'sha1'

export interface Digest {
  update(piece: Uint8Array): void
  /** in hex; nothing may be added afterwards */
  end(): string
}

const BLOCK = 64
/** Where the length in bits begins in the last block. */
const LENGTH_AT = 56

/** The first 32 bits of the fractional parts of the square (2) or cube (3) roots of the first primes. */
function rootsOfPrimes(count: number, root: 2 | 3): Int32Array {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return Int32Array.from(primes, (prime) => {
    const whole = root === 2 ? Math.sqrt(prime) : Math.cbrt(prime)
    return Math.floor((whole % 1) * 2 ** 32) | 0
  })
}

const right = (x: number, by: number): number => (x >>> by) | (x << (32 - by))

/** Adds the block that begins `schedule` to the state. */
type Compress = (state: Int32Array, schedule: Int32Array) => void

function sha256(): Compress {
  const constants = rootsOfPrimes(64, 3)
  return (state, w) => {
    for (let t = 16; t < 64; t++) {
      const early = w[t - 15]
      const late = w[t - 2]
      const s0 = right(early, 7) ^ right(early, 18) ^ (early >>> 3)
      const s1 = right(late, 17) ^ right(late, 19) ^ (late >>> 10)
      w[t] = w[t - 16] + s0 + w[t - 7] + s1
    }
    // by index: this is the inner loop of a download, and destructuring goes by an iterator
    let a = state[0]
    let b = state[1]
    let c = state[2]
    let d = state[3]
    let e = state[4]
    let f = state[5]
    let g = state[6]
    let h = state[7]
    for (let t = 0; t < 64; t++) {
      const choice = (e & f) ^ (~e & g)
      const first = (h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + choice + constants[t] + w[t]) | 0
      const second = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
      h = g
      g = f
      f = e
      e = (d + first) | 0
      d = c
      c = b
      b = a
      a = (first + second) | 0
    }
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h
  }
}

function sha1(): Compress {
  const constants = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6]
  return (state, w) => {
    for (let t = 16; t < 80; t++) w[t] = right(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 31)
    let [a, b, c, d, e] = state
    for (let t = 0; t < 80; t++) {
      const round = Math.floor(t / 20)
      const mixed = round === 0 ? (b & c) | (~b & d) : round === 2 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d
      const next = (right(a, 27) + mixed + e + constants[round] + w[t]) | 0
      e = d
      d = c
      c = right(b, 2)
      b = a
      a = next
    }
    for (const [i, value] of [a, b, c, d, e].entries()) state[i] += value
  }
}

const SHA1_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]

export function createDigest(algorithm: Algorithm): Digest {
  const [state, compress] =
    algorithm === 'sha256' ? [rootsOfPrimes(8, 2), sha256()] : [Int32Array.from(SHA1_STATE), sha1()]
  const schedule = new Int32Array(80)
  const held = new Uint8Array(BLOCK)
  let bytes = 0
  const take = (from: Uint8Array, at: number): void => {
    for (let i = 0; i < 16; i++, at += 4)
      schedule[i] = (from[at] << 24) | (from[at + 1] << 16) | (from[at + 2] << 8) | from[at + 3]
    compress(state, schedule)
  }
  const update = (piece: Uint8Array): void => {
    let at = 0
    const begun = bytes % BLOCK
    bytes += piece.length
    if (begun > 0) {
      at = Math.min(BLOCK - begun, piece.length)
      held.set(piece.subarray(0, at), begun)
      if (begun + at < BLOCK) return
      take(held, 0)
    }
    for (; at + BLOCK <= piece.length; at += BLOCK) take(piece, at)
    held.set(piece.subarray(at))
  }
  return {
    update,
    end: () => {
      const length = bytes
      const rest = length % BLOCK
      const padding = new Uint8Array((rest < LENGTH_AT ? LENGTH_AT : LENGTH_AT + BLOCK) - rest + 8)
      padding[0] = 0x80
      const view = new DataView(padding.buffer)
      view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29))
      view.setUint32(padding.length - 4, (length % 2 ** 29) * 8)
      update(padding)
      return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
    },
  }
}
