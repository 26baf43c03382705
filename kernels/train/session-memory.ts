// Where a session keeps its numbers: what lasts, and regions by name that grow with the batches.

import type { WasmMemory } from '../wasm/memory.ts'
import { Regions } from '../wasm/regions.ts'
import { tableWidthOf, type Layout } from './layout.ts'

/** All numbers that are trained, or one number for each of them. */
export interface Parameters {
  /** f32 [words, E], E the tables' width: C, or what a projection follows */
  words: Float32Array
  /** as the layout says */
  rest: Float32Array
}

/** Elements of one weight that stay zero. */
export interface PlacedMask {
  /** first element in the layout's vector */
  offset: number
  /** 0 = zero */
  mask: Uint8Array
}

/** What each parameter has one of: the table and the vector of one name are apart. */
type Kind = 'parameters' | 'firstMoments' | 'secondMoments'

/** Loads of partial tiles run up to 32 bytes past a region; in tests there are guard bands. */
const PADDING = 64

export class SessionMemory {
  readonly wasm: WasmMemory
  /** addresses of vectors of the layout's length; 0 where nothing is learned */
  readonly vectors: Record<Kind | 'gradients', number>
  /** addresses of tables [words, C] */
  readonly tables: Record<Kind, number>
  /** in force, as addresses */
  masks: { address: number; offset: number; length: number }[] = []
  #layout: Layout
  #regions: Regions
  #grown = new Map<string, { address: number; bytes: number }>()

  /** @param isForwardOnly no memory for gradients and moments */
  constructor(wasm: WasmMemory, layout: Layout, isGuarded: boolean, isForwardOnly: boolean) {
    this.wasm = wasm
    this.#layout = layout
    this.#regions = new Regions(wasm, isGuarded)
    const vector = (name: string, length: number): number => {
      const address = this.#regions.allocate(name, length * 4 + this.#padding)
      wasm.f32(address, length).fill(0)
      return address
    }
    const learned = (name: string, length: number): number => (isForwardOnly ? 0 : vector(name, length))
    const { length } = layout
    this.vectors = {
      parameters: vector('parameters', length),
      gradients: learned('gradients', length),
      firstMoments: learned('first moments', length),
      secondMoments: learned('second moments', length),
    }
    this.tables = {
      parameters: vector('words', this.#tableElements),
      firstMoments: learned('first moments of words', this.#tableElements),
      secondMoments: learned('second moments of words', this.#tableElements),
    }
  }

  /** A copy. */
  read(kind: Kind): Parameters {
    return {
      words: this.wasm.f32(this.tables[kind], this.#tableElements).slice(),
      rest: this.wasm.f32(this.vectors[kind], this.#layout.length).slice(),
    }
  }

  /** @throws where the numbers are of another layout */
  write(kind: Kind, { words, rest }: Parameters): void {
    const [table, length] = [this.#tableElements, this.#layout.length]
    if (words.length !== table || rest.length !== length)
      throw new Error(`train: ${words.length} and ${rest.length} parameters, expected ${table} and ${length}`)
    this.wasm.f32(this.tables[kind], table).set(words)
    this.wasm.f32(this.vectors[kind], length).set(rest)
  }

  /** The last gradients as views: the vector, and the rows [touched, C] of the words. */
  gradients(touched: number): { rest: Float32Array; rows: Float32Array } {
    const { address } = this.#grown.get('dwords')!
    return {
      rest: this.wasm.f32(this.vectors.gradients, this.#layout.length),
      rows: this.wasm.f32(address, touched * tableWidthOf(this.#layout.shape)),
    }
  }

  /** Puts masks in the place of those before; what is masked becomes 0, its moments too. */
  setMasks(masks: readonly PlacedMask[]): void {
    for (const { address } of this.masks) this.#regions.free(address)
    const { parameters, firstMoments, secondMoments } = this.vectors
    this.masks = masks.map(({ offset, mask }) => {
      const address = this.#regions.allocate('mask', mask.length)
      this.wasm.u8(address, mask.length).set(mask)
      for (const vector of [parameters, firstMoments, secondMoments]) {
        const numbers = this.wasm.f32(vector + offset * 4, mask.length)
        for (let i = 0; i < mask.length; i++) if (mask[i] === 0) numbers[i] = 0
      }
      return { address, offset, length: mask.length }
    })
  }

  /** Copies values into the region of that name; returns its address. */
  place(name: string, values: Int32Array | Float32Array): number {
    const address = this.region(name, values.byteLength)
    if (values instanceof Int32Array) this.wasm.i32(address, values.length).set(values)
    else this.wasm.f32(address, values.length).set(values)
    return address
  }

  /** Address of a region that lasts; it grows by a quarter more than is asked, since batches differ. */
  region(name: string, bytes: number): number {
    const held = this.#grown.get(name)
    if (held && held.bytes >= bytes) return held.address
    if (held) this.#regions.free(held.address)
    this.#grown.delete(name)
    const size = held && !this.#regions.isGuarded ? Math.ceil(bytes / 256) * 320 : bytes
    const address = this.#regions.allocate(name, size + this.#padding)
    this.#grown.set(name, { address, bytes: size })
    return address
  }

  /** Of guarded memory: what was written outside the buffers. */
  damage(): string[] {
    return this.#regions.damage()
  }

  get #padding(): number {
    return this.#regions.isGuarded ? 0 : PADDING
  }

  get #tableElements(): number {
    return this.#layout.shape.words * tableWidthOf(this.#layout.shape)
  }
}
