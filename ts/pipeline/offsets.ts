// Where in a text each of its tokens is. The tokenizer's parts are run one after another, and every character of a later
// stage is traced to the characters that it was made of.

import type { Tokenizer, TokenizerParts } from '../text/tokenizer.ts'
import { BYTE_CHARACTERS } from '../text/normalizers.ts'

export interface TracedToken {
  id: number
  /** as the vocabulary has it */
  token: string
  /** place in the text, in UTF-16 units; both 0 for special tokens around it */
  start: number
  end: number
  isSpecial: boolean
}

/** A string, and for each of its UTF-16 units the part of the original that it was made of. */
interface Traced {
  text: string
  /** [units] first unit of the original */
  starts: number[]
  /** [units] past the last */
  ends: number[]
}

const original = (text: string, from: number): Traced => ({
  text,
  starts: unitStarts(text, from),
  ends: unitEnds(text, from),
})

/** Both halves of a character above U+FFFF begin where it begins, and end where it ends. */
function unitStarts(text: string, from: number): number[] {
  const starts: number[] = []
  for (const character of text) for (let i = 0; i < character.length; i++) starts.push(from + starts.length - i)
  return starts
}
function unitEnds(text: string, from: number): number[] {
  const ends: number[] = []
  for (const character of text)
    for (let i = 0; i < character.length; i++) ends.push(from + ends.length - i + character.length)
  return ends
}

/**
 * Traces a normalization by normalizing ever larger parts by themselves: characters, graphemes, words, the whole. The first
 * whose parts give the same result as the whole tells what came of what.
 */
function traceNormalized(source: Traced, normalize: (text: string) => string): Traced {
  const whole = normalize(source.text)
  if (whole === source.text) return source
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
  const cuts = [
    () => [...source.text],
    () => Array.from(segmenter.segment(source.text), ({ segment }) => segment),
    () => source.text.match(/\s+|\S+/gu) ?? [],
    () => [source.text],
  ]
  for (const cut of cuts) {
    const parts = cut()
    const made = parts.map(normalize)
    if (made.join('') !== whole) continue
    const traced: Traced = { text: whole, starts: [], ends: [] }
    let at = 0
    parts.forEach((part, i) => {
      const [start, end] = [source.starts[at], source.ends[at + part.length - 1]]
      for (let n = 0; n < made[i].length; n++) {
        traced.starts.push(start)
        traced.ends.push(end)
      }
      at += part.length
    })
    return traced
  }
  throw new Error('offsets: a text normalizes otherwise as a whole than as itself')
}

/** A word as the model reads it, each of its units traced. */
type Word = Traced

/** The bytes of a character all come of the character. */
function toBytes({ text, starts, ends }: Traced): Traced {
  const encoder = new TextEncoder()
  const traced: Traced = { text: '', starts: [], ends: [] }
  let at = 0
  for (const character of text) {
    for (const byte of encoder.encode(character)) {
      traced.text += BYTE_CHARACTERS[byte]
      traced.starts.push(starts[at])
      traced.ends.push(ends[at + character.length - 1])
    }
    at += character.length
  }
  return traced
}

/** The words of a normalized text: each is found in it from where the one before ended. */
function traceWords(source: Traced, { preTokenize, json }: TokenizerParts, isFirst: boolean): Word[] {
  const steps = JSON.stringify(json.pre_tokenizer ?? null)
  const isByteLevel = steps.includes('"ByteLevel"')
  // spaces are cut off before marks are put in their place
  const losesSpaces = steps.includes('"WhitespaceSplit"')
  const within = isByteLevel ? toBytes(source) : source
  const space = isByteLevel ? BYTE_CHARACTERS[32] : '▁'
  let at = 0
  return preTokenize(source.text, isFirst).map((word) => {
    // a mark for the space before a word is in the text, or was put there and came of nothing
    const marked = word.startsWith(space)
    const plain = marked ? word.slice(space.length) : word
    const isPlain = (from: number): boolean => within.text.startsWith(plain, from)
    const isMark = (unit: string): boolean => unit === space || (unit === ' ' && !losesSpaces && !isByteLevel)
    let from = at
    let hasMark = false
    while (from < within.text.length) {
      hasMark = marked && isMark(within.text[from])
      if (hasMark && isSame(within.text, plain, from + 1, isByteLevel)) break
      if (!marked && (isPlain(from) || isSame(within.text, plain, from, isByteLevel))) break
      if (marked && !hasMark && isSame(within.text, plain, from, isByteLevel)) break
      from++
    }
    const begin = hasMark ? from + 1 : from
    const edge = within.starts[begin] ?? within.ends.at(-1) ?? 0
    const head = hasMark ? { start: within.starts[from], end: within.ends[from] } : { start: edge, end: edge }
    at = begin + plain.length
    return {
      text: word,
      starts: [...(marked ? [head.start] : []), ...within.starts.slice(begin, at)],
      ends: [...(marked ? [head.end] : []), ...within.ends.slice(begin, at)],
    }
  })
}

