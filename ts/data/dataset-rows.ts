// From a file's contents to rows with a text and a label: format, separator, header and columns are detected, and what
// was detected is told in the notes.

import type { OptionNames } from '../../kernels/program/check-options.ts'
import { findColumns, OPTION_OF, type ColumnChoice } from './columns.ts'
import { LABEL_NAMES, namesOfList, pairIn, partnerOf, TEXT_NAMES, usualName } from './column-names.ts'
import { readLabels, type LabelReading, type ReadLabel, type ReadLabels, type StoredLabel } from './label-values.ts'
import type { ProblemType } from '../model/config.ts'
import { describe, entriesOfList, isRecord, readRecords, valueAt, type Entry } from './records.ts'
import { readTable, type Cells } from './table.ts'

export type { ColumnChoice } from './columns.ts'

/** How rows are read: which columns, and what labels are. */
export type RowReading = ColumnChoice & LabelReading

export const READING: OptionNames<RowReading> = {
  ...{ text: true, textPair: true, label: true },
  ...{ problemType: true, labelSeparator: true, modelLabels: true },
}

/** @throws where a test file, a column or another kind of label is asked for of built-in data, which has its own */
export function checkBuiltin(source: string, reading: RowReading & { test?: string }): void {
  const asked = (['test', 'text', 'textPair', 'label', 'labelSeparator'] as const).find(
    (name) => reading[name] !== undefined,
  )
  if (asked)
    throw new Error(
      `data: ${source} has its own test part and columns; leave the options test, text and label out (${asked} was given)`,
    )
  const { problemType = 'single_label_classification' } = reading
  if (problemType !== 'single_label_classification')
    throw new Error(`data: ${source} has one class a text, expected labels of ${problemType}; give a file with those`)
}

export interface LabelledRow extends ReadLabel {
  text: string
  /** the second of two texts that are read as one */
  text_pair?: string
  /** line of the file, from 1, where the row ends or, in lists, the number of the entry */
  line: number
}

export interface DataFile {
  /** for messages */
  path: string
  /** csv, tsv, jsonl …: what the name says of the format, without .gz */
  ending: string
  /** the whole file, decoded, or the entries of a format that is no text */
  content: string | readonly unknown[]
  /** what was found when it was decoded */
  note?: string
}

/** Rows, and the columns they were found in: names, or numbers where there is no header. */
interface FoundRows {
  rows: LabelledRow[]
  columns: { text: string; textPair: string; label: string }
  problemType: ProblemType
  /** of all labels that there are, where the file says it */
  names?: readonly string[]
}

/** The rows of files and what their labels are. */
export type ReadRows = Omit<FoundRows, 'columns'>

const EXPECTED_ROWS = 'expected rows with a text and a label'

/** The ending of a file's name, without .gz, in small letters. */
export const endingOf = (path: string): string =>
  /\.([^./\\]+)$/.exec(path.replace(/\.gz$/i, ''))?.[1].toLowerCase() ?? ''

/**
 * Reads the rows of one or more data files, one after the other.
 * @param notes gets a sentence for each thing detected or left out
 * @throws with the line, what was found and what is expected; where the files' columns or their kinds of labels differ
 */
export function parseFiles(files: DataFile[], reading: RowReading, notes: string[]): ReadRows {
  checkColumns(reading)
  const found = files.map((file) => parseFile(file, reading, notes))
  const words = ({ columns: { text, textPair, label }, problemType }: FoundRows): string =>
    `text ${text}${textPair && `, second text ${textPair}`} and label ${label}${problemType === found[0].problemType ? '' : ` (${problemType})`}`
  found.forEach((part, i) => {
    if (words(part) !== words(found[0]))
      throw new Error(
        `${files[i].path}: ${words(part)}, expected ${words(found[0])} as in ${files[0].path}; ` +
          'give the files the same columns, or name them with the options text and label (--text, --label)',
      )
  })
  const [{ problemType, names }] = found
  return { rows: found.flatMap(({ rows }) => rows), problemType, names }
}

