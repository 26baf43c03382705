// Texts without labels: what a teacher reads to a student beside the labelled ones.

import { readFiles } from './read-files.ts'
import { numberedColumn } from './columns.ts'
import { fold, TEXT_NAMES } from './column-names.ts'
import type { DataFile } from './dataset-rows.ts'
import { describe, entriesOfList, readRecords, valueAt, type Entry } from './records.ts'
import { readTable } from './table.ts'

/**
 * The texts of files joined by commas (Node only): the text column of CSV, TSV, JSONL, JSON or Parquet, else one text a line.
 * @param column name of the text column, or its number from 1, where a file has it; detected by its name otherwise
 * @param notes gets a sentence for each thing detected or left out
 * @param options isRequired: a column that was named must be there; otherwise one known by its name will do
 * @throws where a file cannot be read, or has no column that is known as one of texts
 */
export async function loadTexts(
  source: string,
  column: string | undefined,
  notes: string[],
  { isRequired = false } = {},
): Promise<string[]> {
  const choice = { column, isRequired }
  const files = await readFiles(source)
  const texts = files.flatMap((file) => {
    const { path } = file
    const all = textsOf(file, choice, notes)
    const filled = all.filter((text) => text.trim() !== '')
    if (filled.length < all.length) notes.push(`${path}: ${all.length - filled.length} empty texts left out.`)
    return filled
  })
  if (texts.length === 0) throw new Error(`${source}: there are no texts in it; expected one a line, or a column`)
  return texts
}

interface Choice {
  column: string | undefined
  isRequired: boolean
}

function textsOf({ content, path, ending, note }: DataFile, choice: Choice, notes: string[]): string[] {
  if (note) notes.push(note)
  if (typeof content !== 'string') return textsOfEntries(entriesOfList(content), path, choice)
  switch (ending) {
    case 'csv':
    case 'tsv':
      return textsOfTable(readTable(content, path, ending, notes), path, choice)
    case 'jsonl':
    case 'ndjson':
    case 'json':
      return textsOfEntries(readRecords(content, path), path, choice)
    default:
      return content.split(/\r\n|\n|\r/).filter((line) => line !== '')
  }
}

function textsOfTable(table: { cells: string[] }[], path: string, choice: Choice): string[] {
  if (table.length === 0) throw new Error(`${path}: it is empty; expected a header and texts, or texts alone`)
  const { column, isRequired } = choice
  const [first, ...rows] = table
  const names = first.cells.map((cell) => cell.trim())
  const numbered = column === undefined || names.includes(column) ? null : numberedColumn(column, names.length)
  if (numbered !== null) {
    // of one column nothing but a usual name tells a header from a text
    const hasHeader = names.some((name) => TEXT_NAMES.includes(fold(name)))
    return (hasHeader ? rows : table).map(({ cells }) => cells[numbered])
  }
  const isNamed = isTextName(names[0], column) || (isRequired && column !== undefined)
  if (names.length === 1 && !isNamed) return table.map(({ cells }) => cells[0])
  const at = names.indexOf(chooseName(names, path, choice))
  return rows.map(({ cells }) => cells[at])
}

function textsOfEntries(entries: Entry[], path: string, choice: Choice): string[] {
  return entries.map(({ value, line }) => {
    if (typeof value === 'string') return value
    const given = choice.column === undefined ? undefined : valueAt(value, choice.column)
    const names = Object.keys(value ?? {})
    const text = given ?? valueAt(value, chooseName(names, `${path}: line ${line}`, choice))
    if (typeof text !== 'string')
      throw new Error(`${path}: line ${line}: the text is ${describe(text)}, expected a string`)
    return text
  })
}

const isTextName = (name: string, column?: string): boolean => name === column || TEXT_NAMES.includes(fold(name))

function chooseName(names: string[], where: string, { column, isRequired }: Choice): string {
  let found = names.find((name) => name === column)
  if (column === undefined || !isRequired)
    found ??= names.find((name) => TEXT_NAMES.includes(fold(name))) ?? (names.length === 1 ? names[0] : undefined)
  if (found === undefined)
    throw new Error(
      `${where}: found ${names.slice(0, 10).join(', ') || 'no columns'}; expected a column of texts: name it with the option text (--text), or call it text`,
    )
  return found
}
