// Named memory of one session, freed together; with guard bands of a fixed pattern around each where tests ask for them.

import type { WasmMemory } from './memory.ts'

const GUARD_BYTES = 256
const PATTERN = 0xa5

interface Region {
  name: string
  bytes: number
}

export class Regions {
  readonly memory: WasmMemory
  readonly isGuarded: boolean
  #regions = new Map<number, Region>()

  constructor(memory: WasmMemory, isGuarded: boolean) {
    this.memory = memory
    this.isGuarded = isGuarded
  }

  /** Address of `bytes` bytes; `name` is what checkGuards calls them. */
  allocate(name: string, bytes: number): number {
    if (!this.isGuarded) {
      const address = this.memory.allocate(bytes)
      this.#regions.set(address, { name, bytes })
      return address
    }
    const base = this.memory.allocate(bytes + 2 * GUARD_BYTES)
    this.memory.u8(base, GUARD_BYTES).fill(PATTERN)
    this.memory.u8(base + GUARD_BYTES + bytes, GUARD_BYTES).fill(PATTERN)
    this.#regions.set(base + GUARD_BYTES, { name, bytes })
    return base + GUARD_BYTES
  }

  free(address: number): void {
    this.memory.free(this.isGuarded ? address - GUARD_BYTES : address)
    this.#regions.delete(address)
  }

  freeAll(): void {
    for (const address of [...this.#regions.keys()]) this.free(address)
  }

  /** Bytes of the regions whose name passes `select`, guard bands left out. */
  bytes(select: (name: string) => boolean): number {
    let sum = 0
    for (const region of this.#regions.values()) if (select(region.name)) sum += region.bytes
    return sum
  }

  /** One sentence per guard band that is no longer as it was filled. */
  damage(): string[] {
    if (!this.isGuarded) return []
    const found: string[] = []
    for (const [address, { name, bytes }] of this.#regions) {
      const before = this.memory.u8(address - GUARD_BYTES, GUARD_BYTES).findLastIndex((byte) => byte !== PATTERN)
      const after = this.memory.u8(address + bytes, GUARD_BYTES).findIndex((byte) => byte !== PATTERN)
      if (before >= 0) found.push(`${name}: a byte ${GUARD_BYTES - before} before its ${bytes} bytes was written`)
      if (after >= 0) found.push(`${name}: a byte ${after} past its ${bytes} bytes was written`)
    }
    return found
  }
}
