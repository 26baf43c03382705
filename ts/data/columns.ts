// Which columns of a table hold the texts and the labels, and whether its first row is a header.

import { areNumbers, canonicalLabel, isMissingLabel } from './label-names.ts'
import { fold, LABEL_NAMES, namesOfList, pairIn, partnerOf, TEXT_NAMES, usualName } from './column-names.ts'
import type { Cells } from './table.ts'

export interface ColumnChoice {
  /** name of the column, or its number from 1 */
  text?: string
  /** of the second of two texts that are read as one, likewise */
  textPair?: string
  /** of the label, likewise; several by commas, each of them 1 where its label holds and 0 where it does not */
  label?: string
}

export interface FoundColumns {
  /** from 0 */
  text: number
  /** -1 where texts are no pairs */
  textPair: number
  /** one, or several of 0 and 1 */
  labels: number[]
  hasHeader: boolean
}

const indexOfName = (names: string[], wanted: string): number => {
  const exact = names.indexOf(wanted.trim())
  return exact >= 0 ? exact : names.findIndex((name) => fold(name) === fold(wanted))
}

/** The column from 0 that a number from 1 names; null where `wanted` is no such number. */
export function numberedColumn(wanted: string, width: number): number | null {
  const number = isNumber(wanted) ? Number(wanted) : 0
  return number >= 1 && number <= width ? number - 1 : null
}

const isNumber = (wanted: string): boolean => /^\d+$/.test(wanted.trim())

/** Options that name a column, as code and as the command line have them. */
export const OPTION_OF = {
  text: 'text (--text)',
  textPair: 'textPair (--text-pair)',
  label: 'label (--label)',
} as const
type What = keyof typeof OPTION_OF
const WORDS: Record<What, string> = { text: 'text', textPair: 'second text', label: 'label' }

/** A column that was asked for, or that a usual name tells: its place by name and by number, -1 where there is none. */
interface Candidate {
  what: What
  wanted?: string
  named: number
  numbered: number
}

/**
 * Finds texts and labels by name, by number, by the names that such columns mostly have, or by what is in them.
 * A number is the place of the column, counted from 1, with a header or without; where a header has exactly that name,
 * the name wins, which a note says.
 * @param labelNames of a model whose labels do not compete: a header that has all of them has a column for each
 * @throws where a column that was asked for is not there, or none looks like one of labels
 */
export function findColumns(
  table: Cells[],
  path: string,
  choice: ColumnChoice,
  notes: string[],
  labelNames: readonly string[] = [],
): FoundColumns {
  const first = table[0].cells.map((cell) => cell.trim())
  const { text, textPair, labels, isHeader } = readFirstRow(first, choice, labelNames)
  const all = [text, ...(textPair ? [textPair] : []), ...labels]
  let hasHeader = isHeader
  const settle = (): Omit<FoundColumns, 'hasHeader'> => {
    const pick = (of: Candidate): number => {
      const place = hasHeader && of.named >= 0 ? of.named : of.numbered
      if (place < 0 && of.wanted !== undefined) throw missingColumn(of.wanted, of.what, first, path)
      return place
    }
    const rows = hasHeader && table.length > 1 ? table.slice(1) : table
    const found = { text: pick(text), textPair: textPair ? pick(textPair) : -1, labels: labels.map(pick) }
    if (found.labels[0] < 0) found.labels = [guessLabel(rows, [found.text, found.textPair], path)]
    if (found.text < 0) found.text = guessText(rows, [found.textPair, ...found.labels])
    return found
  }
  let found = settle()
  if (!hasHeader && labels.length === 1 && isHeaderCell(table, found.labels[0])) {
    hasHeader = true
    found = settle()
  }
  const places = [found.text, ...(textPair ? [found.textPair] : []), ...found.labels]
  all.forEach(({ what, wanted, numbered }, i) => {
    if (numbered >= 0 && places[i] !== numbered)
      notes.push(
        `${path}: '${wanted}' is the name of column ${places[i] + 1}, which is taken for the ${WORDS[what]}; without that name it would be column ${numbered + 1}.`,
      )
  })
  const areNamed = hasHeader && all.every(({ named }, i) => named === places[i])
  if (!isHeader || !areNamed) notes.push(`${path}: ${hasHeader ? 'a header' : 'no header'}; ${wordsOf(found)}.`)
  else if (textPair && choice.textPair === undefined)
    notes.push(
      `${path}: texts are pairs, of the columns '${first[found.text]}' and '${first[found.textPair]}'; the option text (--text) with one of them takes it alone.`,
    )
  const twice = places.find((place, i) => places.indexOf(place) !== i)
  if (twice !== undefined)
    throw new Error(
      `${path}: ${all
        .filter((_, i) => places[i] === twice)
        .map(({ what }) => WORDS[what])
        .join(
          ' and ',
        )} are both column ${twice + 1}; name different ones with the options ${[...new Set(all.map(({ what }) => OPTION_OF[what]))].join(', ')}`,
    )
  return { ...found, hasHeader }
}

