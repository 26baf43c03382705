// What changes from run to run and is not an activation: sizes, sequence offsets, token ids, attention's work list.
// One buffer, one write per run; sections keep their places while the capacity lasts.

import type { Batch } from '../program/program.ts'
import { GPUBufferUsageBits } from './upload.ts'

const ALIGNMENT = 256
const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

export type Section = 'tokenShape' | 'sequenceShape' | 'offsets' | 'tokens' | `tiles${number}`

export interface Tiles {
  queries: number
  count: number
}

export class Header {
  readonly buffer: GPUBuffer
  readonly #device: GPUDevice
  readonly #sections = new Map<Section, { offset: number; size: number }>()
  readonly #words: Uint32Array<ArrayBuffer>
  readonly #queries: number[]
  readonly #usesHostTable: boolean

  /**
   * @param M most tokens, @param B most sequences
   * @param queries tile sizes that attention kernels use; the first fills shape.w
   * @param usesHostTable words come gathered: the id of a token is its row
   */
  constructor(device: GPUDevice, M: number, B: number, queries: number[], usesHostTable: boolean) {
    this.#device = device
    this.#queries = queries
    this.#usesHostTable = usesHostTable
    let end = 0
    const add = (section: Section, size: number): void => {
      this.#sections.set(section, { offset: end, size })
      end += align(size)
    }
    add('tokenShape', 16)
    add('sequenceShape', 16)
    add('offsets', (B + 1) * 4)
    for (const q of queries) add(`tiles${q}`, (Math.ceil(M / q) + B) * 16)
    add('tokens', M * 16)
    const { STORAGE, UNIFORM, COPY_DST } = GPUBufferUsageBits
    this.buffer = device.createBuffer({ label: 'header', size: end, usage: STORAGE | UNIFORM | COPY_DST })
    this.#words = new Uint32Array(end / 4)
  }

  binding(section: Section): GPUBufferBinding {
    return { buffer: this.buffer, ...this.#sections.get(section)! }
  }

  /** Uploads a batch's header; returns the number of tiles of each size. */
  write(batch: Batch): Tiles[] {
    const { offsets, ids, types } = batch
    const B = offsets.length - 1
    const M = offsets[B]
    const words = this.#words
    const at = (section: Section): number => this.#sections.get(section)!.offset / 4
    words.set(new Uint32Array(offsets.buffer, offsets.byteOffset, offsets.length), at('offsets'))
    const tiles = this.#queries.map((queries) => {
      const start = at(`tiles${queries}`)
      let next = start
      for (let b = 0; b < B; b++)
        for (let q = offsets[b]; q < offsets[b + 1]; q += queries, next += 4)
          words.set([q, Math.min(queries, offsets[b + 1] - q), offsets[b], offsets[b + 1] - offsets[b]], next)
      return { queries, count: (next - start) / 4 }
    })
    words.set([M, M, B, tiles[0]?.count ?? 0], at('tokenShape'))
    words.set([B, M, B, tiles[0]?.count ?? 0], at('sequenceShape'))
    let end = at('tokens')
    if (ids && types)
      for (let b = 0; b < B; b++)
        for (let row = offsets[b]; row < offsets[b + 1]; row++, end += 4)
          words.set([this.#usesHostTable ? row : ids[row], types[row], row - offsets[b], 0], end)
    this.#device.queue.writeBuffer(this.buffer, 0, words, 0, end)
    return tiles
  }
}