/** @throws TypeError where a column is named by something that is no text */
function checkColumns(reading: RowReading): void {
  for (const name of ['text', 'textPair', 'label', 'labelSeparator'] as const) {
    const given: unknown = reading[name]
    if (given !== undefined && typeof given !== 'string')
      throw new TypeError(`data: ${name} is of type ${typeof given}, expected a text such as 'label' or '2'`)
  }
}

function parseFile({ content, path, ending, note }: DataFile, reading: RowReading, notes: string[]): FoundRows {
  if (note) notes.push(note)
  if (content.length === 0 || (typeof content === 'string' && content.trim() === ''))
    throw new Error(`${path}: it is empty; ${EXPECTED_ROWS}`)
  let found: FoundRows
  if (typeof content !== 'string') found = rowsFromRecords(entriesOfList(content), path, reading, notes)
  else
    switch (ending) {
      case 'csv':
      case 'tsv':
        found = rowsFromTable(readTable(content, path, ending, notes), path, reading, notes)
        break
      case 'jsonl':
      case 'ndjson':
      case 'json':
        found = rowsFromRecords(readRecords(content, path), path, reading, notes)
        break
      default:
        throw new Error(
          `${path}: ending '.${ending}' is not known; expected .csv, .tsv, .jsonl, .ndjson or .json, each also with .gz, or .parquet`,
        )
    }
  const filled = found.rows.filter(({ text, text_pair: second }) => text.trim() !== '' && second?.trim() !== '')
  if (filled.length < found.rows.length)
    notes.push(`${path}: ${found.rows.length - filled.length} rows with an empty text left out.`)
  if (filled.length === 0) throw new Error(`${path}: no row has a text; ${EXPECTED_ROWS}`)
  return { ...found, rows: filled }
}

function rowsFromTable(table: Cells[], path: string, reading: RowReading, notes: string[]): FoundRows {
  if (table.length === 0) throw new Error(`${path}: no row holds anything; ${EXPECTED_ROWS}`)
  if (table[0].cells.length < 2)
    throw new Error(
      `${path}: line ${table[0].line} has one column; expected a text and a label, separated alike in each row`,
    )
  const { text, textPair, labels, hasHeader } = findColumns(table, path, reading, notes, competing(reading))
  const rows = hasHeader ? table.slice(1) : table
  if (rows.length === 0) throw new Error(`${path}: a header and no rows; ${EXPECTED_ROWS}`)
  const stored = rows.map(({ cells, line }): StoredLabel => ({
    values: labels.map((column) => cells[column]),
    where: (column) => `${path}: line ${line}: the label in column ${labels[column] + 1}`,
    hint: ': remove the row, or name another column with the option label (--label)',
  }))
  const names = labels.map((column, i) => (hasHeader ? table[0].cells[column].trim() : nameless(i, labels, reading)))
  const read = readLabels(stored, names, true, reading, path, notes)
  // columns that were given by number are the same in files with a header and without
  const name = (column: number, wanted: string | undefined): string =>
    hasHeader && wanted?.trim() !== String(column + 1)
      ? `'${table[0].cells[column].trim()}'`
      : `in column ${column + 1}`
  const wanted = labels.length > 1 ? namesOfList(reading.label ?? '') : [reading.label]
  return {
    ...joined(
      rows.map(({ cells, line }) => ({
        text: cells[text],
        ...(textPair >= 0 && { text_pair: cells[textPair] }),
        line,
      })),
      read,
    ),
    columns: {
      text: name(text, reading.text),
      textPair: textPair < 0 ? '' : name(textPair, reading.textPair),
      label: labels.map((column, i) => name(column, wanted?.[i])).join(', '),
    },
  }
}

/** The model's labels, where the data may have a column for each. */
const competing = ({ problemType, modelLabels = [] }: RowReading): readonly string[] =>
  problemType === 'multi_label_classification' ? modelLabels : []

