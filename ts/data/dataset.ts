// Labelled texts for training and measuring: the built-in reviews, or the user's own file.

import { checkNames } from '../../kernels/program/check-options.ts'
import { dropTestTexts, foldSpace, labelsOf, numberRows, splitExamples, type Dataset } from './examples.ts'
import { readFiles } from './read-files.ts'
import { loadBuiltin } from './builtin.ts'
import { areNumbers } from './label-names.ts'
import { checkBuiltin, parseFiles, READING, type ReadRows, type RowReading } from './dataset-rows.ts'

export interface LoadDatasetOptions extends RowReading {
  /** file or files with the test part; without it a seeded split is made */
  test?: string
  seed: number
  /** share of each class that goes to the test part where `test` is not given; 0.2 */
  testShare?: number
  /** how many texts of `builtin:reviews` are made; all that there are if not given */
  reviews?: number
}

const MAX_CLASSES = 1000

/**
 * Loads a data set: `builtin:mail` (real), `builtin:reviews` (synthetic), or CSV, TSV, JSONL, JSON (each also as gzip) or Parquet files (Node only), joined
 * by commas, with a text, or a pair of them, and a label per row; several files must have the same columns.
 * Labels are classes, sets of labels (lists, cells with a separator, columns of 0 and 1) or, where `problemType` says so,
 * numbers.
 * Labels are sorted (numbers by value, else by code point) and numbered from 0. Texts that are also in the test part
 * are removed from the training part.
 * @throws where a file is missing, empty, not UTF-8, has a row without text or label, one class only or over 1000
 * @example
 * const data = await loadDataset('reviews.csv', { text: 'review', label: 'stars', seed: 1 })
 */
export async function loadDataset(source: string, options: LoadDatasetOptions): Promise<Dataset> {
  checkNames('data', options, { ...READING, test: true, seed: true, testShare: true, reviews: true })
  const { testShare = 0.2, seed, reviews } = options
  if (!(testShare > 0 && testShare < 1))
    throw new Error(`data: testShare = ${testShare}, expected a share between 0 and 1, e.g. 0.2`)
  if (source.startsWith('builtin:')) checkBuiltin(source, options)
  const builtin = await loadBuiltin(source, { seed, ...(reviews !== undefined && { reviews }) })
  if (builtin) return builtin

  const notes: string[] = []
  const read = parseFiles(await readFiles(source), options, notes)
  const { rows, problemType } = read
  // labels of a test file are what those of the data are
  const asked = { ...options, problemType }
  const testRead = options.test === undefined ? null : parseFiles(await readFiles(options.test), asked, notes)
  const labels = collectLabels(read, source)
  const areClasses = problemType === 'single_label_classification'
  if (areClasses && areNumbers(labels) && labels.some((label) => !Number.isInteger(Number(label))))
    notes.push(
      `${source}: labels are numbers with fractions, taken for ${labels.length} classes; problemType (--problem-type) regression takes them for numbers.`,
    )
  const unknown =
    (file: string) =>
    (line: number, label: string): Error =>
      new Error(
        `${file}: line ${line}: label '${label}' never occurs in ${source}; expected one of ${listLabels(labels)}`,
      )
  const all = numberRows(rows, labels)
  const parts = testRead
    ? { train: all, test: numberRows(testRead.rows, labels, unknown(options.test as string)) }
    : splitExamples(all, { seed, testShare, classes: labels.length })
  const dataset: Dataset = {
    name: source,
    labels,
    notes,
    problemType,
    test: parts.test,
    train: dropTestTexts(parts, notes, foldSpace),
  }
  checkParts(dataset, options.test ?? source)
  return dataset
}

/** What the number of a regression is called, as transformers calls an output without a name. */
const NUMBER_LABEL = 'LABEL_0'

function collectLabels(read: ReadRows, source: string): string[] {
  const { rows, problemType } = read
  if (problemType === 'regression') return [NUMBER_LABEL]
  const labels = labelsOf(read)
  if (labels.length > MAX_CLASSES)
    throw new Error(
      `${source}: the label column has ${labels.length} different values, expected at most ${MAX_CLASSES}; ` +
        'name the right column with the option label (--label)' +
        (areNumbers(labels) ? ', or take them for numbers: problemType (--problem-type) regression' : ''),
    )
  const least = problemType === 'multi_label_classification' ? 1 : 2
  if (labels.length < least)
    throw new Error(
      least === 1
        ? `${source}: none of the ${rows.length} rows has a label; name the right column with the option label (--label)`
        : `${source}: all ${rows.length} rows have the label '${labels[0]}'; expected at least two classes to tell apart; name the right column with the option label (--label)`,
    )
  return labels
}

function checkParts({ train, test, labels, problemType }: Dataset, testSource: string): void {
  const areClasses = problemType === 'single_label_classification'
  for (const [part, examples] of Object.entries({ training: train, test })) {
    const present = new Set(examples.map(({ label }) => label))
    if (examples.length > 0 && (!areClasses || present.size > 1)) continue
    const found = examples.length === 0 ? 'is empty' : `has only the label '${labels[[...present][0]]}'`
    const expected = areClasses ? `at least two of ${listLabels(labels)}` : 'at least one text in each part'
    throw new Error(`${testSource}: the ${part} part ${found}; expected rows of ${expected}`)
  }
}

function listLabels(labels: string[]): string {
  const shown = labels.slice(0, 10).map((label) => `'${label}'`)
  return shown.join(', ') + (labels.length > shown.length ? `, … (${labels.length})` : '')
}