function wordsOf({ text, textPair, labels }: Omit<FoundColumns, 'hasHeader'>): string {
  const places = labels.map((place) => place + 1).join(', ')
  const pair = textPair < 0 ? '' : `, second text in column ${textPair + 1}`
  return `${labels.length > 1 ? 'labels in columns' : 'label in column'} ${places}, text in column ${text + 1}${pair}`
}

/** What the first row says of each column, if it is a header, and whether it must be one. */
function readFirstRow(
  first: string[],
  choice: ColumnChoice,
  labelNames: readonly string[],
): { text: Candidate; textPair: Candidate | null; labels: Candidate[]; isHeader: boolean } {
  const pair = choice.text === undefined && choice.textPair === undefined ? pairIn(first) : null
  const partner = choice.textPair === undefined ? null : partnerOf(choice.textPair)
  const usualText = pair?.[0] ?? usualName(first, partner ? [partner, ...TEXT_NAMES] : TEXT_NAMES)
  const usualLabel = usualName(first, LABEL_NAMES)
  const candidate = (what: What, wanted: string | undefined, usual: number): Candidate => ({
    what,
    wanted,
    named: wanted === undefined ? usual : indexOfName(first, wanted),
    numbered: wanted === undefined ? -1 : (numberedColumn(wanted, first.length) ?? -1),
  })
  const text = candidate('text', choice.text, usualText)
  const hasPair = pair !== null || choice.textPair !== undefined
  const textPair = hasPair ? candidate('textPair', choice.textPair, pair?.[1] ?? -1) : null
  // a text that was named may have a name that pairs or labels mostly have
  if (textPair && textPair.wanted !== undefined && text.wanted === undefined && text.named === textPair.named)
    text.named = -1
  const several = severalLabels(first, choice.label, labelNames)
  const labels = several
    ? several.map((name) => candidate('label', name, -1))
    : [candidate('label', choice.label, usualLabel)]
  const given = [text, ...(textPair ? [textPair] : []), ...labels].filter(({ wanted }) => wanted !== undefined)
  const numbered = given.map((of) => of.numbered)
  // pandas' names of columns without names; a name that is no number can only be a header's
  const isNamed =
    first.every((cell, i) => cell === String(i)) || given.some((of) => of.named >= 0 && !isNumber(of.wanted!))
  // and so can the usual names: those of a pair, of text and label, or one beside a column that is named or numbered
  const isUsual =
    pair !== null ||
    (given.length === 0
      ? usualText >= 0 && usualLabel >= 0
      : [usualText, usualLabel].some((place) => place >= 0 && !numbered.includes(place)))
  return { text, textPair, labels, isHeader: isNamed || isUsual }
}

/** The names of label columns, where there is more than one; null where there is one. */
function severalLabels(first: string[], wanted: string | undefined, labelNames: readonly string[]): string[] | null {
  if (wanted === undefined) {
    const areThere = labelNames.length > 1 && labelNames.every((name) => indexOfName(first, name) >= 0)
    return areThere ? [...labelNames] : null
  }
  return indexOfName(first, wanted) >= 0 ? null : namesOfList(wanted)
}

function missingColumn(wanted: string, what: What, first: string[], path: string): Error {
  const cells = first.map((cell) => `'${cell.slice(0, 30)}'`).join(', ')
  return new Error(
    `${path}: no column '${wanted}' for the ${WORDS[what]}; the first line has ${cells}; give one of these names or a number from 1 to ${first.length} with the option ${OPTION_OF[what]}`,
  )
}

/** A first row is a header where no other row has its label, and labels do come again. */
function isHeaderCell(table: Cells[], column: number): boolean {
  const own = canonicalLabel(table[0].cells[column])
  const values = new Set(table.slice(1).map(({ cells }) => canonicalLabel(cells[column])))
  const filled = [...values].filter((value) => !isMissingLabel(value))
  if (isMissingLabel(own) || values.has(own)) return false
  // a name above numbers is a header, however few of them come again
  if (filled.length > 1 && areNumbers(filled)) return !areNumbers([own])
  return values.size <= (table.length - 1) / 2
}

/** The column with the fewest different values, the shorter one of equals. One value, or empty cells, are no classes. */
function guessLabel(rows: Cells[], exclude: number[], path: string): number {
  let best = -1
  let bestScore = Infinity
  for (let column = 0; column < rows[0].cells.length; column++) {
    if (exclude.includes(column) || rows.some(({ cells }) => isMissingLabel(cells[column]))) continue
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
function guessText(rows: Cells[], exclude: number[]): number {
  let best = -1
  let bestLength = -1
  for (let column = 0; column < rows[0].cells.length; column++) {
    const length = meanLength(rows, column)
    if (!exclude.includes(column) && length > bestLength) {
      best = column
      bestLength = length
    }
  }
  return best
}

function meanLength(rows: Cells[], column: number): number {
  return rows.reduce((sum, { cells }) => sum + cells[column].length, 0) / rows.length
}
