// An e-mail as it was sent (RFC 5322, MIME) to its subject and the text that a reader sees.

import { Parser } from 'htmlparser2'

export interface Message {
  /** decoded */
  subject: string
  /** as a reader sees it, without mark-up; lines kept */
  body: string
  /** Message-ID, '' where it has none */
  id: string
  /** ids that In-Reply-To and References name */
  answers: string[]
}

type Headers = Map<string, string>

/** A part of parts of parts: deeper ones are not looked into. */
const DEEPEST = 6

/** Reads a message; what is malformed is read as far as it goes, since spam often is. */
export function parseMessage(source: string): Message {
  const { headers, content } = splitHeaders(source)
  const [id = ''] = idsIn(headers.get('message-id') ?? '')
  const answers = [...idsIn(headers.get('in-reply-to') ?? ''), ...idsIn(headers.get('references') ?? '')]
  return { subject: decodeWords(headers.get('subject') ?? ''), body: textOf(headers, content, 0).trim(), id, answers }
}

/** The headers by name in lower case, continued lines joined; the first of several. */
function splitHeaders(source: string): { headers: Headers; content: string } {
  const text = source.replace(/\r\n?/g, '\n')
  const end = text.search(/\n\n|^\n/)
  const head = end < 0 ? text : text.slice(0, end)
  const headers: Headers = new Map()
  for (const line of head.replace(/\n[ \t]+/g, ' ').split('\n')) {
    const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? []
    if (name && !headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), value.trim())
  }
  return { headers, content: end < 0 ? '' : text.slice(end).replace(/^\n+/, '') }
}

const idsIn = (header: string): string[] => header.match(/<[^<>\s]+>/g) ?? []

/** `name="value"` or `name=value` of a header. */
const parameter = (header: string, name: string): string | undefined => {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;]+))`, 'i').exec(header)
  return found?.[1] ?? found?.[2]
}

function textOf(headers: Headers, content: string, depth: number): string {
  const header = headers.get('content-type') ?? 'text/plain'
  const type = header.split(/[;\s]/)[0].toLowerCase()
  const boundary = parameter(header, 'boundary')
  if (type.startsWith('multipart/') && boundary && depth < DEEPEST) return textOfParts(type, content, boundary, depth)
  if (type === 'message/rfc822') {
    const inner = splitHeaders(content)
    return textOf(inner.headers, inner.content, depth + 1)
  }
  // files that are attached are not read
  if (!type.startsWith('text') && type.includes('/')) return ''
  const text = decodeContent(content, headers.get('content-transfer-encoding') ?? '', parameter(header, 'charset'))
  return type === 'text/html' || isMarkup(text) ? withoutMarkup(text) : text
}

function textOfParts(type: string, content: string, boundary: string, depth: number): string {
  const parts = content
    .split(`--${boundary}`)
    .slice(1)
    .filter((part) => !part.startsWith('--'))
    .map((part) => splitHeaders(part.replace(/^[ \t]*\n/, '')))
  const texts = parts.map(({ headers, content: inner }) => textOf(headers, inner, depth + 1))
  if (type !== 'multipart/alternative') return texts.filter((text) => text.trim() !== '').join('\n\n')
  // the same content several times: the plain one comes first
  return texts.find((text) => text.trim() !== '') ?? ''
}

function decodeContent(content: string, encoding: string, charset: string | undefined): string {
  switch (encoding.toLowerCase().trim()) {
    case 'quoted-printable':
      return decodeQuoted(content.replace(/=[ \t]*\n/g, ''), charset)
    case 'base64':
      return decodeBytes(fromBase64(content), charset)
    default:
      return content
  }
}

function fromBase64(text: string): Uint8Array {
  const clean = text.replace(/[^A-Za-z0-9+/]/g, '')
  const whole = clean.length % 4 === 1 ? clean.slice(0, -1) : clean
  return Uint8Array.from(atob(whole), (c) => c.charCodeAt(0))
}

/** Mark-up that calls itself plain text, as in many a spam. */
const isMarkup = (text: string): boolean =>
  /^\s*<(!doctype|html)/i.test(text) || (text.match(TAGS)?.length ?? 0) >= FEWEST_TAGS
const TAGS = /<\/?(p|br|b|i|u|a\s+href=|font|center|table|tr|td|div|strong|body|html|h[1-6])\b[^<>]*>/gi
const FEWEST_TAGS = 5

/** `=E9` and the like, in runs, so that characters of several bytes stay together. */
const decodeQuoted = (text: string, charset: string | undefined): string =>
  text.replace(/(?:=[0-9A-Fa-f]{2})+/g, (run) =>
    decodeBytes(
      Uint8Array.from(run.slice(1).split('='), (hex) => parseInt(hex, 16)),
      charset,
    ),
  )

function decodeBytes(bytes: Uint8Array, charset = 'windows-1252'): string {
  let decoder: TextDecoder
  try {
    decoder = new TextDecoder(charset)
  } catch {
    // a name that is no encoding, as in many a spam: what western mail programs take
    decoder = new TextDecoder('windows-1252')
  }
  return decoder.decode(bytes)
}

/** `=?charset?Q?text?=` and `=?charset?B?text?=` in a header. */
const decodeWords = (header: string): string =>
  header
    .replace(/(\?=)\s+(=\?)/g, '$1$2')
    .replace(/=\?([^?]+)\?([QB])\?([^?]*)\?=/gi, (_, charset: string, kind: string, text: string) =>
      kind.toUpperCase() === 'B'
        ? decodeBytes(fromBase64(text), charset)
        : decodeQuoted(text.replace(/_/g, ' '), charset),
    )

const HIDDEN = new Set(['script', 'style', 'head', 'title'])
const LINES = new Set(['br', 'p', 'div', 'tr', 'li', 'table', 'h1', 'h2', 'h3', 'h4', 'hr', 'blockquote', 'center'])

/** The text of HTML that is shown; entities decoded. */
export function withoutMarkup(html: string): string {
  const pieces: string[] = []
  let hidden = 0
  const parser = new Parser(
    {
      onopentag: (name) => {
        if (HIDDEN.has(name)) hidden++
        if (LINES.has(name)) pieces.push('\n')
        else if (name === 'td' || name === 'th') pieces.push(' ')
      },
      ontext: (text) => {
        if (hidden === 0) pieces.push(text)
      },
      onclosetag: (name) => {
        if (HIDDEN.has(name)) hidden--
      },
    },
    { decodeEntities: true },
  )
  parser.write(html)
  parser.end()
  return pieces.join('')
}