/** Whether the text goes on with the word; marks within it stand for spaces. */
const isSame = (text: string, word: string, from: number, isExact: boolean): boolean =>
  isExact
    ? text.startsWith(word, from)
    : text.slice(from, from + word.length).replaceAll(' ', '▁') === word.replaceAll(' ', '▁')

/** The tokens of a word: each piece is found in it from where the one before ended. */
function traceWord(word: Word, { model }: TokenizerParts, prefix: string): TracedToken[] {
  let at = 0
  return model.pieces(word.text).flatMap((piece) => {
    const id = model.idOf(piece)
    if (id === undefined) return []
    const isUnknown = id === model.unknownId && !word.text.startsWith(piece, at)
    const surface = at > 0 && prefix !== '' && piece.startsWith(prefix) ? piece.slice(prefix.length) : piece
    // bytes that the vocabulary does not have are passed over
    const from = isUnknown ? 0 : Math.max(at, word.text.indexOf(surface, at))
    const to = isUnknown ? word.text.length : from + surface.length
    at = to
    return [{ id, token: piece, start: word.starts[from], end: word.ends[to - 1], isSpecial: false }]
  })
}

/**
 * The tokens of a text with their places, special ones included, at most `maxLength`; the ids are those of `encode`.
 */
export function traceTokens(tokenizer: Tokenizer, text: string, maxLength: number): TracedToken[] {
  const { parts } = tokenizer
  const { json, model, template, split, splitNormalized, normalize } = parts
  const prefix = model.type === 'WordPiece' ? (json.model?.continuing_subword_prefix ?? '##') : ''
  const tokens: TracedToken[] = []
  const add = (id: number, content: string, start: number, end: number): void =>
    void tokens.push({ id, token: content, start, end, isSpecial: false })
  for (const section of split(text)) {
    if (section.token) {
      add(section.token.id, section.token.content, section.start, section.end)
      continue
    }
    const traced = traceNormalized(original(text.slice(section.start, section.end), section.start), normalize)
    for (const part of splitNormalized(traced.text)) {
      const { start, end } = part
      const within: Traced = {
        text: traced.text.slice(start, end),
        starts: traced.starts.slice(start, end),
        ends: traced.ends.slice(start, end),
      }
      if (part.token) add(part.token.id, part.token.content, within.starts[0], within.ends.at(-1)!)
      else
        for (const word of traceWords(within, parts, section.start + start === 0))
          for (const token of traceWord(word, parts, prefix)) tokens.push(trimmed(token, text, json))
    }
  }
  const frame = (id: number): TracedToken => ({ id, token: '', start: 0, end: 0, isSpecial: true })
  return [frame(template.single.first), ...tokens.slice(0, maxLength - 2), frame(template.single.last)]
}

/** Byte-level tokens hold the space before a word, which is no part of their place. */
function trimmed(token: TracedToken, text: string, { pre_tokenizer }: TokenizerParts['json']): TracedToken {
  if (pre_tokenizer?.type !== 'ByteLevel') return token
  let { start, end } = token
  while (start < end && /\s/.test(text[start])) start++
  while (end > start && /\s/.test(text[end - 1])) end--
  return { ...token, start, end }
}
