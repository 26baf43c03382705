// A task's texts, split into a training, a validation and a test part that share no text.

import { createHash } from 'node:crypto'
import { problemTypeOf, type BertConfig, type ProblemType } from '../model/config.ts'
import { readModelConfig } from '../model/load.ts'
import type { TextPreparation } from '../text/preparation.ts'
import { prepareText } from '../text/prepare.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { loadDataset } from './dataset.ts'
import type { RowReading } from './dataset-rows.ts'
import { dropTestTexts, foldRow, foldSpace, renumbered, type Dataset, type LabelledText } from './examples.ts'
import { loadRows } from './rows.ts'
import { loadTexts } from './unlabelled.ts'

/** Of data whose texts may be pairs and whose labels may be sets or numbers. */
export interface TaskOptions {
  /** column with the second text of a pair; detected where not given */
  textPair?: string | null
  /** what is between the labels of one cell, where a text may have several */
  labelSeparator?: string | null
  /** what labels are; what those of `model` are, or what the data show, where not given */
  problemType?: ProblemType | null
}

export interface PrepareOptions extends TaskOptions {
  /** file, files joined by commas, 'builtin:mail' or 'builtin:reviews' */
  data: string
  /** file with the test rows; without it one fifth of `data` */
  test?: string | null
  /** file with the rows to choose by, which are never trained on; without it the data set's own, or a tenth of the training rows */
  validation?: string | null
  /** file, or files joined by commas, of texts without a label */
  unlabelled?: string | null
  /** column with the text, column with the label; detected where not given */
  text?: string | null
  label?: string | null
  /** how the texts will be prepared, which decides which of them are the same; as `model` does where not given */
  preparation?: TextPreparation | null
  /** folder or hub id of the model that will read the texts; one that is yet to be made prepares nothing */
  model: string
  seed: number
}

export interface DataLimits {
  /** texts made by builtin:reviews; all that there are if not given */
  reviews?: number
  /** most training and test texts */
  maxTrain: number
  maxTest: number
}

export interface PreparedData {
  source: string
  name: string
  labels: string[]
  /** what labels are; single_label_classification where not given */
  problemType?: ProblemType
  train: LabelledText[]
  /** taken from the training texts: what is chosen is chosen on it, so that the test decides nothing */
  validation: LabelledText[]
  test: LabelledText[]
  /** texts on which a teacher alone decides; none of them is in the parts above */
  unlabelled: string[]
  hash: string
  notes: string[]
}

/** Held out where there is no test file. */
export const TEST_SHARE = 0.2
const VALIDATION_SHARE = 0.1
const MAX_VALIDATION = 600

/**
 * Loads and splits the data: training, validation (a tenth of the training rows) and test. Texts stay as they are:
 * the tokenizer prepares them. A training text that is the same as a test text once both are prepared is left out.
 * @throws as `loadDataset`; where the parts are too small, or the training part has one class only
 */
export async function prepareData(options: PrepareOptions, limits: DataLimits): Promise<PreparedData> {
  const { data, seed } = options
  const model = options.model === 'scratch' ? null : await readModelConfig(options.model)
  const preparation = options.preparation ?? model?.preparation ?? null
  const fold = (text: string): string => foldSpace(preparation ? prepareText(text, preparation) : text)
  const reading = readingOf(options, model)
  const dataset = await loadDataset(data, {
    ...(options.test && { test: options.test }),
    ...(areForOthers(options) ? {} : reading),
    seed,
    testShare: TEST_SHARE,
    reviews: limits.reviews,
  })
  const notes = [...dataset.notes]
  const hash = createHash('sha256').update(`${JSON.stringify(dataset.labels)}\n`)
  const addToHash = (rows: LabelledText[]): void => {
    for (const { text, text_pair: second, label, set, value } of rows)
      hash.update(`${value ?? set?.join(' ') ?? label}\t${text}${second === undefined ? '' : `\t${second}`}\n`)
  }
  addToHash(dataset.train)
  addToHash(dataset.test)
  const apart = dropTestTexts(dataset, notes, fold)
  const emptied = [...apart, ...dataset.test].filter(({ text }) => fold(text) === '').length
  if (emptied > 0) notes.push(`${emptied} texts have nothing left once prepared`)
  const own = dataset.validation ?? null
  const rows = options.validation ? await loadValidation(options.validation, { ...reading, seed }, dataset) : own
  const given = rows && dropTestTexts({ train: rows, test: dataset.test }, notes, fold, 'texts to choose by')
  // rows to choose by must be new to the model, as the test rows are
  const kept = given ? dropTestTexts({ train: apart, test: given }, [], fold) : apart
  const shuffled = createRandom(seed, 'study split').shuffle([...kept])
  const held = given ? 0 : Math.min(MAX_VALIDATION, Math.round(shuffled.length * VALIDATION_SHARE))
  const validation = given ?? shuffled.slice(0, held)
  if (given) addToHash(given)
  const train = limited(shuffled.slice(held), limits.maxTrain, 'training', notes, (all) => all)
  const test = limited(dataset.test, limits.maxTest, 'test', notes, (all) =>
    createRandom(seed, 'study test').shuffle([...all]),
  )
  checkParts(data, dataset, { train, validation, test })
  const parts = [dataset.test, shuffled, validation]
  const unlabelled = options.unlabelled
    ? await loadUnlabelled(options.unlabelled, options.text, parts, fold, notes)
    : []
  for (const text of unlabelled) hash.update(`\t${text}\n`)
  return {
    source: data,
    name: dataset.name,
    labels: dataset.labels,
    ...(dataset.problemType && { problemType: dataset.problemType }),
    train,
    validation,
    test,
    unlabelled,
    hash: hash.digest('hex').slice(0, 16),
    notes,
  }
}

