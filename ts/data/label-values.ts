// What a file holds for labels, to labels: one class, a set of labels, or a number.

import { checkChoice } from '../../kernels/program/check-options.ts'
import { PROBLEM_TYPES, type ProblemType } from '../model/config.ts'
import { canonicalLabel, isMissingLabel, readList } from './label-names.ts'
import { describe } from './records.ts'

export interface LabelReading {
  /** what labels are; found out from the data where not given */
  problemType?: ProblemType
  /** what is between the labels of one cell; a cell has one label where not given */
  labelSeparator?: string
  /** the labels of the model that the data are for, in its order */
  modelLabels?: readonly string[]
}

/** A row's label in one of its forms. */
export interface ReadLabel {
  /** of several the first, '' where there is none; '' of a number */
  label: string
  set?: string[]
  value?: number
}

/** What a file holds for the label of one row. */
export interface StoredLabel {
  /** of each label column; cells of tables are strings */
  values: unknown[]
  /** names file, line and columns, for messages */
  where: (column: number) => string
  /** what to do where no label can be read, after a colon or semicolon */
  hint: string
}

/** The labels of a file, and what they are. */
export interface ReadLabels {
  problemType: ProblemType
  labels: ReadLabel[]
  /** all that there are, where columns or numbers stand for them: some may hold of no text */
  names?: readonly string[]
}

const HOT: Record<string, boolean> = { 1: true, 0: false, true: true, false: false }

/**
 * Labels of a file's rows.
 * @param names of the label columns
 * @param isTable cells are strings, and lists are written in them
 * @throws where a row has no label, or not one of the kind asked for
 */
export function readLabels(
  rows: StoredLabel[],
  names: string[],
  isTable: boolean,
  reading: LabelReading,
  path: string,
  notes: string[],
): ReadLabels {
  checkChoice('data', 'problemType', reading.problemType, PROBLEM_TYPES)
  if (reading.labelSeparator === '')
    throw new Error('data: labelSeparator (--label-separator) is empty, expected what is between the labels of a cell')
  const problemType = reading.problemType ?? problemTypeOf(rows, names, isTable, reading)
  if (problemType === 'single_label_classification') {
    if (names.length > 1 || reading.labelSeparator !== undefined)
      throw new Error(
        `${path}: several labels a text were asked for, and ${problemType}; leave the option problemType (--problem-type) out, or name one column with the option label (--label)`,
      )
    return { problemType, labels: rows.map((row) => ({ label: classOf(row) })) }
  }
  if (problemType === 'regression') {
    if (names.length > 1)
      throw new Error(
        `${path}: numbers in ${names.length} columns were asked for; a regression is read of one: name it with the option label (--label)`,
      )
    return { problemType, labels: rows.map((row) => ({ label: '', value: numberOf(row) })) }
  }
  const asSet = (set: string[]): ReadLabel => ({ label: set[0] ?? '', set })
  if (names.length > 1)
    return { problemType, names, labels: rows.map((row) => asSet(names.filter((_, column) => hotOf(row, column)))) }
  const lists = rows.map((row) => listOf(row, isTable, reading.labelSeparator))
  const hot = namesOfHot(lists, reading.modelLabels)
  if (!hot) return { problemType, labels: lists.map((list) => asSet([...new Set(list)])) }
  notes.push(
    `${path}: each list has ${hot.length} numbers, 1 where a label holds and 0 where it does not: ${hot.slice(0, 10).join(', ')}${hot.length > 10 ? ', …' : ''}.`,
  )
  return { problemType, names: hot, labels: lists.map((list) => asSet(hot.filter((_, i) => list[i] === '1'))) }
}

/** Lists, a separator or several columns are sets of labels; everything else is one class a text. */
function problemTypeOf(
  rows: StoredLabel[],
  names: string[],
  isTable: boolean,
  { labelSeparator }: LabelReading,
): ProblemType {
  const isList = ({ values: [value] }: StoredLabel): boolean =>
    isTable ? readList(value as string) !== null : Array.isArray(value)
  const filled = isTable ? rows.filter(({ values: [value] }) => !isMissingLabel(value as string)) : rows
  const haveLists = isTable ? filled.length > 0 && filled.every(isList) : rows.some(isList)
  return names.length > 1 || labelSeparator !== undefined || haveLists
    ? 'multi_label_classification'
    : 'single_label_classification'
}

/** @throws where a value is no label */
function classOf({ values: [value], where, hint }: StoredLabel): string {
  if (Array.isArray(value))
    throw new Error(
      `${where(0)} is a list, expected a string, number or boolean: lists are labels that do not compete, problemType (--problem-type) multi_label_classification`,
    )
  return nameOf(value, where(0), hint)
}

function nameOf(value: unknown, where: string, hint: string): string {
  const isLabel = ['string', 'number', 'boolean', 'bigint'].includes(typeof value) && !Number.isNaN(value)
  if (!isLabel) throw new Error(`${where} is ${describe(value)}, expected a string, number or boolean${hint}`)
  const label = canonicalLabel(String(value))
  if (isMissingLabel(label))
    throw new Error(`${where} is ${label === '' ? 'empty' : `'${label}'`}, expected a class${hint}`)
  return label
}

function numberOf({ values: [value], where, hint }: StoredLabel): number {
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  const found = isNumber ? Number(value) : typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN
  if (Number.isFinite(found)) return found
  const isComma = typeof value === 'string' && /^\s*[+-]?\d+,\d+\s*$/.test(value)
  const shown = typeof value === 'string' ? `'${value.slice(0, 30)}'` : describe(value)
  throw new Error(
    `${where(0)} is ${shown}, expected a number of a regression${isComma ? ': write it with a point' : hint}; classes are problemType (--problem-type) single_label_classification`,
  )
}

function hotOf({ values, where }: StoredLabel, column: number): boolean {
  const value = values[column]
  const found = HOT[canonicalLabel(String(value)).toLowerCase()]
  if (found === undefined)
    throw new Error(
      `${where(column)} is ${typeof value === 'string' ? `'${value.slice(0, 30)}'` : describe(value)}, expected 1 where the label holds and 0 where it does not; remove rows that were not judged, or name other columns with the option label (--label)`,
    )
  return found
}

/** The labels of one cell or value. An empty cell of a table holds none. */
function listOf({ values: [value], where, hint }: StoredLabel, isTable: boolean, separator?: string): string[] {
  const inside = `${where(0)} holds a value that`
  if (isTable || (separator !== undefined && typeof value === 'string')) {
    const cell = value as string
    const list = readList(cell)
    if (list) return list.map((each) => nameOf(each, inside, ''))
    if (cell.trim() === '') return []
    const parts = separator === undefined ? [cell] : cell.split(separator)
    return parts.filter((part) => part.trim() !== '').map((part) => nameOf(part, where(0), hint))
  }
  return Array.isArray(value) ? value.map((each) => nameOf(each, inside, '')) : [nameOf(value, where(0), hint)]
}

/**
 * The names of labels that lists of 0 and 1 stand for; null where lists are of labels. Lists are such where all have one
 * length and nothing but 0 and 1, and either the model has as many labels or a list says a number twice, as none of labels does.
 */
function namesOfHot(lists: string[][], modelLabels?: readonly string[]): readonly string[] | null {
  const width = lists[0].length
  const areHot = lists.every((list) => list.length === width && list.every((each) => each === '0' || each === '1'))
  if (!areHot || width < 2) return null
  if (modelLabels?.length === width) return modelLabels
  const isTwice = lists.some((list) => new Set(list).size < list.length)
  return isTwice ? Array.from({ length: width }, (_, i) => `LABEL_${i}`) : null
}
