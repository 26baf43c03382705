// Weights to the device, once: packed straight into mapped memory, or copied in pieces where they are large already.

/** Larger copies go in pieces of this many bytes, so that staging memory stays small. */
const PIECE_BYTES = 32 << 20

export class Uploader {
  readonly #device: GPUDevice
  readonly #buffers: GPUBuffer[] = []
  bytes = 0

  constructor(device: GPUDevice) {
    this.#device = device
  }

  /** True where a read-only binding of that many bytes is allowed. */
  fits(bytes: number): boolean {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits
    return bytes <= maxBufferSize && bytes <= maxStorageBufferBindingSize
  }

  /** A buffer of at least `bytes` zeros that `pack` fills. */
  pack(label: string, bytes: number, pack: (memory: ArrayBuffer) => void): GPUBuffer {
    const buffer = this.#create(label, bytes, true)
    pack(buffer.getMappedRange())
    buffer.unmap()
    return buffer
  }

  /** A buffer that holds `data`. */
  async copy(label: string, data: ArrayBufferView<ArrayBuffer>): Promise<GPUBuffer> {
    const buffer = this.#create(label, data.byteLength, false)
    const whole = data.byteLength & ~3
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

  #create(label: string, bytes: number, mappedAtCreation: boolean): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 4) * 4)
    if (!this.fits(size))
      throw new Error(
        `${label}: needs one buffer of ${size} bytes, the adapter allows ` +
          `${Math.min(this.#device.limits.maxBufferSize, this.#device.limits.maxStorageBufferBindingSize)}`,
      )
    const usage = GPUBufferUsageBits.STORAGE | GPUBufferUsageBits.COPY_DST
    const buffer = this.#device.createBuffer({ label, size, usage, mappedAtCreation })
    this.#buffers.push(buffer)
    this.bytes += size
    return buffer
  }

  dispose(): void {
    for (const buffer of this.#buffers) buffer.destroy()
    this.#buffers.length = 0
  }
}

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