/** What a column of 0 and 1 is called in a file without a header. */
const nameless = (i: number, columns: number[], { modelLabels }: RowReading): string =>
  modelLabels?.length === columns.length ? modelLabels[i] : `LABEL_${i}`

const joined = (rows: Omit<LabelledRow, keyof ReadLabel>[], { labels, ...about }: ReadLabels): ReadRows => ({
  ...about,
  rows: rows.map((row, i) => ({ ...row, ...labels[i] })),
})

function rowsFromRecords(entries: Entry[], path: string, reading: RowReading, notes: string[]): FoundRows {
  if (entries.length === 0) throw new Error(`${path}: no entries; ${EXPECTED_ROWS}`)
  const first = entries[0].value
  const keys = isRecord(first) ? Object.keys(first) : []
  const { text, textPair, labels } = chooseKeys(keys, reading, first, `${path}: line ${entries[0].line}`)
  if (textPair !== null && reading.textPair === undefined)
    notes.push(
      `${path}: texts are pairs, of '${text}' and '${textPair}'; the option text (--text) with one of them takes it alone.`,
    )
  const hint = (name: string, option: string): string =>
    keys.includes(name) || valueAt(first, name) !== undefined
      ? ''
      : `; the keys are ${keys.join(', ') || '(none)'}: name another with the option ${option}`
  const stringAt = ({ value, line }: Entry, key: string, option: string): string => {
    const found = valueAt(value, key)
    if (typeof found === 'string') return found
    throw new Error(`${path}: line ${line}: '${key}' is ${describe(found)}, expected a string${hint(key, option)}`)
  }
  const rows = entries.map((entry) => ({
    text: stringAt(entry, text, OPTION_OF.text),
    ...(textPair !== null && { text_pair: stringAt(entry, textPair, OPTION_OF.textPair) }),
    line: entry.line,
  }))
  const stored = entries.map(({ value, line }): StoredLabel => ({
    values: labels.map((key) => valueAt(value, key)),
    where: (column) => `${path}: line ${line}: '${labels[column]}'`,
    hint:
      hint(labels[0], OPTION_OF.label) ||
      `: remove the entry, or name another label with the option ${OPTION_OF.label}`,
  }))
  const quoted = labels.map((key) => `'${key}'`).join(', ')
  return {
    ...joined(rows, readLabels(stored, labels, false, reading, path, notes)),
    columns: { text: `'${text}'`, textPair: textPair === null ? '' : `'${textPair}'`, label: quoted },
  }
}

/** The keys of texts and labels: those asked for, else usual ones. */
function chooseKeys(
  keys: string[],
  reading: RowReading,
  first: unknown,
  where: string,
): { text: string; textPair: string | null; labels: string[] } {
  const usual = (names: readonly string[], what: 'text' | 'label'): string => {
    const place = usualName(keys, names)
    if (place < 0)
      throw new Error(
        `${where} has the keys ${keys.join(', ') || '(none)'}; name the ${what} with the option ${OPTION_OF[what]}, one inside another as a.b`,
      )
    return keys[place]
  }
  const pair = reading.text === undefined && reading.textPair === undefined ? pairIn(keys) : null
  const partner = reading.textPair === undefined ? null : partnerOf(reading.textPair)
  const text = reading.text ?? (pair ? keys[pair[0]] : usual(partner ? [partner, ...TEXT_NAMES] : TEXT_NAMES, 'text'))
  const textPair = reading.textPair ?? (pair ? keys[pair[1]] : null)
  if (text === textPair)
    throw new Error(`${where}: '${text}' is both texts of a pair; name the first with the option ${OPTION_OF.text}`)
  const hasKey = (name: string): boolean => valueAt(first, name) !== undefined
  const columns = competing(reading)
  if (reading.label === undefined) {
    const areThere = columns.length > 1 && columns.every(hasKey)
    return { text, textPair, labels: areThere ? [...columns] : [usual(LABEL_NAMES, 'label')] }
  }
  const several = hasKey(reading.label) ? null : namesOfList(reading.label)
  return { text, textPair, labels: several ?? [reading.label] }
}
