// From a file's contents to rows with a text and a label: format, separator, header and columns are detected, and what
// was detected is told in the notes.

import { findColumns, LABEL_NAMES, TEXT_NAMES, type ColumnChoice } from './columns.ts'
import { canonicalLabel, isMissingLabel } from './label-names.ts'
import { describe, entriesOfList, isRecord, readRecords, valueAt, type Entry } from './records.ts'
import { readTable, type Cells } from './table.ts'

export type { ColumnChoice } from './columns.ts'

export interface LabelledRow {
  text: string
  label: string
  /** all labels of the text, where the file has a list of them; `label` is the first, or '' */
  set?: string[]
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
}

/** Rows, and the columns they were found in: names, or numbers where there is no header. */
interface FoundRows {
  rows: LabelledRow[]
  columns: { text: string; label: string }
}

const EXPECTED_ROWS = 'expected rows with a text and a label'

/** The ending of a file's name, without .gz, in small letters. */
export const endingOf = (path: string): string =>
  /\.([^./\\]+)$/.exec(path.replace(/\.gz$/i, ''))?.[1].toLowerCase() ?? ''

/**
 * Reads the rows of one or more data files, one after the other.
 * @param notes gets a sentence for each thing detected or left out
 * @param areListsAllowed a text may have several labels, or none, in a list
 * @throws with the line, what was found and what is expected; where the files' columns differ
 */
export function parseFiles(
  files: DataFile[],
  columns: ColumnChoice,
  notes: string[],
  areListsAllowed = false,
): LabelledRow[] {
  const found = files.map((file) => parseFile(file, columns, notes, areListsAllowed))
  const words = ({ text, label }: FoundRows['columns']): string => `text ${text} and label ${label}`
  found.forEach((part, i) => {
    if (words(part.columns) !== words(found[0].columns))
      throw new Error(
        `${files[i].path}: ${words(part.columns)}, expected ${words(found[0].columns)} as in ${files[0].path}; ` +
          'give the files the same columns, or name them with the options text and label (--text, --label)',
      )
  })
  return found.flatMap(({ rows }) => rows)
}

function parseFile(
  { content, path, ending }: DataFile,
  columns: ColumnChoice,
  notes: string[],
  areListsAllowed: boolean,
): FoundRows {
  if (content.length === 0 || (typeof content === 'string' && content.trim() === ''))
    throw new Error(`${path}: it is empty; ${EXPECTED_ROWS}`)
  let found: FoundRows
  if (typeof content !== 'string') found = rowsFromRecords(entriesOfList(content), path, columns, areListsAllowed)
  else
    switch (ending) {
      case 'csv':
      case 'tsv':
        found = rowsFromTable(readTable(content, path, ending, notes), path, columns, notes)
        break
      case 'jsonl':
      case 'ndjson':
      case 'json':
        found = rowsFromRecords(readRecords(content, path), path, columns, areListsAllowed)
        break
      default:
        throw new Error(
          `${path}: ending '.${ending}' is not known; expected .csv, .tsv, .jsonl, .ndjson or .json, each also with .gz, or .parquet`,
        )
    }
  const filled = found.rows.filter(({ text }) => text.trim() !== '')
  if (filled.length < found.rows.length)
    notes.push(`${path}: ${found.rows.length - filled.length} rows with an empty text left out.`)
  if (filled.length === 0) throw new Error(`${path}: no row has a text; expected at least two classes of them`)
  return { ...found, rows: filled }
}

function rowsFromTable(table: Cells[], path: string, choice: ColumnChoice, notes: string[]): FoundRows {
  if (table.length === 0) throw new Error(`${path}: no row holds anything; ${EXPECTED_ROWS}`)
  if (table[0].cells.length < 2)
    throw new Error(
      `${path}: line ${table[0].line} has one column; expected a text and a label, separated alike in each row`,
    )
  const { text, label, hasHeader } = findColumns(table, path, choice, notes)
  const rows = hasHeader ? table.slice(1) : table
  if (rows.length === 0) throw new Error(`${path}: a header and no rows; ${EXPECTED_ROWS}`)
  const labelled = rows.map(({ cells, line }) => {
    if (isMissingLabel(cells[label]))
      throw new Error(
        `${path}: line ${line} has an empty label (column ${label + 1}${cells[label].trim() && `: ${cells[label].trim()}`}); expected a class: remove the row, or name another column with the option label (--label)`,
      )
    return { text: cells[text], label: canonicalLabel(cells[label]), line }
  })
  // columns that were given by number are the same in files with a header and without
  const name = (column: number, wanted: string | undefined): string =>
    hasHeader && wanted?.trim() !== String(column + 1)
      ? `'${table[0].cells[column].trim()}'`
      : `in column ${column + 1}`
  return { rows: labelled, columns: { text: name(text, choice.text), label: name(label, choice.label) } }
}

function rowsFromRecords(entries: Entry[], path: string, columns: ColumnChoice, areListsAllowed: boolean): FoundRows {
  if (entries.length === 0) throw new Error(`${path}: no entries; ${EXPECTED_ROWS}`)
  const first = entries[0].value
  const keys = isRecord(first) ? Object.keys(first) : []
  const choose = (wanted: string | undefined, known: string[], what: string): string => {
    const key = wanted ?? keys.find((candidate) => known.includes(candidate.toLowerCase()))
    if (key === undefined)
      throw new Error(
        `${path}: line ${entries[0].line} has the keys ${keys.join(', ') || '(none)'}; name the ${what} with the option ${what} (--${what}), one inside another as a.b`,
      )
    return key
  }
  const text = choose(columns.text, TEXT_NAMES, 'text')
  const label = choose(columns.label, LABEL_NAMES, 'label')
  const hint = (name: string, what: string): string =>
    keys.includes(name) || valueAt(first, name) !== undefined
      ? ''
      : `; the keys are ${keys.join(', ') || '(none)'}: name another with the option ${what} (--${what})`
  const rows = entries.map(({ value, line }) => {
    const textValue = valueAt(value, text)
    const labelValue = valueAt(value, label)
    if (typeof textValue !== 'string')
      throw new Error(
        `${path}: line ${line}: '${text}' is ${describe(textValue)}, expected a string${hint(text, 'text')}`,
      )
    const where = `${path}: line ${line}: '${label}'`
    const labelHint = hint(label, 'label')
    if (!Array.isArray(labelValue)) return { text: textValue, label: labelOf(labelValue, where, labelHint), line }
    if (!areListsAllowed)
      throw new Error(
        `${where} is a list, expected a string, number or boolean; lists of labels are read by evaluate alone${labelHint}`,
      )
    const set = [...new Set(labelValue.map((each) => labelOf(each, `${where} holds a value that`, '')))]
    return { text: textValue, label: set[0] ?? '', set, line }
  })
  return { rows, columns: { text: `'${text}'`, label: `'${label}'` } }
}

/** @throws where a value is no label */
function labelOf(value: unknown, where: string, hint: string): string {
  const isLabel = ['string', 'number', 'boolean', 'bigint'].includes(typeof value) && !Number.isNaN(value)
  if (!isLabel) throw new Error(`${where} is ${describe(value)}, expected a string, number or boolean${hint}`)
  const label = canonicalLabel(String(value))
  if (isMissingLabel(label)) throw new Error(`${where} is empty, expected a class${hint}`)
  return label
}
