// The normalizer that a sentencepiece model carries as a table, with the grapheme rule that the reference (Hugging Face
// tokenizers in Rust) has around it. The table: u32 size of a double-array trie in bytes, the trie's units of 32 bits, then
// the replacements, each ended by a 0 byte; a leaf's value is where its replacement begins.

import type { Normalize } from './normalizers.ts'

/** Graphemes with fewer bytes are looked up whole. */
const WHOLE_BYTES = 6

/** @param charsmap the table in base 64 */
export function makePrecompiled(charsmap: string): Normalize {
  const bytes = Uint8Array.from(atob(charsmap), (character) => character.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  const trieBytes = bytes.length < 4 ? Infinity : view.getUint32(0, true)
  if (4 + trieBytes > bytes.length || trieBytes % 4 !== 0)
    throw new Error(
      `tokenizer: the table of a Precompiled normalizer has ${bytes.length} bytes, expected a trie of ${trieBytes}; the file is damaged`,
    )
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true))
  const replacements = bytes.subarray(4 + trieBytes)
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 512) >>> 6)

  /** What the shortest prefix in the trie is replaced by; null where there is none. */
  const lookUp = (key: Uint8Array): string | null => {
    let at = offsetOf(units[0])
    for (const byte of key) {
      if (byte === 0) return null
      at ^= byte
      const unit = units[at]
      // the label of a unit and the bit of a leaf
      if (unit === undefined || (unit & 0x8000_00ff) >>> 0 !== byte) return null
      at ^= offsetOf(unit)
      if ((unit >>> 8) & 1) {
        const begin = units[at] & 0x7fff_ffff
        const end = replacements.indexOf(0, begin)
        return decoder.decode(replacements.subarray(begin, end < 0 ? undefined : end))
      }
    }
    return null
  }
  const known = new Map<string, string | null>()
  const replacementOf = (part: string): string | null => {
    let found = known.get(part)
    if (found === undefined) {
      found = lookUp(encoder.encode(part))
      if (known.size < 1 << 14) known.set(part, found)
    }
    return found
  }
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
  return (text) => {
    let result = ''
    for (const { segment } of segmenter.segment(text)) {
      const whole = encoder.encode(segment).length < WHOLE_BYTES ? replacementOf(segment) : null
      if (whole !== null) result += whole
      else for (const character of segment) result += replacementOf(character) ?? character
    }
    return result
  }
}
