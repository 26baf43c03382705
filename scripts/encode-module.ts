// The text that kernels/wasm/embedded.ts decodes.

import { SINGLES, SYMBOLS } from '../kernels/wasm/embedded.ts'

/** All byte values, those that are frequent in the modules first. */
export function frequentFirst(modules: readonly Uint8Array[]): number[] {
  const counts = new Array<number>(256).fill(0)
  for (const module of modules) for (const byte of module) counts[byte]++
  return [...counts.keys()].sort((a, b) => counts[b] - counts[a] || a - b)
}

/** The text of a module: one symbol for the first SINGLES values of `order`, two for the others. */
export function encodeModule(module: Uint8Array, order: readonly number[]): string {
  const texts = new Array<string>(256)
  order.forEach((byte, rank) => {
    const symbol = SYMBOLS[rank % SINGLES]
    const pairs = Math.floor(rank / SINGLES)
    texts[byte] = pairs === 0 ? symbol : SYMBOLS[SINGLES + pairs - 1] + symbol
  })
  return Array.from(module, (byte) => texts[byte]).join('')
}
