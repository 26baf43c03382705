// Labelled texts, and how they are split into a training and a test part.

import { createRandom } from '../../kernels/program/random.ts'
import type { ProblemType } from '../model/config.ts'
import type { LabelledRow, ReadRows } from './dataset-rows.ts'
import { sortedLabels } from './label-names.ts'
import type { ReadLabel } from './label-values.ts'

/** A text, or two that are read as one, with a label. */
export interface LabelledText {
  text: string
  text_pair?: string
  /** index into `Dataset.labels`; of several the first, -1 where none holds; 0 of a number */
  label: number
  /** indices of all labels that hold, where labels do not compete */
  set?: number[]
  /** the number of a regression */
  value?: number
}

export interface Dataset {
  /** where it is from, as given */
  name: string
  /** label names by id; of two, the second is the positive class. One name, of the number, of a regression */
  labels: string[]
  train: LabelledText[]
  test: LabelledText[]
  /** rows to choose by, where the data set has them apart from those to train on */
  validation?: LabelledText[]
  /** what labels are; single_label_classification where not given */
  problemType?: ProblemType
  /** what was detected, left out or removed, a sentence each: for the log and the report */
  notes: string[]
}

const namesOf = ({ label, set, value }: ReadLabel): string[] => (value !== undefined ? [] : (set ?? [label]))

/** The labels of rows: in the file's order where it says all that there are, else sorted. */
export const labelsOf = ({ rows, names }: ReadRows): string[] =>
  names ? [...names] : sortedLabels(rows.flatMap(namesOf))

/**
 * Rows with their labels numbered.
 * @param unknown makes the error for a label that is not among `labels`
 * @throws as `unknown` says
 */
export function numberRows(
  rows: LabelledRow[],
  labels: string[],
  unknown: (line: number, label: string) => Error = (_, label) => new Error(`the label '${label}' is not numbered`),
): LabelledText[] {
  const ids = new Map(labels.map((label, id) => [label, id]))
  return rows.map((row) => {
    const { text, text_pair, value, line } = row
    const set = namesOf(row).map((label) => {
      const id = ids.get(label)
      if (id === undefined) throw unknown(line, label)
      return id
    })
    return {
      text,
      ...(text_pair !== undefined && { text_pair }),
      label: value === undefined ? (set[0] ?? -1) : 0,
      ...(row.set && { set }),
      ...(value !== undefined && { value }),
    }
  })
}

/** The row with its labels numbered otherwise: `numbers` has the new number of each. */
export const renumbered = (row: LabelledText, numbers: readonly number[]): LabelledText => ({
  ...row,
  ...(row.value === undefined && { label: numbers[row.label] ?? -1 }),
  ...(row.set && { set: row.set.map((label) => numbers[label]) }),
})

/**
 * What a training compares a text's outputs with: the number of its class or, where outputs are others, one number for each of
 * them. A text without a label has -1.
 */
export function goalOfRow(
  row: LabelledText | undefined,
  labels: number,
): { label: number; targets?: Float32Array<ArrayBuffer> } {
  if (row?.value !== undefined) return { label: -1, targets: Float32Array.of(row.value) }
  if (!row?.set) return { label: row?.label ?? -1 }
  const targets = new Float32Array(labels)
  for (const label of row.set) targets[label] = 1
  return { label: -1, targets }
}

/** The texts of rows, of pairs both. */
export const textsOfRows = (rows: readonly LabelledText[]): string[] =>
  rows.flatMap(({ text, text_pair: second }) => (second === undefined ? [text] : [text, second]))

/** @throws where texts are pairs or labels are no classes, which `what` does not read */
export function checkPlain(
  { problemType, ...data }: { problemType?: ProblemType; train: LabelledText[]; test: LabelledText[] },
  what: string,
): void {
  if (problemType !== undefined && problemType !== 'single_label_classification')
    throw new Error(
      `the labels of the data are those of ${problemType}; ${what} reads one class a text: name a column of classes with the option label (--label)`,
    )
  if ([...data.train, ...data.test].some(({ text_pair: second }) => second !== undefined))
    throw new Error(
      `the data has pairs of texts; ${what} reads single texts: name their column with the option text (--text)`,
    )
}

/**
 * Splits examples by class, so that both parts have the same shares of each; a class of two or more is in both. Of several
 * labels of a text the rarest is its class, and none is one; numbers are split without regard to them.
 * Both parts come back in a shuffled order.
 */
export function splitExamples<E extends Pick<LabelledText, 'label' | 'set'>>(
  examples: E[],
  options: { seed: number; testShare: number; classes: number },
): { train: E[]; test: E[] } {
  const random = createRandom(options.seed, 'split')
  const byClass: E[][] = Array.from({ length: options.classes + 1 }, () => [])
  const counts = new Array<number>(options.classes).fill(0)
  for (const { set = [] } of examples) for (const label of set) counts[label]++
  const rarest = (set: number[]): number => set.reduce((a, b) => (counts[b] < counts[a] ? b : a), set[0] ?? -1)
  for (const example of examples) {
    const label = example.set ? rarest(example.set) : example.label
    byClass[label < 0 ? options.classes : label].push(example)
  }
  const train: E[] = []
  const test: E[] = []
  for (const members of byClass) {
    random.shuffle(members)
    const wanted = Math.round(members.length * options.testShare)
    const count = members.length < 2 ? 0 : Math.min(members.length - 1, Math.max(1, wanted))
    members.forEach((example, i) => (i < count ? test : train).push(example))
  }
  return { train: random.shuffle(train), test: random.shuffle(test) }
}

/**
 * Examples of which each class has as many as the largest: those of rarer classes are repeated, all as often as each other but
 * for one time. In training that is what weights of the classes are in the loss. Classes without an example stay without.
 */
export function balanceExamples<E extends { label: number }>(examples: readonly E[], seed: number): E[] {
  const random = createRandom(seed, 'balance')
  const byClass = new Map<number, E[]>()
  for (const example of examples) {
    const members = byClass.get(example.label)
    if (members) members.push(example)
    else byClass.set(example.label, [example])
  }
  const most = [...byClass.values()].reduce((longest, { length }) => Math.max(longest, length), 0)
  return [...byClass.values()].flatMap((members) => {
    const rest = random.shuffle([...members]).slice(0, most % members.length)
    return [...Array.from({ length: Math.floor(most / members.length) }, () => members).flat(), ...rest]
  })
}

/** Texts that differ in white space alone are the same to any tokenizer. */
export const foldSpace = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** Both texts of a row as one string, each folded. */
export const foldRow = ({ text, text_pair }: LabelledText, fold: (text: string) => string): string =>
  text_pair === undefined ? fold(text) : `${fold(text)}\0${fold(text_pair)}`

/**
 * The training part without the texts that are also in the test part; a note says how many there were.
 * @param fold texts are compared by what it makes of them
 * @param what the texts are, in the note
 */
export function dropTestTexts(
  parts: { train: LabelledText[]; test: LabelledText[] },
  notes: string[],
  fold: (text: string) => string,
  what = 'training texts',
): LabelledText[] {
  const seen = new Set(parts.test.map((row) => foldRow(row, fold)))
  const train = parts.train.filter((row) => !seen.has(foldRow(row, fold)))
  const removed = parts.train.length - train.length
  if (removed > 0) notes.push(`${removed} of ${parts.train.length} ${what} are also in the test part: removed.`)
  return train
}
