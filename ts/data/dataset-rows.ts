// From a file's text to rows with a text and a label: format, separator, header and columns are detected, and what was
// detected is told in the notes.

import { parse } from 'csv-parse/sync'

export interface LabelledRow {
  text: string
  label: string
  /** line of the file, from 1, where the row ends or, in JSON arrays, the number of the entry */
  line: number
}

export interface ColumnChoice {
  text?: string
  label?: string
}

export interface DataFile {
  /** the ending chooses the format; also for messages */
  path: string
  /** the whole file, decoded */
  content: string
}

/** Rows, and the columns they were found in: names, or numbers where there is no header. */
interface FoundRows {
  rows: LabelledRow[]
  columns: { text: string; label: string }
}

interface Cells {
  cells: string[]
  line: number
}

export const TEXT_NAMES = [
  'text',
  'sentence',
  'review',
  'content',
  'message',
  'comment',
  'tweet',
  'body',
  'document',
  'текст',
  'отзыв',
]
const LABEL_NAMES = [
  'label',
  'labels',
  'class',
  'category',
  'sentiment',
  'target',
  'polarity',
  'stars',
  'rating',
  'метка',
  'класс',
]
// Rows looked at to tell a label column from a text column.
const SAMPLE_ROWS = 2000

/**
 * Reads the rows of one or more data files, one after the other.
 * @param notes gets a sentence for each thing detected or left out
 * @throws with the line, what was found and what is expected; where the files' columns differ
 */
export function parseFiles(files: DataFile[], columns: ColumnChoice, notes: string[]): LabelledRow[] {
  const found = files.map(({ path, content }) => parseFile(content, path, columns, notes))
  const words = ({ text, label }: FoundRows['columns']): string => `text ${text} and label ${label}`
  found.forEach((part, i) => {
    if (words(part.columns) !== words(found[0].columns))
      throw new Error(
        `${files[i].path}: ${words(part.columns)}, expected ${words(found[0].columns)} as in ${files[0].path}; ` +
          'give the files the same columns, or name them with the options text and label',
      )
  })
  return found.flatMap(({ rows }) => rows)
}

function parseFile(content: string, path: string, columns: ColumnChoice, notes: string[]): FoundRows {
  if (content.trim() === '') throw new Error(`${path}: it is empty; expected rows with a text and a label`)
  const ending = /\.([^./\\]+)$/.exec(path)?.[1].toLowerCase() ?? ''
  let found: FoundRows
  switch (ending) {
    case 'csv':
    case 'tsv':
      found = rowsFromTable(readTable(content, path, ending, notes), path, columns, notes)
      break
    case 'jsonl':
    case 'ndjson':
    case 'json':
      found = rowsFromRecords(readRecords(content, path, ending), path, columns)
      break
    default:
      throw new Error(`${path}: ending '.${ending}' is not known; expected .csv, .tsv, .jsonl, .ndjson or .json`)
  }
  const filled = found.rows.filter(({ text }) => text.trim() !== '')
  if (filled.length < found.rows.length)
    notes.push(`${path}: ${found.rows.length - filled.length} rows with an empty text left out.`)
  if (filled.length === 0) throw new Error(`${path}: no row has a text; expected at least two classes of them`)
  return { ...found, rows: filled }
}

