// The data's labels beside a model's own. Which label is which follows from its name alone, never from what other labels
// the data happens to have: a sample without one of the classes is matched as the whole is.

import { canonicalLabel } from './label-names.ts'
import { renumbered } from './examples.ts'
import type { PreparedData } from './prepare.ts'

export interface LabelOrder {
  /** the model's labels */
  labels: string[]
  /** the model's class for each of the data's */
  order: number[]
  /** what was assumed; '' where names agree */
  note: string
}

/**
 * Which of the model's labels each of the data's is, by the first of these rules that the model's names allow:
 * 1. by name; 1, 1.0 and "1" are one name, and capitals do not count where no name agrees exactly;
 * 2. by number, where each of the model's names holds one whole number of its own: 1 is "1 star";
 * 3. by number, where no name holds a digit, or names are LABEL_0, LABEL_1, …: i is the label that id2label of config.json has
 *    for i. Of more than two labels the data must have a 0: 1, 2, 3, 4 may as well be the first four of 1 to 5.
 * Places say nothing: 'neg, pos' would be 'positive, negative'.
 * @param found the data's labels
 * @param labels the model's
 * @param source the model, for messages
 * @returns null where a label fits none
 */
export function findLabelOrder(found: string[], labels: string[], source: string): LabelOrder | null {
  const byName = found.map((label) => indexByName(label, labels))
  if (!byName.includes(-1)) return { labels, order: byName, note: '' }
  const numbers = numbersIn(labels)
  if (!numbers || !areNumbered(found) || mayCountFromOne(found, labels)) return null
  const order = found.map((label) => numbers.indexOf(Number(label)))
  if (order.includes(-1)) return null
  const pairs = found.map((label, i) => `${label} is ${labels[order[i]]}`)
  const shown = pairs.slice(0, 10).join(', ') + (pairs.length > 10 ? ', …' : '')
  return { labels, order, note: `the data's labels are taken for ${source}'s by their numbers: ${shown}` }
}

const areNumbered = (found: string[]): boolean => found.every((label) => /^\d+$/.test(label))

/** Names that say nothing of numbers beside what id2label numbers from 0. */
const areIds = (labels: string[]): boolean =>
  labels.every((label) => !/\d/.test(label)) || labels.every((label, id) => label.toUpperCase() === `LABEL_${id}`)

/** 0 and 1 are so common that 1 alone is taken for one of them. */
const mayCountFromOne = (found: string[], labels: string[]): boolean =>
  areIds(labels) && labels.length > 2 && !found.some((label) => Number(label) === 0)

function indexByName(label: string, labels: string[]): number {
  const canonical = labels.map(canonicalLabel)
  const exact = canonical.indexOf(canonicalLabel(label))
  if (exact >= 0) return exact
  return canonical.findIndex((known) => known.toLowerCase() === canonicalLabel(label).toLowerCase())
}

/** The number in each name, or the ids of names without digits; null where neither says which name a number is. */
function numbersIn(labels: string[]): number[] | null {
  if (labels.every((label) => !/\d/.test(label))) return labels.map((_, id) => id)
  const found = labels.map((label) => label.match(/\d+/g) ?? [])
  const numbers = found.map(([number]) => Number(number))
  return found.every(({ length }) => length === 1) && new Set(numbers).size === numbers.length ? numbers : null
}

/** As `findLabelOrder`. @throws where none fits */
export function matchLabels(found: string[], labels: string[], source: string): LabelOrder {
  const order = findLabelOrder(found, labels, source)
  if (order) return order
  const list = (names: string[]): string => names.slice(0, 10).join(', ') + (names.length > 10 ? ', …' : '')
  const isNameless = labels.every((label) => /^(label_)?\d+$/i.test(label))
  const naming =
    "name the model's outputs in their order by the data's labels, with the option labels (evaluate --labels) or as id2label in its config.json"
  const cure =
    areNumbered(found) && mayCountFromOne(found, labels)
      ? `without a 0 they may count from 0 or from 1: ${naming}`
      : isNameless
        ? naming
        : 'rename them in the data, or give the column that has those names with the option label (--label)'
  throw new Error(
    `the data has ${found.length} labels (${list(found)}), ${source} has ${labels.length} (${list(labels)}); expected the same names, or numbers that tell which name is meant: ${cure}`,
  )
}

/** Puts the data's labels into the model's order, in place. */
export function applyLabelOrder(data: PreparedData, { labels, order, note }: LabelOrder): void {
  for (const part of [data.train, data.validation, data.test])
    part.forEach((row, i) => (part[i] = renumbered(row, order)))
  data.labels = labels
  if (note) data.notes.push(note)
}
