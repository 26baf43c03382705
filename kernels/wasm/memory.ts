// One WebAssembly memory and the arena in it: first fit, 64-byte aligned, neighbours joined when freed.

import { ARENA_ADDRESS, CACHE_LINE_BYTES } from './abi.ts'

const PAGE = 65536
/** Largest growth beyond what is asked for. */
const MOST_AHEAD = 1 << 26
/** Largest memories to ask for, in pages: 4 GiB, then what engines with less address space may give. */
const MAXIMA = [65536, 32768, 16384, 8192, 4096]

interface Block {
  address: number
  bytes: number
}

/** The memory that all modules and threads of a device share. */
export class WasmMemory {
  readonly memory: WebAssembly.Memory
  readonly isShared: boolean
  #end = ARENA_ADDRESS
  #free: Block[] = []
  #live = new Map<number, number>()

  /** Throws a RangeError where the engine cannot give even the smallest memory. */
  constructor(isShared: boolean) {
    this.isShared = isShared
    let memory: WebAssembly.Memory | undefined
    let cause: unknown
    for (const maximum of MAXIMA) {
      try {
        memory = new WebAssembly.Memory({ initial: 1, maximum, shared: isShared })
        break
      } catch (error) {
        cause = error
      }
    }
    if (!memory) throw new RangeError('wasm: the engine gave no memory of even 256 MiB', { cause })
    this.memory = memory
  }

  /** Address of `bytes` fresh bytes (their contents are arbitrary). Throws a RangeError past 4 GiB. */
  allocate(bytes: number): number {
    const size = Math.max(CACHE_LINE_BYTES, Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES)
    const found = this.#free.findIndex((block) => block.bytes >= size)
    let address: number
    if (found >= 0) {
      const block = this.#free[found]
      address = block.address
      if (block.bytes === size) this.#free.splice(found, 1)
      else this.#free[found] = { address: address + size, bytes: block.bytes - size }
    } else {
      address = this.#end
      this.#grow(address + size)
      this.#end = address + size
    }
    this.#live.set(address, size)
    return address
  }

  /** Gives back what `allocate` returned. */
  free(address: number): void {
    const bytes = this.#live.get(address)
    if (bytes === undefined) throw new Error(`wasm memory: ${address} is not an allocated address`)
    this.#live.delete(address)
    let at = this.#free.findIndex((block) => block.address > address)
    if (at < 0) at = this.#free.length
    this.#free.splice(at, 0, { address, bytes })
    this.#join(at)
    if (at > 0) this.#join(at - 1)
    const last = this.#free[this.#free.length - 1]
    if (last.address + last.bytes === this.#end) {
      this.#end = last.address
      this.#free.pop()
    }
  }

  /** Bytes handed out and not given back. */
  get liveBytes(): number {
    let sum = 0
    for (const bytes of this.#live.values()) sum += bytes
    return sum
  }

  // Views are made afresh: growth detaches those of a memory that is not shared.
  u8(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length)
  }
  s8(address: number, length: number): Int8Array {
    return new Int8Array(this.memory.buffer, address, length)
  }
  i16(address: number, length: number): Int16Array {
    return new Int16Array(this.memory.buffer, address, length)
  }
  u16(address: number, length: number): Uint16Array {
    return new Uint16Array(this.memory.buffer, address, length)
  }
  i32(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length)
  }
  f32(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length)
  }
  f64(address: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, length)
  }

  #join(at: number): void {
    const [block, next] = [this.#free[at], this.#free[at + 1]]
    if (next && block.address + block.bytes === next.address)
      this.#free.splice(at, 2, { address: block.address, bytes: block.bytes + next.bytes })
  }

  #grow(end: number): void {
    const held = this.memory.buffer.byteLength
    const missing = Math.ceil((end - held) / PAGE)
    if (missing <= 0) return
    // a growth costs a millisecond and a collection, whatever its size; pages that are not touched are not resident
    const ahead = Math.ceil(Math.min(held / 8, MOST_AHEAD) / PAGE)
    if (ahead > missing)
      try {
        this.memory.grow(ahead)
        return
      } catch {
        // near the limit the engine may still give what is missing alone
      }
    try {
      this.memory.grow(missing)
    } catch (cause) {
      const [wanted, held] = [end, this.memory.buffer.byteLength].map((bytes) => (bytes / 1e6).toFixed(0))
      throw new RangeError(
        `wasm: ${wanted} MB of memory are needed, the engine stops at ${held} MB; use smaller batches or a smaller model`,
        { cause },
      )
    }
  }
}
