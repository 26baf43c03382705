// Tokens back to text, as the three kinds of tokenizers do it.

import type { Tokenizer } from '../text/tokenizer.ts'
import { BYTE_CHARACTERS } from '../text/normalizers.ts'

/** What WordPiece's decoder tidies up. */
const TIDIED: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]

/** The text of tokens in a row. */
export function decodeTokens(tokens: readonly string[], { parts: { json, model } }: Tokenizer): string {
  if (model.type === 'WordPiece') {
    const prefix = json.model?.continuing_subword_prefix ?? '##'
    return tokens
      .map((token, i) => {
        const joined = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`
        return TIDIED.reduce((text, [from, to]) => text.replaceAll(from, to), joined)
      })
      .join('')
  }
  if (model.type === 'BPE') {
    const byteOf = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]))
    const characters = [...tokens.join('')]
    if (!characters.every((character) => byteOf.has(character))) return tokens.join('')
    return new TextDecoder().decode(Uint8Array.from(characters, (character) => byteOf.get(character)!))
  }
  return tokens.map((token, i) => token.replaceAll('▁', i === 0 ? '' : ' ')).join('')
}
