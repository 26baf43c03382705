// Activation buffers of a session at one capacity: one GPUBuffer each, since Dawn tracks hazards by whole buffers.
// Guarded, each has a band of a pattern before and after it, and the pattern (a NaN) in every element before a run.

import type { BufferId, BufferSpec, Program } from '../program/program.ts'
import { padded } from './call.ts'
import type { Readback } from './readback.ts'
import { GPUBufferUsageBits } from './upload.ts'

/** Bytes of a guard band; bindings start at multiples of 256. */
const BAND = 256
/** A quiet NaN as f32, and no bytes or scale that a kernel writes. */
const PATTERN = 0x7fc0dead

interface Part {
  name: string
  buffer: GPUBuffer
  offset: number
  /** bytes without bands */
  size: number
  rowBytes: number
  rows: BufferSpec['rows']
}

export interface Capacity {
  M: number
  B: number
}

/** Rounds up to few distinct sizes: quarters of powers of two, at least `least`. */
export function bucket(count: number, least: number): number {
  if (count <= least) return least
  const step = 2 ** Math.max(0, Math.floor(Math.log2(count - 1)) - 2)
  return Math.ceil(count / step) * step
}

export class Arena {
  readonly #device: GPUDevice
  readonly #band: number
  readonly #maxBindingBytes: number
  readonly #rows = new Map<BufferId, Part>()
  readonly #bytes = new Map<BufferId, Part>()
  readonly #scales = new Map<BufferId, Part>()
  #gathered: Part | null = null
  total = 0

  /** @param options.copies f32 buffers that int8 layers read, which have a quantized copy */
  constructor(
    device: GPUDevice,
    program: Program,
    capacity: Capacity,
    options: { copies: ReadonlySet<BufferId>; gatheredWidth: number; guard: boolean; maxBindingBytes: number },
  ) {
    this.#device = device
    this.#band = options.guard ? BAND : 0
    this.#maxBindingBytes = options.maxBindingBytes
    try {
      this.#createAll(program, capacity, options)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  #createAll(
    program: Program,
    capacity: Capacity,
    options: { copies: ReadonlySet<BufferId>; gatheredWidth: number },
  ): void {
    program.buffers.forEach((spec, id) => {
      const rows = spec.rows === 'tokens' ? capacity.M : capacity.B
      const width = padded(spec.width)
      const isBytes = spec.dtype === 's8'
      if (!isBytes) this.#rows.set(id, this.#create(spec.name, rows, width * 4, spec.rows))
      if (!isBytes && !options.copies.has(id)) return
      this.#bytes.set(id, this.#create(`${spec.name} s8`, rows, width, spec.rows))
      this.#scales.set(id, this.#create(`${spec.name} scales`, rows, 4, spec.rows))
    })
    if (options.gatheredWidth > 0)
      this.#gathered = this.#create('word rows', capacity.M, padded(options.gatheredWidth) * 4, 'tokens')
  }

  #create(name: string, rows: number, rowBytes: number, kind: BufferSpec['rows']): Part {
    const size = Math.max(16, rows * rowBytes)
    if (size > this.#maxBindingBytes)
      throw new Error(
        `WebGPU: buffer '${name}' of ${rows} rows needs ${size} bytes, the adapter allows ${this.#maxBindingBytes}; ` +
          'run shorter sequences',
      )
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsageBits
    const buffer = this.#device.createBuffer({
      label: name,
      size: size + 2 * this.#band,
      usage: STORAGE | COPY_DST | COPY_SRC,
    })
    this.total += size
    return { name, buffer, offset: this.#band, size, rowBytes, rows: kind }
  }

  binding(kind: 'buffer' | 'bytes' | 'scales' | 'gathered', id: BufferId): GPUBufferBinding {
    const { buffer, offset, size } = this.part(kind, id)
    return { buffer, offset, size }
  }

  part(kind: 'buffer' | 'bytes' | 'scales' | 'gathered', id: BufferId): Part {
    const part =
      kind === 'gathered'
        ? this.#gathered
        : (kind === 'buffer' ? this.#rows : kind === 'bytes' ? this.#bytes : this.#scales).get(id)
    if (!part) throw new Error(`WebGPU: buffer ${id} has no ${kind}`)
    return part
  }

  #parts(): Part[] {
    const parts = [...this.#rows.values(), ...this.#bytes.values(), ...this.#scales.values()]
    return this.#gathered ? [...parts, this.#gathered] : parts
  }

  /** Fills every buffer and band with the pattern. */
  fillPattern(): void {
    for (const { buffer } of this.#parts())
      this.#device.queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(PATTERN))
  }

  /** What was written outside the rows of a run of M tokens and B sequences. */
  async damage(readback: Readback, { M, B }: Capacity): Promise<string[]> {
    const found: string[] = []
    for (const { name, buffer, offset, rowBytes, rows } of this.#parts()) {
      const bytes = await readback.submitAndRead(this.#device.createCommandEncoder(), buffer, 0, buffer.size)
      const words = new Uint32Array(bytes)
      const first = offset / 4
      const end = first + ((rows === 'tokens' ? M : B) * rowBytes) / 4
      const outside = words.findIndex((word, i) => (i < first || i >= end) && word !== PATTERN)
      if (outside >= 0)
        found.push(
          outside < first
            ? `'${name}': written ${offset - outside * 4} bytes before its start`
            : `'${name}': written ${(outside - end) * 4} bytes after its last row`,
        )
    }
    return found
  }

  /** Uploads rows [count, width] to a buffer whose rows are padded. */
  upload(part: Part, rows: Float32Array | Int8Array, width: number): void {
    const stride = part.rowBytes / rows.BYTES_PER_ELEMENT
    const count = rows.length / width
    let source = rows
    if (stride !== width) {
      source = rows instanceof Float32Array ? new Float32Array(count * stride) : new Int8Array(count * stride)
      for (let row = 0; row < count; row++) source.set(rows.subarray(row * width, (row + 1) * width), row * stride)
    }
    if (source.length > 0) this.#device.queue.writeBuffer(part.buffer, part.offset, source as Float32Array<ArrayBuffer>)
  }

  dispose(): void {
    for (const { buffer } of this.#parts()) buffer.destroy()
  }
}
