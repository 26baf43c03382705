// Writes tapes (assembly/tape.ts) and finds by itself where the threads must meet.

const BARRIER = 1 << 16

const floats = new Float32Array(1)
const bits = new Int32Array(floats.buffer)

/** The i32 that holds an f32 argument. */
export function f32Bits(value: number): number {
  floats[0] = value
  return bits[0]
}

export class TapeWriter {
  #words = new Int32Array(1024)
  #length = 0
  #records = 0
  /** Addresses of the regions read and written since the threads last met. */
  #read = new Set<number>()
  #written = new Set<number>()

  reset(): void {
    this.#length = 0
    this.#records = 0
    this.#read.clear()
    this.#written.clear()
  }

  get records(): number {
    return this.#records
  }

  /**
   * Appends one record.
   *
   * @param words its arguments; f32 through f32Bits
   * @param reads, writes addresses that stand for the regions it touches; a region that an unmet record wrote (or read,
   *   where this one writes) makes the threads meet first. Weights, which nothing writes, need not be named.
   */
  record(opcode: number, words: readonly number[], reads: readonly number[], writes: readonly number[]): void {
    const meets =
      reads.some((at) => this.#written.has(at)) || writes.some((at) => this.#written.has(at) || this.#read.has(at))
    if (meets) {
      this.#read.clear()
      this.#written.clear()
    }
    for (const at of reads) this.#read.add(at)
    for (const at of writes) this.#written.add(at)
    const length = words.length + 2
    this.#reserve(length + 2)
    this.#words[this.#length] = opcode | (meets ? BARRIER : 0)
    this.#words[this.#length + 1] = length
    for (let i = 0; i < words.length; i++) this.#words[this.#length + 2 + i] = words[i]
    this.#length += length
    this.#records++
  }

  /** The tape so far, its end mark included; valid until the next record. */
  finish(): Int32Array {
    this.#reserve(2)
    this.#words[this.#length] = 0
    this.#words[this.#length + 1] = 2
    return this.#words.subarray(0, this.#length + 2)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#words.length) return
    const grown = new Int32Array(this.#words.length * 2 + count)
    grown.set(this.#words)
    this.#words = grown
  }
}
