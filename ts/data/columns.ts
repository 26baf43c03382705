// Which columns of a table hold the text and the label, and whether its first row is a header.

import { areNumbers, canonicalLabel, isMissingLabel } from './label-names.ts'
import type { Cells } from './table.ts'

export interface ColumnChoice {
  /** name of the column, or its number from 1 */
  text?: string
  label?: string
}

export interface FoundColumns {
  /** from 0 */
  text: number
  label: number
  hasHeader: boolean
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
export const LABEL_NAMES = [
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

const fold = (name: string): string => name.trim().toLowerCase()
const indexOfName = (names: string[], wanted: string): number => {
  const exact = names.indexOf(wanted.trim())
  return exact >= 0 ? exact : names.findIndex((name) => fold(name) === fold(wanted))
}

/** The column from 0 that a number from 1 names; null where `wanted` is no such number. */
export function numberedColumn(wanted: string, width: number): number | null {
  const number = /^\d+$/.test(wanted.trim()) ? Number(wanted) : 0
  return number >= 1 && number <= width ? number - 1 : null
}

/**
 * Finds text and label by name, by number, by the names that such columns mostly have, or by what is in them.
 * A number is the place of the column, counted from 1, with a header or without; where a header has exactly that name,
 * the name wins, which a note says.
 * @throws where a column that was asked for is not there, or none looks like one of labels
 */
export function findColumns(table: Cells[], path: string, choice: ColumnChoice, notes: string[]): FoundColumns {
  const first = table[0].cells.map((cell) => cell.trim())
  const { named, numbered, isHeader } = readFirstRow(first, choice)
  let hasHeader = isHeader
  const settle = (): { text: number; label: number } => {
    const pick = (what: What): number => (hasHeader && named[what] >= 0 ? named[what] : numbered[what])
    const rows = hasHeader && table.length > 1 ? table.slice(1) : table
    const found = { text: pick('text'), label: pick('label') }
    for (const what of WHAT)
      if (found[what] < 0 && choice[what] !== undefined) throw missingColumn(choice[what], what, first, path)
    if (found.label < 0) found.label = guessLabel(rows, found.text, path)
    if (found.text < 0) found.text = guessText(rows, found.label)
    return found
  }
  let found = settle()
  if (!hasHeader && isHeaderCell(table, found.label)) {
    hasHeader = true
    found = settle()
  }
  for (const what of WHAT)
    if (numbered[what] >= 0 && found[what] !== numbered[what])
      notes.push(
        `${path}: '${choice[what]}' is the name of column ${found[what] + 1}, which is taken for the ${what}; without that name it would be column ${numbered[what] + 1}.`,
      )
  const areNamed = hasHeader && named.text === found.text && named.label === found.label
  if (!isHeader || !areNamed)
    notes.push(
      `${path}: ${hasHeader ? 'a header' : 'no header'}; label in column ${found.label + 1}, text in column ${found.text + 1}.`,
    )
  if (found.text === found.label)
    throw new Error(
      `${path}: text and label are both column ${found.text + 1}; name two different ones with the options text and label (--text, --label)`,
    )
  return { ...found, hasHeader }
}

const WHAT = ['text', 'label'] as const
type What = (typeof WHAT)[number]

/** What the first row says, if it is a header (-1 where nothing), the columns by number, and whether it must be one. */
function readFirstRow(
  first: string[],
  choice: ColumnChoice,
): { named: Record<What, number>; numbered: Record<What, number>; isHeader: boolean } {
  const usual = {
    text: first.findIndex((cell) => TEXT_NAMES.includes(fold(cell))),
    label: first.findIndex((cell) => LABEL_NAMES.includes(fold(cell))),
  }
  const named = { ...usual }
  const numbered = { text: -1, label: -1 }
  let isHeader = first.every((cell, i) => cell === String(i)) // pandas' names of columns without names
  for (const what of WHAT) {
    const wanted = choice[what]
    if (wanted === undefined) continue
    named[what] = indexOfName(first, wanted)
    numbered[what] = numberedColumn(wanted, first.length) ?? -1
    // a name that is no number can only be a header's
    if (named[what] >= 0 && !/^\d+$/.test(wanted.trim())) isHeader = true
  }
  // and so can the usual names: both of them, or one beside a column that is named or numbered
  const isUsual =
    choice.text === undefined && choice.label === undefined
      ? usual.text >= 0 && usual.label >= 0
      : (usual.text >= 0 && usual.text !== numbered.label) || (usual.label >= 0 && usual.label !== numbered.text)
  return { named, numbered, isHeader: isHeader || isUsual }
}

function missingColumn(wanted: string, what: string, first: string[], path: string): Error {
  const cells = first.map((cell) => `'${cell.slice(0, 30)}'`).join(', ')
  return new Error(
    `${path}: no column '${wanted}' for the ${what}; the first line has ${cells}; give one of these names or a number from 1 to ${first.length} with the option ${what} (--${what})`,
  )
}

/** A first row is a header where no other row has its label, and labels do come again. */
function isHeaderCell(table: Cells[], column: number): boolean {
  const own = canonicalLabel(table[0].cells[column])
  const values = new Set(table.slice(1).map(({ cells }) => canonicalLabel(cells[column])))
  if (values.size > (table.length - 1) / 2 || values.has(own)) return false
  const filled = [...values].filter((value) => !isMissingLabel(value))
  return isMissingLabel(own) ? false : !(areNumbers([own]) && areNumbers(filled))
}

/** The column with the fewest different values, the shorter one of equals. One value, or empty cells, are no classes. */
function guessLabel(rows: Cells[], exclude: number, path: string): number {
  let best = -1
  let bestScore = Infinity
  for (let column = 0; column < rows[0].cells.length; column++) {
    if (column === exclude || rows.some(({ cells }) => isMissingLabel(cells[column]))) continue
    const values = new Set(rows.map(({ cells }) => cells[column])).size
    const score = values + meanLength(rows, column) / 1e6
    if ((values > 1 || rows.length === 1) && score < bestScore) {
      best = column
      bestScore = score
    }
  }
  if (best < 0)
    throw new Error(
      `${path}: no column looks like one of labels: each has one value alone, or cells without any; name it with the option label (--label), by its header or its number from 1 to ${rows[0].cells.length}`,
    )
  return best
}

/** The column with the longest entries. */
function guessText(rows: Cells[], exclude: number): number {
  let best = -1
  let bestLength = -1
  for (let column = 0; column < rows[0].cells.length; column++) {
    const length = meanLength(rows, column)
    if (column !== exclude && length > bestLength) {
      best = column
      bestLength = length
    }
  }
  return best
}

function meanLength(rows: Cells[], column: number): number {
  return rows.reduce((sum, { cells }) => sum + cells[column].length, 0) / rows.length
}
