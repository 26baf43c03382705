// Labelled texts for training and measuring: the built-in reviews, or the user's own file.

import { createRandom } from '../text/random.ts'
import { builtinReviews } from './reviews/reviews.ts'
import { parseFiles, type LabelledRow } from './dataset-rows.ts'

export interface Example {
  text: string
  /** index into `Dataset.labels` */
  label: number
}

export interface Dataset {
  /** where it is from, as given */
  name: string
  /** label names by id; of two, the second is the positive class */
  labels: string[]
  train: Example[]
  test: Example[]
  /** what was detected, left out or removed, a sentence each: for the log and the report */
  notes: string[]
}

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

export const BUILTIN_REVIEWS = 'builtin:reviews'
const MAX_CLASSES = 1000
// Above this a string cannot hold the file.
const MAX_FILE_BYTES = 512e6

/**
 * Loads a data set: `builtin:reviews`, or CSV, TSV, JSONL or JSON files (Node only), joined by commas, with a text and a
 * label per row; several files must have the same columns.
 * Labels are sorted (numbers by value, else by code point) and numbered from 0. Texts that also stand in the test part
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
        `data: ${BUILTIN_REVIEWS} has its own test part and columns; leave --test, --text and --label out`,
      )
    return builtinReviews({ seed, ...(count !== undefined && { count }) })
  }
  if (source.startsWith('builtin:')) throw new Error(`data: no data set '${source}'; there is ${BUILTIN_REVIEWS}`)

  const notes: string[] = []
  const rows = parseFiles(await readFiles(source), options, notes)
  const testRows = options.test === undefined ? null : parseFiles(await readFiles(options.test), options, notes)
  const labels = collectLabels(rows, source)
  const ids = new Map(labels.map((label, id) => [label, id]))
  const number = (list: LabelledRow[], file: string): Example[] =>
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

/**
 * Splits examples by class, so that both parts have the same shares of each; a class of two or more is in both.
 * Both parts come back in a shuffled order.
 */
export function splitExamples<E extends { label: number }>(
  examples: E[],
  options: { seed: number; testShare: number; classes: number },
): { train: E[]; test: E[] } {
  const random = createRandom(options.seed, 'split')
  const byClass: E[][] = Array.from({ length: options.classes }, () => [])
  for (const example of examples) byClass[example.label].push(example)
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

/** Texts that differ in white space alone are the same to any tokenizer. */
export const foldSpace = (text: string): string => text.replace(/\s+/g, ' ').trim()

/**
 * The training part without the texts that also stand in the test part; a note says how many there were.
 * @param fold texts are compared by what it makes of them
 * @param what the texts are, in the note
 */
export function dropTestTexts(
  parts: { train: Example[]; test: Example[] },
  notes: string[],
  fold: (text: string) => string,
  what = 'training texts',
): Example[] {
  const seen = new Set(parts.test.map(({ text }) => fold(text)))
  const train = parts.train.filter(({ text }) => !seen.has(fold(text)))
  const removed = parts.train.length - train.length
  if (removed > 0) notes.push(`${removed} of ${parts.train.length} ${what} also stand in the test part: removed.`)
  return train
}

function collectLabels(rows: LabelledRow[], source: string): string[] {
  const labels = [...new Set(rows.map(({ label }) => label))]
  if (labels.length > MAX_CLASSES)
    throw new Error(
      `${source}: the label column has ${labels.length} different values, expected at most ${MAX_CLASSES}; ` +
        'name the right column with --label',
    )
  if (labels.length < 2)
    throw new Error(
      `${source}: all ${rows.length} rows have the label '${labels[0]}'; expected at least two classes to tell apart`,
    )
  const areNumbers = labels.every((label) => label !== '' && Number.isFinite(Number(label)))
  return labels.sort((a, b) => (areNumbers ? Number(a) - Number(b) : 0) || (a < b ? -1 : a > b ? 1 : 0))
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

/**
 * The files that are named, joined by commas, with their text.
 * @throws where a name is empty, or a file is missing, too large or not UTF-8
 */
export async function readFiles(source: string): Promise<{ path: string; content: string }[]> {
  const paths = source.split(',').map((path) => path.trim())
  if (paths.includes('')) throw new Error(`data: '${source}' has an empty file name; expected files joined by commas`)
  return Promise.all(paths.map(async (path) => ({ path, content: await readText(path) })))
}

async function readText(path: string): Promise<string> {
  const { readFile, stat } = await import('node:fs/promises')
  let bytes: Uint8Array
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES)
      throw new Error(
        `it has ${(size / 1e6).toFixed(0)} MB, expected at most ${MAX_FILE_BYTES / 1e6}; take a sample of it`,
      )
    bytes = await readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const found = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw new Error(`${path}: not read: ${found}; expected a CSV, TSV, JSONL or JSON file, or ${BUILTIN_REVIEWS}`, {
      cause: error,
    })
  }
  return decodeUtf8(bytes, path)
}

/** @throws with the first line that is not UTF-8 and how to convert the file */
function decodeUtf8(bytes: Uint8Array, path: string): string {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    return decoder.decode(bytes)
  } catch {
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
      throw new Error(`${path}: it is UTF-16, expected UTF-8; convert it: iconv -f UTF-16 -t UTF-8`)
    let line = 1
    for (let start = 0; start < bytes.length; line++) {
      const found = bytes.indexOf(10, start)
      const end = found < 0 ? bytes.length : found
      try {
        decoder.decode(bytes.subarray(start, end))
      } catch {
        break
      }
      start = end + 1
    }
    throw new Error(
      `${path}: line ${line} is not UTF-8, the only encoding that is read; convert the file: ` +
        'iconv -f WINDOWS-1251 -t UTF-8, or whatever encoding it has',
    )
  }
}
