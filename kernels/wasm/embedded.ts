// WebAssembly modules as text. A byte that is frequent is one symbol, a rare one two: the text is a fifth shorter than
// base64, and since bytes stay whole, compression on the way to a page finds what repeats: 30 % fewer bytes.

import type { BuildName } from './modules.ts'

/** Printable characters that need no escape in a string literal. The last two begin a pair. */
export const SYMBOLS = '!#%&()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|}~'
/** How many byte values are one symbol; as many more are pairs with each of the last two symbols. */
export const SINGLES = SYMBOLS.length - 2

/** The builds of a module, made from their text when asked for. */
export type EmbeddedModules = Record<BuildName, () => Uint8Array<ArrayBuffer>>

/**
 * The bytes of a module.
 *
 * @param order all byte values, the frequent ones first, as base64
 * @param text symbols, see scripts/encode-module.ts
 * @param unsharedAt where the module says that its memory is shared, for the module that takes one that is not
 */
export function decodeModule(order: string, text: string, unsharedAt?: number): Uint8Array<ArrayBuffer> {
  const values = atob(order)
  const bytes: number[] = []
  let pairs = 0
  for (const symbol of text) {
    const index = SYMBOLS.indexOf(symbol)
    if (index >= SINGLES) pairs = (index - SINGLES + 1) * SINGLES
    else {
      bytes.push(values.charCodeAt(pairs + index))
      pairs = 0
    }
  }
  if (unsharedAt !== undefined) bytes[unsharedAt] = 1
  return Uint8Array.from(bytes)
}
