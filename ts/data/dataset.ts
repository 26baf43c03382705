// Labelled texts for training and measuring: the built-in reviews, or the user's own file.

import { dropTestTexts, foldSpace, splitExamples, type Dataset, type LabelledText } from './examples.ts'
import { readFiles } from './read-files.ts'
import { BUILTIN_REVIEWS, builtinReviews } from './reviews/reviews.ts'
import { sortedLabels } from './label-names.ts'
import { parseFiles, type LabelledRow } from './dataset-rows.ts'

export interface LoadDatasetOptions {
  /** file or files with the test part; without it a seeded split is made */
  test?: string
  /** column with the text: its name, or its number from 1; detected where not given */
  text?: string
  /** column with the label, likewise */
  label?: string
  seed: number
  /** share of each class that goes to the test part where `test` is not given; 0.2 */
  testShare?: number
  /** how many texts of `builtin:reviews` are made; all that there are if not given */
  reviews?: number
}

const MAX_CLASSES = 1000

/**
 * Loads a data set: `builtin:reviews`, or CSV, TSV, JSONL, JSON (each also as gzip) or Parquet files (Node only), joined
 * by commas, with a text and a label per row; several files must have the same columns.
 * Labels are sorted (numbers by value, else by code point) and numbered from 0. Texts that are also in the test part
 * are removed from the training part.
 * @throws where a file is missing, empty, not UTF-8, has a row without text or label, one class only or over 1000
 * @example
 * const data = await loadDataset('reviews.csv', { text: 'review', label: 'stars', seed: 1 })
 */
export async function loadDataset(source: string, options: LoadDatasetOptions): Promise<Dataset> {
  const { testShare = 0.2, seed, reviews: count } = options
  if (!(testShare > 0 && testShare < 1))
    throw new Error(`data: testShare = ${testShare}, expected a share between 0 and 1, e.g. 0.2`)
  if (source === BUILTIN_REVIEWS) {
    if (options.test !== undefined || options.text !== undefined || options.label !== undefined)
      throw new Error(
        `data: ${BUILTIN_REVIEWS} has its own test part and columns; leave the options test, text and label out`,
      )
    return builtinReviews({ seed, ...(count !== undefined && { count }) })
  }
  if (source.startsWith('builtin:')) throw new Error(`data: no data set '${source}'; there is ${BUILTIN_REVIEWS}`)

  const notes: string[] = []
  const rows = parseFiles(await readFiles(source), options, notes)
  const testRows = options.test === undefined ? null : parseFiles(await readFiles(options.test), options, notes)
  const labels = collectLabels(rows, source)
  const ids = new Map(labels.map((label, id) => [label, id]))
  const number = (list: LabelledRow[], file: string): LabelledText[] =>
    list.map(({ text, label, line }) => {
      const id = ids.get(label)
      if (id === undefined)
        throw new Error(
          `${file}: line ${line}: label '${label}' never occurs in ${source}; expected one of ${listLabels(labels)}`,
        )
      return { text, label: id }
    })

  const all = number(rows, source)
  const parts =
    testRows === null
      ? splitExamples(all, { seed, testShare, classes: labels.length })
      : { train: all, test: number(testRows, options.test as string) }
  const dataset: Dataset = {
    name: source,
    labels,
    notes,
    test: parts.test,
    train: dropTestTexts(parts, notes, foldSpace),
  }
  checkClasses(dataset, options.test ?? source)
  return dataset
}

function collectLabels(rows: LabelledRow[], source: string): string[] {
  const labels = sortedLabels(rows.map(({ label }) => label))
  if (labels.length > MAX_CLASSES)
    throw new Error(
      `${source}: the label column has ${labels.length} different values, expected at most ${MAX_CLASSES}; ` +
        'name the right column with the option label (--label)',
    )
  if (labels.length < 2)
    throw new Error(
      `${source}: all ${rows.length} rows have the label '${labels[0]}'; expected at least two classes to tell apart; name the right column with the option label (--label)`,
    )
  return labels
}

function checkClasses({ train, test, labels }: Dataset, testSource: string): void {
  for (const [part, examples] of Object.entries({ training: train, test })) {
    const present = new Set(examples.map(({ label }) => label))
    if (present.size < 2) {
      const found = present.size === 0 ? 'is empty' : `has only the label '${labels[[...present][0]]}'`
      throw new Error(
        `${testSource}: the ${part} part ${found}; expected rows of at least two of ${listLabels(labels)}`,
      )
    }
  }
}

function listLabels(labels: string[]): string {
  const shown = labels.slice(0, 10).map((label) => `'${label}'`)
  return shown.join(', ') + (labels.length > shown.length ? `, … (${labels.length})` : '')
}
