// Weights to the device, once: packed straight into mapped memory, or copied in pieces where they are large already.

/** Larger copies go in pieces of this many bytes, so that staging memory stays small. */
const PIECE_BYTES = 32 << 20

/** One field of a shader's struct Dims. */
export type Dim = number | { f32: number }

const DIMS_BYTES = 64

/**
 * What `make` gives, and what the device says of its memory for the buffers in it, which it says later than it gives
 * them: null where there is enough.
 */
export function inMemoryScope<T>(device: GPUDevice, make: () => T): { made: T; refusal: Promise<GPUError | null> } {
  device.pushErrorScope('out-of-memory')
  let made: T
  let refusal: Promise<GPUError | null>
  try {
    made = make()
  } finally {
    refusal = device.popErrorScope()
  }
  return { made, refusal }
}

export class Uploader {
  readonly #device: GPUDevice
  readonly #buffers: GPUBuffer[] = []
  readonly #dims = new Map<string, GPUBuffer>()
  /** of packOnce: by what was packed and of which objects, whose numbers these are */
  readonly #packed = new Map<string, GPUBuffer>()
  readonly #numbers = new WeakMap<object, number>()
  #objects = 0
  readonly #refusals: Promise<GPUError | null>[] = []
  bytes = 0

  readonly #maxBindingBytes: number

  constructor(device: GPUDevice, maxBindingBytes: number) {
    this.#device = device
    this.#maxBindingBytes = maxBindingBytes
  }

  /** True where a read-only binding of that many bytes is allowed. */
  fits(bytes: number): boolean {
    return bytes <= this.#maxBindingBytes
  }

  /** A buffer of at least `bytes` zeros that `pack` fills. */
  pack(label: string, bytes: number, pack: (memory: ArrayBuffer) => void): GPUBuffer {
    const buffer = this.#create(label, bytes, true)
    pack(buffer.getMappedRange())
    buffer.unmap()
    return buffer
  }

  /**
   * As `pack`; what was packed under this name of the same objects before is taken again, as of a layer that is applied several
   * times.
   */
  packOnce(
    label: string,
    what: string,
    of: readonly (object | null)[],
    bytes: number,
    pack: (memory: ArrayBuffer) => void,
  ): GPUBuffer {
    const key = [what, bytes, ...of.map((object) => object && this.#numberOf(object))].join()
    const known = this.#packed.get(key)
    if (known) return known
    const buffer = this.pack(`${label} ${what}`, bytes, pack)
    this.#packed.set(key, buffer)
    return buffer
  }

  #numberOf(object: object): number {
    const number = this.#numbers.get(object) ?? this.#objects++
    this.#numbers.set(object, number)
    return number
  }

  /** A buffer that holds `data`. */
  async copy(label: string, data: ArrayBufferView<ArrayBuffer>): Promise<GPUBuffer> {
    const buffer = this.#create(label, data.byteLength, false)
    const whole = data.byteLength - (data.byteLength % 4)
    for (let at = 0; at < whole; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, whole - at)
      this.#device.queue.writeBuffer(buffer, at, data.buffer, data.byteOffset + at, length)
      if (whole > PIECE_BYTES) await this.#device.queue.onSubmittedWorkDone()
    }
    if (whole < data.byteLength) {
      const rest = new Uint8Array(4)
      rest.set(new Uint8Array(data.buffer, data.byteOffset + whole, data.byteLength - whole))
      this.#device.queue.writeBuffer(buffer, whole, rest)
    }
    return buffer
  }

  /** A kernel's sizes, in the order of its struct Dims; equal ones share a buffer. */
  dims(values: Dim[]): GPUBuffer {
    const words = new Uint32Array(DIMS_BYTES / 4)
    values.forEach((value, i) => {
      if (typeof value === 'number') words[i] = value
      else new Float32Array(words.buffer)[i] = value.f32
    })
    const key = words.join()
    let buffer = this.#dims.get(key)
    if (!buffer) {
      buffer = this.pack('dims', DIMS_BYTES, (memory) => new Uint32Array(memory).set(words))
      this.#dims.set(key, buffer)
    }
    return buffer
  }

  #create(label: string, bytes: number, mappedAtCreation: boolean): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 4) * 4)
    if (!this.fits(size))
      throw new Error(`${label}: needs one buffer of ${size} bytes, the adapter allows ${this.#maxBindingBytes}`)
    const usage = GPUBufferUsageBits.STORAGE | GPUBufferUsageBits.UNIFORM | GPUBufferUsageBits.COPY_DST
    const { made: buffer, refusal } = inMemoryScope(this.#device, () => {
      try {
        return this.#device.createBuffer({ label, size, usage, mappedAtCreation })
      } catch (error) {
        // a buffer that is mapped takes memory of the host too, and that is missed at once
        if (error instanceof RangeError) throw noMemory(this.bytes + size, error)
        throw error
      }
    })
    this.#refusals.push(refusal)
    this.#buffers.push(buffer)
    this.bytes += size
    return buffer
  }

  /** @throws where the device had no memory for one of the buffers, which it says later than it gives them */
  async checkMemory(): Promise<void> {
    const refusal = (await Promise.all(this.#refusals.splice(0))).find((found) => found !== null)
    if (refusal) throw noMemory(this.bytes, refusal)
  }

  dispose(): void {
    for (const buffer of this.#buffers) buffer.destroy()
    this.#buffers.length = 0
  }
}

const noMemory = (bytes: number, cause: { message: string }): Error =>
  new Error(
    `WebGPU: the device has no memory for the ${bytes} bytes of the weights; take a more compressed model (${cause.message})`,
    { cause },
  )

/** GPUBufferUsage and GPUMapMode as numbers: Node has no such globals. */
export const GPUBufferUsageBits = {
  MAP_READ: 1,
  COPY_SRC: 4,
  COPY_DST: 8,
  UNIFORM: 64,
  STORAGE: 128,
  QUERY_RESOLVE: 512,
} as const
export const MAP_MODE_READ = 1
