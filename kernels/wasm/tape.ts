// Writes tapes (assembly/tape.ts) and finds by itself where the threads must meet.

import { BARRIER, END, RECORD_HEAD, type RecordLayout } from './abi.ts'

/** A number for each field of a record. */
export type Fields<L extends RecordLayout> = Record<
  | L['integers'][number]
  | L['addresses'][number]
  | (L['reals'] extends readonly (infer Name extends string)[] ? Name : never),
  number
>

const floats = new Float32Array(1)
const bits = new Int32Array(floats.buffer)

/** The i32 that holds the bits of an f32. */
function f32Bits(value: number): number {
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
   * @param layout one of the records of abi.ts
   * @param reads, writes addresses that name the regions it touches. Where an earlier record since the threads last met
   *   wrote one of them, or read one that this record writes, the threads meet first. Weights, which nothing writes, need
   *   not be named.
   */
  record<const L extends RecordLayout>(
    { opcode, integers, addresses, reals = [] }: L,
    fields: Fields<L>,
    reads: readonly number[],
    writes: readonly number[],
  ): void {
    const meets =
      reads.some((at) => this.#written.has(at)) || writes.some((at) => this.#written.has(at) || this.#read.has(at))
    if (meets) {
      this.#read.clear()
      this.#written.clear()
    }
    for (const at of reads) this.#read.add(at)
    for (const at of writes) this.#written.add(at)
    const length = RECORD_HEAD + integers.length + addresses.length + reals.length
    this.#reserve(length + RECORD_HEAD)
    this.#push(meets ? opcode | (BARRIER << 16) : opcode)
    this.#push(length)
    const named = fields as Record<string, number>
    for (const name of integers) this.#push(named[name])
    for (const name of addresses) this.#push(named[name])
    for (const name of reals) this.#push(f32Bits(named[name]))
    this.#records++
  }

  /** The tape so far, its end mark included; valid until the next record. */
  finish(): Int32Array {
    this.#reserve(RECORD_HEAD)
    this.#words[this.#length] = END
    this.#words[this.#length + 1] = RECORD_HEAD
    return this.#words.subarray(0, this.#length + RECORD_HEAD)
  }

  #push(word: number): void {
    this.#words[this.#length++] = word
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#words.length) return
    const grown = new Int32Array(this.#words.length * 2 + count)
    grown.set(this.#words)
    this.#words = grown
  }
}