/** Columns, and what labels are: as asked for, else as the model's outputs are. */
export function readingOf(
  options: Pick<PrepareOptions, 'text' | 'label' | keyof TaskOptions>,
  model: Pick<BertConfig, 'problemType' | 'labels'> | null,
): RowReading {
  const { text, textPair, label, labelSeparator } = options
  const own = model && model.labels.length > 0 ? problemTypeOf(model) : 'single_label_classification'
  // labels that compete need no word: the data show others
  const problemType = options.problemType ?? (own === 'single_label_classification' ? undefined : own)
  return {
    ...(text && { text }),
    ...(textPair && { textPair }),
    ...(label && { label }),
    ...(labelSeparator && { labelSeparator }),
    ...(problemType && { problemType }),
    ...(model && { modelLabels: model.labels }),
  }
}

/** Built-in data has fixed columns: beside other files, the names are for those. */
const areForOthers = ({ data, validation, unlabelled }: PrepareOptions): boolean =>
  data.startsWith('builtin:') && Boolean(validation ?? unlabelled)

/** At most `most` rows, the first of what `order` makes of them; a note says how many there were. */
function limited(
  rows: LabelledText[],
  most: number,
  part: string,
  notes: string[],
  order: (rows: LabelledText[]) => LabelledText[],
): LabelledText[] {
  if (rows.length <= most) return rows
  notes.push(`${rows.length} ${part} texts, ${most} of them taken at random to stay inside the time`)
  return order(rows).slice(0, most)
}

function checkParts(
  source: string,
  whole: Dataset,
  { train, validation, test }: Pick<PreparedData, 'train' | 'validation' | 'test'>,
): void {
  const present = new Set(train.map((row) => row.label))
  const areClasses = (whole.problemType ?? 'single_label_classification') === 'single_label_classification'
  if (areClasses && present.size < 2)
    throw new Error(
      `${source}: the ${train.length} training rows are all of one class ('${whole.labels[train[0]?.label] ?? '?'}'), expected at least two; name the right column of labels, or give more rows`,
    )
  if (test.length === 0 || validation.length === 0)
    throw new Error(
      `${source}: ${whole.train.length} training and ${whole.test.length} test rows are too few to split; expected at least 20`,
    )
}

/** Rows of a separate file, their labels numbered as the data's. */
async function loadValidation(
  source: string,
  reading: RowReading & { seed: number },
  { labels, problemType }: Dataset,
): Promise<LabelledText[]> {
  const found = await loadRows(source, { ...reading, ...(problemType && { problemType }) })
  const numbers = found.labels.map((name) => labels.indexOf(name))
  if (numbers.includes(-1))
    throw new Error(
      `${source}: has the label '${found.labels[numbers.indexOf(-1)]}', the training rows have ${labels.join(', ')}; give rows of the same labels`,
    )
  return found.rows.map((row) => renumbered(row, numbers))
}

/** Texts without a label that are in none of the `parts`. */
async function loadUnlabelled(
  source: string,
  column: string | null | undefined,
  parts: LabelledText[][],
  fold: (text: string) => string,
  notes: string[],
): Promise<string[]> {
  const found = await loadTexts(source, column ?? undefined, notes)
  const seen = new Set(parts.flat().map((row) => foldRow(row, fold)))
  const texts = found.filter((text) => !seen.has(fold(text)))
  if (texts.length < found.length)
    notes.push(`${source}: ${found.length - texts.length} texts are also in the data: left out`)
  notes.push(`${texts.length} texts without a label: the teacher alone says what they are`)
  return texts
}
