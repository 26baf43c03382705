// A short name for what a training run is made of, so that a checkpoint of another is told from it.

/** Two 32-bit hashes side by side (murmur's mixing with two multipliers). Not for secrets. */
class Hash {
  #low = 0x9747b28c
  #high = 0x3c6ef372

  word(value: number): void {
    this.#low = Math.imul(this.#low ^ Math.imul(value, 0xcc9e2d51), 0x1b873593)
    this.#low ^= this.#low >>> 15
    this.#high = Math.imul(this.#high ^ Math.imul(value, 0x85ebca6b), 0xc2b2ae35)
    this.#high ^= this.#high >>> 13
  }

  text(value: string): void {
    this.word(value.length)
    for (let i = 0; i < value.length; i++) this.word(value.charCodeAt(i))
  }

  digits(): string {
    return [this.#low, this.#high].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }
}

function add(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const numbers = value as Float32Array
    hash.text(numbers.constructor.name)
    hash.word(numbers.length)
    const isWords = numbers.BYTES_PER_ELEMENT >= 4
    const words = isWords
      ? new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.byteLength / 4)
      : new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
    for (let i = 0; i < words.length; i++) hash.word(words[i])
  } else if (Array.isArray(value)) {
    hash.text('[')
    hash.word(value.length)
    for (const element of value) add(hash, element)
  } else if (value instanceof Map) {
    add(hash, [...value])
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, part]) => part !== undefined && typeof part !== 'function')
    hash.text('{')
    hash.word(entries.length)
    for (const [name, part] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.text(name)
      add(hash, part)
    }
  } else hash.text(`${typeof value} ${String(value)}`)
}

/** 16 hex digits for any plain value with typed arrays in it; functions and what is undefined are left out. */
export function fingerprint(value: unknown): string {
  const hash = new Hash()
  add(hash, value)
  return hash.digits()
}
