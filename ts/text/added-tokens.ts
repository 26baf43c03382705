// Tokens that are found in a text before it is cut into words, with the flags of tokenizer.json, as the reference
// (Hugging Face tokenizers in Rust) finds them: leftmost first, the longest of those that begin there.

import type { AddedToken } from './tokenizer-json.ts'

/** A part of a text: an added token, or what is between two of them. */
export interface Section {
  /** place in the text, in UTF-16 units */
  start: number
  end: number
  /** null: no added token */
  token: AddedToken | null
}

// what \w is in Rust: joiners too
const WORD_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u
const WORD_AFTER = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u
const SPACE_BEFORE = /\p{White_Space}+$/u
const SPACE_AFTER = /^\p{White_Space}+/u

/**
 * Returns a function that cuts texts at the tokens.
 * @param tokens what to look for, e.g. the normalized content, and the token that it is
 */
export function makeSplitter(tokens: readonly (readonly [content: string, token: AddedToken])[]) {
  const byContent = new Map(tokens.filter(([content]) => content !== ''))
  if (byContent.size === 0)
    return (text: string): Section[] => (text === '' ? [] : [{ start: 0, end: text.length, token: null }])
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length)
  const pattern = new RegExp(contents.map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu')
  return (text: string): Section[] => {
    const sections: Section[] = []
    let done = 0
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])!
      let start = match.index
      let end = start + match[0].length
      const [before, after] = [text.slice(0, start), text.slice(end)]
      if (token.single_word && (WORD_BEFORE.test(before.slice(-2)) || WORD_AFTER.test(after))) continue
      if (token.lstrip) start = Math.max(done, start - (SPACE_BEFORE.exec(before)?.[0].length ?? 0))
      if (token.rstrip) end += SPACE_AFTER.exec(after)?.[0].length ?? 0
      if (done < start) sections.push({ start: done, end: start, token: null })
      sections.push({ start, end, token })
      done = end
    }
    if (done < text.length) sections.push({ start: done, end: text.length, token: null })
    return sections
  }
}