export function readTable(content: string, path: string, ending: 'csv' | 'tsv', notes: string[]): Cells[] {
  if (ending === 'tsv') {
    // Most TSV files quote nothing, and a quote mark in them is a quote mark.
    const plain = splitLines(content)
    const isEven = plain.every(({ cells }) => cells.length === plain[0].cells.length)
    if (isEven && !looksQuoted(plain)) return plain
    const quoted = tryQuoted(content, '\t')
    if (typeof quoted === 'string') {
      if (isEven) return plain
      const odd = plain.find(({ cells }) => cells.length !== plain[0].cells.length) as Cells
      throw new Error(
        `${path}: line ${odd.line} has ${odd.cells.length} columns, expected ${plain[0].cells.length} as in line ${plain[0].line}; ` +
          'replace tabs inside texts by spaces, or quote the texts',
      )
    }
    notes.push(`${path}: read with quoted fields.`)
    return checkEven(quoted, path)
  }
  const delimiter = findDelimiter(content)
  if (delimiter !== ',')
    notes.push(`${path}: columns are separated by ${delimiter === '\t' ? 'tabs' : `'${delimiter}'`}.`)
  const table = tryQuoted(content, delimiter)
  if (typeof table === 'string')
    throw new Error(
      `${path}: ${table}; expected CSV with texts in double quotes and quote marks inside them doubled ("")`,
    )
  return checkEven(table, path)
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
function tryQuoted(content: string, delimiter: string): Cells[] | string {
  try {
    const records = parse(content, {
      delimiter,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      record_delimiter: ['\r\n', '\n', '\r'],
    }) as unknown as { record: string[]; info: { lines: number } }[]
    return records.map(({ record, info }) => ({ cells: record, line: info.lines }))
  } catch (error) {
    return (error as Error).message
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

/** Comma, semicolon (spreadsheets of many countries) or tab: whichever the first line has most of outside quotes. */
function findDelimiter(content: string): string {
  const counts: Record<string, number> = { ',': 0, ';': 0, '\t': 0 }
  let isQuoted = false
  for (const character of content) {
    if (character === '"') isQuoted = !isQuoted
    else if (!isQuoted && character === '\n') break
    else if (!isQuoted && character in counts) counts[character]++
  }
  return Object.keys(counts).reduce((best, candidate) => (counts[candidate] > counts[best] ? candidate : best))
}

function rowsFromTable(table: Cells[], path: string, columns: ColumnChoice, notes: string[]): FoundRows {
  const width = table[0].cells.length
  if (width < 2)
    throw new Error(
      `${path}: line ${table[0].line} has one column; expected a text and a label, separated alike in each row`,
    )
  const first = table[0].cells.map((cell) => cell.trim())
  const findNamed = (wanted: string | undefined, known: string[]): number =>
    wanted === undefined
      ? first.findIndex((cell) => known.includes(cell.toLowerCase()))
      : first.findIndex((cell) => cell.toLowerCase() === wanted.trim().toLowerCase())
  let text = findNamed(columns.text, TEXT_NAMES)
  let label = findNamed(columns.label, LABEL_NAMES)
  let hasHeader =
    (text >= 0 && label >= 0 && text !== label) ||
    (columns.text !== undefined && text >= 0) ||
    (columns.label !== undefined && label >= 0)
  if (!hasHeader) text = label = -1
  text = chooseNumbered(text, columns.text, 'text', first, width, path)
  label = chooseNumbered(label, columns.label, 'label', first, width, path)
  const sample = table.slice(1, 1 + SAMPLE_ROWS)
  if (!hasHeader || text < 0 || label < 0) {
    if (label < 0) label = guessLabel(sample.length > 0 ? sample : table, text)
    if (text < 0) text = guessText(sample.length > 0 ? sample : table, label)
    // A header is a first row whose label no other row has, where labels do come again.
    if (!hasHeader) {
      const values = new Set(sample.map(({ cells }) => cells[label]))
      const own = table[0].cells[label]
      const isNumber = (value: string): boolean => value.trim() !== '' && Number.isFinite(Number(value))
      const fitsIn = values.has(own) || (isNumber(own) && [...values].every(isNumber))
      hasHeader = values.size <= sample.length / 2 && !fitsIn
    }
    notes.push(
      `${path}: ${hasHeader ? 'a header' : 'no header'}; label in column ${label + 1}, text in column ${text + 1}.`,
    )
  }
  if (text === label)
    throw new Error(
      `${path}: text and label are both column ${text + 1}; name two different ones with the options text and label`,
    )
  const rows = hasHeader ? table.slice(1) : table
  if (rows.length === 0) throw new Error(`${path}: a header and no rows; expected rows with a text and a label`)
  const labelled = rows.map(({ cells, line }) => {
    if (cells[label].trim() === '')
      throw new Error(
        `${path}: line ${line} has an empty label (column ${label + 1}); expected a class, or remove the row`,
      )
    return { text: cells[text], label: cells[label].trim(), line }
  })
  // columns that were given by number are the same in files with a header and without
  const name = (column: number, wanted: string | undefined): string =>
    hasHeader && wanted?.trim() !== String(column + 1) ? `'${first[column]}'` : `in column ${column + 1}`
  return { rows: labelled, columns: { text: name(text, columns.text), label: name(label, columns.label) } }
}

/** A column that was asked for and is not the name of a header may be a number from 1. */
function chooseNumbered(
  found: number,
  wanted: string | undefined,
  what: string,
  first: string[],
  width: number,
  path: string,
): number {
  if (found >= 0 || wanted === undefined) return found
  const number = /^\d+$/.test(wanted) ? Number(wanted) : 0
  if (number >= 1 && number <= width) return number - 1
  throw new Error(
    `${path}: no column '${wanted}' for the ${what}; the first line has ${first.map((cell) => `'${cell.slice(0, 30)}'`).join(', ')}` +
      ` (or give a number from 1 to ${width})`,
  )
}

/** The column with the fewest different values, the shorter one of equals. */
function guessLabel(sample: Cells[], exclude: number): number {
  let best = -1
  let bestScore = Infinity
  for (let column = 0; column < sample[0].cells.length; column++) {
    if (column === exclude) continue
    const score = new Set(sample.map(({ cells }) => cells[column])).size + meanLength(sample, column) / 1e6
    if (score < bestScore) {
      best = column
      bestScore = score
    }
  }
  return best
}

/** The column with the longest entries. */
function guessText(sample: Cells[], exclude: number): number {
  let best = -1
  let bestLength = -1
  for (let column = 0; column < sample[0].cells.length; column++) {
    const length = meanLength(sample, column)
    if (column !== exclude && length > bestLength) {
      best = column
      bestLength = length
    }
  }
  return best
}

function meanLength(sample: Cells[], column: number): number {
  return sample.reduce((sum, { cells }) => sum + cells[column].length, 0) / sample.length
}

interface JsonEntry {
  value: unknown
  line: number
}

export function readRecords(content: string, path: string, ending: string): JsonEntry[] {
  const read = (text: string, where: string): unknown => {
    try {
      return JSON.parse(text)
    } catch (error) {
      throw new Error(`${path}: ${where} is not JSON (${(error as Error).message}); expected {"text": …, "label": …}`, {
        cause: error,
      })
    }
  }
  if (ending === 'json' && content.trimStart().startsWith('[')) {
    const values = read(content, 'the file') as unknown[]
    return values.map((value, i) => ({ value, line: i + 1 }))
  }
  const entries: JsonEntry[] = []
  content.split(/\r\n|\n|\r/).forEach((text, i) => {
    if (text.trim() !== '') entries.push({ value: read(text, `line ${i + 1}`), line: i + 1 })
  })
  return entries
}

function rowsFromRecords(entries: JsonEntry[], path: string, columns: ColumnChoice): FoundRows {
  if (entries.length === 0) throw new Error(`${path}: no entries; expected rows with a text and a label`)
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  const first = entries[0].value
  const keys = isRecord(first) ? Object.keys(first) : []
  const choose = (wanted: string | undefined, known: string[], what: string): string => {
    const key = wanted ?? keys.find((candidate) => known.includes(candidate.toLowerCase()))
    if (key === undefined)
      throw new Error(
        `${path}: line ${entries[0].line} has the keys ${keys.join(', ') || '(none)'}; name the ${what} with the option ${what}`,
      )
    return key
  }
  const text = choose(columns.text, TEXT_NAMES, 'text')
  const label = choose(columns.label, LABEL_NAMES, 'label')
  const rows = entries.map(({ value, line }) => {
    const record = isRecord(value) ? value : {}
    const textValue = Object.hasOwn(record, text) ? record[text] : undefined
    const labelValue = Object.hasOwn(record, label) ? record[label] : undefined
    if (typeof textValue !== 'string')
      throw new Error(`${path}: line ${line}: '${text}' is ${describe(textValue)}, expected a string`)
    if (typeof labelValue !== 'string' && typeof labelValue !== 'number' && typeof labelValue !== 'boolean')
      throw new Error(
        `${path}: line ${line}: '${label}' is ${describe(labelValue)}, expected a string, number or boolean`,
      )
    if (String(labelValue).trim() === '')
      throw new Error(`${path}: line ${line}: '${label}' is empty, expected a class`)
    return { text: textValue, label: String(labelValue).trim(), line }
  })
  return { rows, columns: { text: `'${text}'`, label: `'${label}'` } }
}

function describe(value: unknown): string {
  return value === undefined
    ? 'missing'
    : value === null
      ? 'null'
      : Array.isArray(value)
        ? 'a list'
        : `of type ${typeof value}`
}
