// CSV and TSV text to rows of cells: as spreadsheets, pandas and editors write them.

import { parse } from 'csv-parse/sync'

export interface Cells {
  cells: string[]
  /** of the file, from 1, where the row ends */
  line: number
}

/**
 * The rows of a table, of the same width. A line sep=; before them, as Excel writes it, names the separator; rows that
 * hold separators alone are left out.
 * @param notes gets a sentence for each thing detected or left out
 * @throws where rows differ in their width, or a quote mark is not closed
 */
export function readTable(content: string, path: string, ending: 'csv' | 'tsv', notes: string[]): Cells[] {
  const named = /^\uFEFF?"?sep=([^"\r\n])"?(?:\r\n|\n|\r)/i.exec(content)
  const offset = named ? 1 : 0
  const rest = named ? content.slice(named[0].length) : content
  const delimiter = named?.[1] ?? (ending === 'tsv' ? '\t' : findDelimiter(rest))
  if (delimiter !== (ending === 'tsv' ? '\t' : ','))
    notes.push(
      `${path}: columns are separated by ${delimiter === '\t' ? 'tabs' : `'${delimiter}'`}${named ? ', as its first line says' : ''}.`,
    )
  const table =
    ending === 'tsv' && delimiter === '\t' ? readTabs(rest, path, notes) : readQuoted(rest, path, delimiter, notes)
  const filled = table.filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
  if (filled.length < table.length)
    notes.push(`${path}: ${table.length - filled.length} rows without anything but separators left out.`)
  return checkEven(filled, path).map(({ cells, line }) => ({ cells, line: line + offset }))
}

/** Most TSV files quote nothing, and a quote mark in them is a quote mark. */
function readTabs(content: string, path: string, notes: string[]): Cells[] {
  const plain = splitLines(content)
  const isEven = plain.every(({ cells }) => cells.length === plain[0].cells.length)
  if (isEven && !looksQuoted(plain)) return plain
  const quoted = tryQuoted(content, '\t')
  if ('rows' in quoted) {
    notes.push(`${path}: read with quoted fields.`)
    return quoted.rows
  }
  if (isEven) return plain
  const odd = plain.find(({ cells }) => cells.length !== plain[0].cells.length) as Cells
  throw new Error(
    `${path}: line ${odd.line} has ${odd.cells.length} columns, expected ${plain[0].cells.length} as in line ${plain[0].line}; ` +
      'replace tabs inside texts by spaces, or quote the texts',
  )
}

function readQuoted(content: string, path: string, delimiter: string, notes: string[]): Cells[] {
  const strict = tryQuoted(content, delimiter)
  if ('rows' in strict) return strict.rows
  // a quote mark that does not begin its field, or ends before its field does, is text to spreadsheets and to pandas
  const isStray = /^(CSV_)?INVALID_(OPENING|CLOSING)_QUOTE$/.test(strict.code)
  const relaxed = isStray ? tryQuoted(content, delimiter, true) : strict
  if ('rows' in relaxed) {
    notes.push(`${path}: quote marks inside fields that are not quoted are read as text.`)
    return relaxed.rows
  }
  throw new Error(
    `${path}: ${relaxed.message}; expected CSV with texts in double quotes and quote marks inside them doubled ("")`,
  )
}

function splitLines(content: string): Cells[] {
  const rows: Cells[] = []
  content.split(/\r\n|\n|\r/).forEach((text, i) => {
    if (text.trim() !== '') rows.push({ cells: text.split('\t'), line: i + 1 })
  })
  return rows
}

/** A writer that quotes doubles the quote marks inside, and closes what it opened; some quote every field. */
function looksQuoted(rows: Cells[]): boolean {
  let isDoubled = rows[0]?.cells.every((cell) => /^".*"$/.test(cell)) ?? false
  for (const { cells } of rows)
    for (const cell of cells) {
      if (!cell.startsWith('"')) continue
      if (!/^"(?:[^"]|"")*"$/.test(cell)) return false
      if (cell.length > 2 && cell.slice(1, -1).includes('""')) isDoubled = true
    }
  return isDoubled
}

/** Rows, or what the parser found wrong. */
function tryQuoted(
  content: string,
  delimiter: string,
  areQuotesRelaxed = false,
): { rows: Cells[] } | { message: string; code: string } {
  try {
    const records = parse(content, {
      delimiter,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      relax_quotes: areQuotesRelaxed,
      record_delimiter: ['\r\n', '\n', '\r'],
    }) as unknown as { record: string[]; info: { lines: number } }[]
    return { rows: records.map(({ record, info }) => ({ cells: record, line: info.lines })) }
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    return { message, code: code ?? '' }
  }
}

function checkEven(rows: Cells[], path: string): Cells[] {
  for (const { cells, line } of rows)
    if (cells.length !== rows[0].cells.length)
      throw new Error(
        `${path}: line ${line} has ${cells.length} columns, expected ${rows[0].cells.length} as in line ${rows[0].line}; ` +
          'quote texts that hold the separator, or replace it in them',
      )
  return rows
}

/** Comma, semicolon (spreadsheets of many countries), tab or bar: whichever the first line has most of outside quotes. */
function findDelimiter(content: string): string {
  const counts: Record<string, number> = { ',': 0, ';': 0, '\t': 0, '|': 0 }
  let isQuoted = false
  // a quote mark quotes where it begins a field; another one is text
  let isStart = true
  for (const character of content) {
    if (character === '"' && (isQuoted || isStart)) isQuoted = !isQuoted
    else if (!isQuoted && character === '\n') break
    else if (!isQuoted && character in counts) counts[character]++
    isStart = !isQuoted && (character in counts || (isStart && character === '"'))
  }
  return Object.keys(counts).reduce((best, candidate) => (counts[candidate] > counts[best] ? candidate : best))
}
