// What stdin asks: its lines, decoded and read. A line that is not right is an answer of its own and takes no other with it.

import { longRunOf, tooDeep } from '../text/bounds.ts'

/** What one line asks for; other fields of a JSON line go through to its answer. */
export interface Asked {
  text: string
  /** the second of two texts that are read as one */
  text_pair?: string
  fields: Record<string, unknown>
}

/** A line that cannot be read, and why. */
export interface Unreadable {
  error: string
  line: number
}

export type InputFormat = 'auto' | 'lines' | 'jsonl'

/** A longer line is not a text. */
const MAX_LINE_BYTES = 16_000_000
const NEWLINE = 10

/**
 * The whole lines of each piece that arrives; the last line may lack its end. Of JSONL empty lines are left out. UTF-16
 * with a byte order mark is decoded, which a note says.
 * @throws where a line is too long to be a text
 */
export async function* parseLines(
  input: AsyncIterable<Buffer | string>,
  format: InputFormat,
  note: (text: string) => void = () => {},
  name = 'stdin',
): AsyncGenerator<(Asked | Unreadable)[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let number = 0
  let isJson = format === 'jsonl'
  const parse = (bytes: Buffer): (Asked | Unreadable)[] => {
    number++
    let line: string
    try {
      line = decoder.decode(bytes)
    } catch {
      return [
        { line: number, error: `is not UTF-8; convert the input: iconv -f WINDOWS-1252 -t UTF-8, or whatever it is` },
      ]
    }
    // a byte order mark is not part of the first text
    const text = (number === 1 ? line.replace(/^\uFEFF/, '') : line).replace(/\r$/, '')
    if (number === 1 && format === 'auto') isJson = looksLikeJson(text)
    if (text.includes('\0'))
      return [
        { line: number, error: 'holds NUL, which no text has; is it UTF-16? Convert it: iconv -f UTF-16 -t UTF-8' },
      ]
    if (!isJson) return [bounded({ text, fields: {} }, number)]
    return text.trim() === '' ? [] : [parseJsonLine(text, number)]
  }
  let rest = Buffer.alloc(0)
  for await (const piece of asUtf8(input, note, name)) {
    const asked: (Asked | Unreadable)[] = []
    let start = 0
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      const line = piece.subarray(start, end)
      asked.push(...parse(rest.length > 0 ? Buffer.concat([rest, line]) : line))
      rest = Buffer.alloc(0)
      start = end + 1
    }
    rest = Buffer.concat([rest, piece.subarray(start)])
    if (rest.length > MAX_LINE_BYTES)
      throw new Error(`${name}: line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes; expected one text a line`)
    if (asked.length) yield asked
  }
  if (rest.length > 0) yield parse(rest)
}

/** The pieces as they are, or decoded where a byte order mark says UTF-16. */
async function* asUtf8(
  input: AsyncIterable<Buffer | string>,
  note: (text: string) => void,
  name: string,
): AsyncGenerator<Buffer<ArrayBuffer>> {
  let decoder: TextDecoder | null = null
  let isKnown = false
  let held = Buffer.alloc(0)
  for await (const piece of input) {
    held = Buffer.concat([held, Buffer.from(piece as string)])
    if (!isKnown && held.length < 2) continue
    if (!isKnown) {
      const mark = held.readUInt16BE(0)
      const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : null
      if (encoding) {
        note(`${name} is ${encoding.toUpperCase()} by its byte order mark: decoded`)
        decoder = new TextDecoder(encoding)
      }
      isKnown = true
    }
    yield decoder ? Buffer.from(decoder.decode(held, { stream: true })) : held
    held = Buffer.alloc(0)
  }
  const last = decoder ? Buffer.from(decoder.decode()) : held
  if (last.length > 0) yield last
}

/** The first line decides: an object with a text makes it JSONL. */
function looksLikeJson(line: string): boolean {
  if (!line.trimStart().startsWith('{')) return false
  try {
    return typeof (JSON.parse(line) as { text?: unknown }).text === 'string'
  } catch {
    return false
  }
}

function parseJsonLine(line: string, number: number): Asked | Unreadable {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return { line: number, error: `is not JSON (${(error as Error).message}); give --input lines for plain text` }
  }
  const fields = value as Record<string, unknown> | null
  if (typeof fields !== 'object' || fields === null || typeof fields.text !== 'string')
    return { line: number, error: 'has no string "text"; expected {"text": "..."} on every line' }
  const deep = tooDeep(fields)
  if (deep !== null) return { line: number, error: deep }
  const { text, text_pair: second } = fields as { text: string; text_pair?: unknown }
  if (second === undefined || second === null) return bounded({ text, fields }, number)
  if (typeof second !== 'string')
    return { line: number, error: 'has a "text_pair" that is no string; expected the second of two texts, or none' }
  return bounded({ text, text_pair: second, fields }, number)
}

function bounded(asked: Asked, line: number): Asked | Unreadable {
  const error = longRunOf(asked.text) ?? longRunOf(asked.text_pair ?? '')
  return error ? { line, error } : asked
}
