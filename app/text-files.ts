// Texts from a file: lines, or a column of a table.

import type { Words } from './words.en.ts'

const TEXT_COLUMNS = ['text', 'sentence', 'review', 'comment', 'message', 'content', 'body', 'текст', 'отзыв']
const MOST_BYTES = 50_000_000

export interface FileTexts {
  texts: string[]
  /** which column they were in; '' where there are none */
  from: string
}

/** @throws where the file is too large, not UTF-8, not of a known kind, or has no text */
export async function readTexts(file: File, words: Words): Promise<FileTexts> {
  const { name, size } = file
  const ending = /\.([a-z]+)$/i.exec(name)?.[1].toLowerCase() ?? ''
  if (!['txt', 'csv', 'tsv', 'json', 'jsonl', 'ndjson'].includes(ending))
    throw new Error(`${name}: the ending '${ending}' is not known; expected .txt, .csv, .tsv, .json or .jsonl`)
  if (size > MOST_BYTES)
    throw new Error(`${name}: it has ${size} bytes, expected at most ${MOST_BYTES}; take a part of it`)
  const content = decode(await file.arrayBuffer(), name)
  if (ending === 'txt') return some(content.split(/\r\n|\n|\r/), '', name)
  if (ending === 'csv' || ending === 'tsv') {
    const { readTable } = await import('../ts/data/table.ts')
    const [header, ...rows] = readTable(content, name, ending, []).map(({ cells }) => cells)
    return fromRecords(
      rows.map((row) => Object.fromEntries(row.map((cell, i) => [header[i], cell]))),
      name,
      words,
    )
  }
  const { readRecords } = await import('../ts/data/records.ts')
  return fromRecords(
    readRecords(content, name).map(({ value }) => value),
    name,
    words,
  )
}

function decode(bytes: ArrayBuffer, name: string): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new Error(`${name}: it is not UTF-8 text; expected a text file in UTF-8`, { cause: error })
  }
  if (text.includes('\0')) throw new Error(`${name}: it holds bytes that no text has; expected a text file in UTF-8`)
  return text
}

function some(texts: string[], from: string, name: string): FileTexts {
  const filled = texts.map((text) => text.trim()).filter((text) => text !== '')
  if (filled.length === 0) throw new Error(`${name}: there is no text in it`)
  return { texts: filled, from }
}

/** The column that is named as texts are, or else the one with the longest values. */
function fromRecords(values: readonly unknown[], name: string, words: Words): FileTexts {
  if (values.every((value) => typeof value === 'string')) return some(values as string[], '', name)
  const lengths = new Map<string, number>()
  for (const value of values)
    for (const [key, cell] of Object.entries((value ?? {}) as object))
      if (typeof cell === 'string') lengths.set(key, (lengths.get(key) ?? 0) + cell.length)
  const named = TEXT_COLUMNS.find((wanted) => [...lengths.keys()].some((key) => key.toLowerCase() === wanted))
  const column = [...lengths]
    .sort((a, b) => Number(b[0].toLowerCase() === named) - Number(a[0].toLowerCase() === named) || b[1] - a[1])
    .at(0)?.[0]
  if (column === undefined) throw new Error(`${name}: none of its columns holds texts`)
  const texts = values.map((value) => (value as Record<string, unknown> | null)?.[column])
  const found = some(
    texts.filter((text): text is string => typeof text === 'string'),
    '',
    name,
  )
  return { ...found, from: words.column(column, found.texts.length) }
}
