// WebAssembly modules as text. A byte that is frequent is one symbol, a rare one two: the text is a fifth shorter than
// base64, and since bytes stay whole, compression on the way to a page finds what repeats: 30 % fewer bytes.

import type { BuildName } from './modules.ts'

/** Printable characters that need no escape in a string literal. The last two begin a pair. */
export const SYMBOLS = '!#%&()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|}~'
/** How many byte values are one symbol; as many more are pairs with each of the last two symbols. */
export const SINGLES = SYMBOLS.length - 2

/** The builds of a module, made from their text when asked for. */
export type EmbeddedModules = Record<BuildName, () => Uint8Array<ArrayBuffer>>

/** Of a module that has relaxed SIMD alone. */
export type RelaxedModules = Pick<EmbeddedModules, 'relaxed' | 'relaxed-shared'>

/**
 * The bytes of a module.
 *
 * @param order all byte values, the frequent ones first, as base64
 * @param text symbols, see scripts/encode-module.ts
 * @param unsharedAt where the module says that its memory is shared, for the module that takes one that is not
 */
export function decodeModule(order: string, text: string, unsharedAt?: number): Uint8Array<ArrayBuffer> {
  const values = Uint8Array.from(atob(order), (value) => value.charCodeAt(0))
  const ranks = new Uint8Array(128)
  for (let rank = 0; rank < SYMBOLS.length; rank++) ranks[SYMBOLS.charCodeAt(rank)] = rank
  const bytes = new Uint8Array(text.length)
  let count = 0
  let pairs = 0
  for (let i = 0; i < text.length; i++) {
    const rank = ranks[text.charCodeAt(i)]
    if (rank < SINGLES) {
      bytes[count++] = values[pairs + rank]
      pairs = 0
    } else pairs = (rank - SINGLES + 1) * SINGLES
  }
  if (unsharedAt !== undefined) bytes[unsharedAt] = 1
  return bytes.slice(0, count)
}
