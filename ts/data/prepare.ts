// The first stage: texts, their split, the model to start from and its tokenizer.

import { createHash } from 'node:crypto'
import { BUILTIN_REVIEWS, dropTestTexts, foldSpace, loadDataset } from './dataset.ts'
import { loadTexts } from './unlabelled.ts'
import { parseConfig } from '../model/config-json.ts'
import type { BertConfig, TextPreparation } from '../model/config.ts'
import { loadModel, openModelFiles } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import { preparedTokenizer, prepareText } from '../text/prepare.ts'
import { createRandom } from '../text/random.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { tokenizerFromVocabulary } from '../text/tokenizer.ts'
import { learnVocabulary } from '../text/vocabulary.ts'
import { initializeModel } from '../train/initialize.ts'
import { tokenizerOf, withPreparation } from '../inference/classifier.ts'
import { findLabelOrder, matchLabels, type LabelOrder } from '../evaluation/labels.ts'
import { loadRows } from './rows.ts'
import type { Scale, StudySettings } from '../study/settings.ts'

export interface LabelledText {
  text: string
  label: number
}

export interface StudyData {
  source: string
  name: string
  labels: string[]
  train: LabelledText[]
  /** taken from the training texts: ranks are chosen on it, so that the test decides nothing */
  validation: LabelledText[]
  test: LabelledText[]
  /** texts on which a teacher alone decides; none of them is in the parts above */
  unlabelled: string[]
  hash: string
  notes: string[]
}

export interface StartingModel {
  weights: ModelWeights
  tokenizer: Tokenizer
  tokenizerFiles: Record<string, string>
  /** as it is, from random weights, or with a new classifier on given weights */
  training: 'none' | 'scratch' | 'fine-tune'
  words: string
  shape: string
  /** the model's labels, where it came with them; the data's are put into their order */
  labels: LabelOrder | null
}

/** Beyond this many parameters, training from random weights is no matter of minutes. */
const MAX_TRAINED_PRESET = 60e6
const VALIDATION_SHARE = 0.1
const MAX_VALIDATION = 600

/**
 * Loads and splits the data: training, validation (a tenth of the training rows) and test. Texts stay as they are:
 * the tokenizer prepares them. Those that are the same as a test text once prepared are no training texts.
 */
export async function prepareData(settings: StudySettings, scale: Scale): Promise<StudyData> {
  const { data, seed } = settings
  const preparation = settings.preparation ?? (await ownPreparation(settings.model))
  // the built-in reviews have columns of their own: names are for the other files then
  const isForOthers = data === BUILTIN_REVIEWS && (settings.validation !== null || settings.unlabelled !== null)
  const dataset = await loadDataset(data, {
    ...(settings.test !== null && { test: settings.test }),
    ...(settings.text !== null && !isForOthers && { text: settings.text }),
    ...(settings.label !== null && !isForOthers && { label: settings.label }),
    seed,
    testShare: 0.2,
    reviews: scale.reviews,
  })
  const notes = [...dataset.notes]
  const hash = createHash('sha256').update(`${JSON.stringify(dataset.labels)}\n`)
  for (const part of [dataset.train, dataset.test])
    for (const { text, label } of part) hash.update(`${label}\t${text}\n`)
  const fold = (text: string): string => foldSpace(preparation ? prepareText(text, preparation) : text)
  const apart = dropTestTexts(dataset, notes, fold)
  const emptied = [...apart, ...dataset.test].filter(({ text }) => fold(text) === '').length
  if (emptied > 0) notes.push(`${emptied} texts have nothing left once prepared`)
  const rows = settings.validation === null ? null : await loadValidation(settings.validation, settings, dataset.labels)
  const given = rows && dropTestTexts({ train: rows, test: dataset.test }, notes, fold, 'texts to choose by')
  // rows to choose by must be new to the model, as the test rows are
  const kept = given ? dropTestTexts({ train: apart, test: given }, [], fold) : apart
  const shuffled = createRandom(seed, 'study split').shuffle([...kept])
  const held = given ? 0 : Math.min(MAX_VALIDATION, Math.round(shuffled.length * VALIDATION_SHARE))
  const validation = given ?? shuffled.slice(0, held)
  for (const { text, label } of given ?? []) hash.update(`${label}\t${text}\n`)
  let train = shuffled.slice(held)
  let test = dataset.test
  if (train.length > scale.maxTrain) {
    notes.push(`${train.length} training texts, ${scale.maxTrain} of them taken at random to stay inside the time`)
    train = train.slice(0, scale.maxTrain)
  }
  if (test.length > scale.maxTest) {
    notes.push(`${test.length} test texts, ${scale.maxTest} of them taken at random to stay inside the time`)
    test = createRandom(seed, 'study test')
      .shuffle([...test])
      .slice(0, scale.maxTest)
  }
  const present = new Set(train.map((row) => row.label))
  if (present.size < 2)
    throw new Error(
      `${data}: the ${train.length} training rows are all of one class ('${dataset.labels[train[0]?.label] ?? '?'}'), expected at least two; give --label the right column, or more rows`,
    )
  if (test.length === 0 || validation.length === 0)
    throw new Error(
      `${data}: ${dataset.train.length} training and ${test.length} test rows are too few to split; expected at least 20`,
    )
  const unlabelled =
    settings.unlabelled === null
      ? []
      : await loadUnlabelled(settings.unlabelled, settings.text, [dataset.test, shuffled, validation], fold, notes)
  for (const text of unlabelled) hash.update(`\t${text}\n`)
  return {
    source: data,
    name: dataset.name,
    labels: dataset.labels,
    train,
    validation,
    test,
    unlabelled,
    hash: hash.digest('hex').slice(0, 16),
    notes,
  }
}

/** How a model prepares texts: that alone decides which of them are the same to it. */
async function ownPreparation(source: string): Promise<TextPreparation | null> {
  if (source === 'scratch' || source.startsWith('preset:')) return null
  const files = await openModelFiles(source)
  const config = await files.text('config.json')
  // what is wrong with the folder is said where it is opened
  return config === null ? null : (parseConfig(config, `${files.where}: config.json`).shape.config.preparation ?? null)
}

/** Rows of their own file, their labels numbered as the data's. */
async function loadValidation(source: string, settings: StudySettings, labels: string[]): Promise<LabelledText[]> {
  const { text, label, seed } = settings
  const found = await loadRows(source, { seed, ...(text && { text }), ...(label && { label }) })
  const numbers = found.labels.map((name) => labels.indexOf(name))
  if (numbers.includes(-1))
    throw new Error(
      `--validation ${source}: has the label '${found.labels[numbers.indexOf(-1)]}', the training rows have ${labels.join(', ')}; give rows of the same labels`,
    )
  return found.rows.map((row) => ({ text: row.text, label: numbers[row.label] }))
}

/** Texts without a label that stand in none of the `parts`. */
async function loadUnlabelled(
  source: string,
  column: string | null,
  parts: LabelledText[][],
  fold: (text: string) => string,
  notes: string[],
): Promise<string[]> {
  const found = await loadTexts(source, column ?? undefined, notes)
  const seen = new Set(parts.flat().map(({ text }) => fold(text)))
  const texts = found.filter((text) => !seen.has(fold(text)))
  if (texts.length < found.length)
    notes.push(`${source}: ${found.length - texts.length} texts also stand in the data: left out`)
  notes.push(`${texts.length} texts without a label: the teacher alone says what they are`)
  return texts
}

/** Learns a WordPiece vocabulary from the training texts as `preparation` makes them; the tokenizer prepares likewise. */
export function learnTokenizer(train: LabelledText[], size: number, preparation: TextPreparation | null): Tokenizer {
  const lines = learnVocabulary(
    train.map(({ text }) => (preparation ? prepareText(text, preparation) : text)),
    size,
    { lowercase: true },
  )
  return preparedTokenizer(tokenizerFromVocabulary(lines, { lowercase: true }), preparation ?? undefined)
}

/** A tokenizer's files as a record: what `saveModel` takes. */
export const filesOf = (tokenizer: Tokenizer): Record<string, string> =>
  Object.fromEntries(tokenizer.files().map(({ name, content }) => [name, content]))

export const shapeWords = ({ config }: ModelWeights): string =>
  `${config.layers} layers, C = ${config.hiddenSize}, ${config.heads} heads, F = ${config.intermediateSize}, vocabulary ${config.vocabSize}`

export function modelConfig(
  size: Scale['baseline'],
  tokenizer: Tokenizer,
  labels: string[],
  maxPositions: number,
  preparation: TextPreparation | null,
): BertConfig {
  return {
    ...size,
    vocabSize: tokenizer.vocabSize,
    maxPositions,
    typeVocabSize: 2,
    layerNormEpsilon: 1e-12,
    labels,
    recipe: '',
    lowercase: tokenizer.lowercase,
    ...(preparation?.steps.length && { preparation }),
  }
}

/**
 * The model that the study starts from; trained later where `training` says so.
 * @param forTraining true: a model may have a recipe, and where its labels are others it gets a new classifier; a study
 *   refuses both
 */
export async function prepareModel(
  settings: StudySettings,
  scale: Scale,
  data: StudyData,
  { forTraining = false } = {},
): Promise<StartingModel> {
  const { model: source, seed, preparation } = settings
  if (source === 'scratch') {
    const tokenizer = learnTokenizer(data.train, scale.vocabulary, preparation)
    const config = modelConfig(scale.baseline, tokenizer, data.labels, scale.maxPositions, preparation)
    const weights = initializeModel(config, seed)
    return {
      weights,
      tokenizer,
      tokenizerFiles: filesOf(tokenizer),
      training: 'scratch',
      words: 'trained from random weights',
      shape: shapeWords(weights),
      labels: null,
    }
  }
  const loaded = await loadModel(source, { seed, ...(source.startsWith('preset:') && { labels: data.labels }) })
  let weights = withPreparation(loaded.weights, preparation)
  if (weights.config.recipe !== '' && !forTraining)
    throw new Error(
      `${source} is compressed already (${weights.config.recipe}); a study starts from an uncompressed model`,
    )
  if (source.startsWith('preset:')) {
    const tokenizer = learnTokenizer(data.train, Math.min(scale.vocabulary, weights.config.vocabSize), preparation)
    const params =
      weights.embeddings.word.rows * weights.config.hiddenSize +
      weights.layers.length * 12 * weights.config.hiddenSize ** 2
    const trained = params <= MAX_TRAINED_PRESET
    return {
      weights,
      tokenizer,
      tokenizerFiles: filesOf(tokenizer),
      training: trained ? 'scratch' : 'none',
      words: trained
        ? `${source} trained from random weights`
        : `${source} with random weights, not trained: sizes and times are those of its shape, F1 says nothing`,
      shape: shapeWords(weights),
      labels: null,
    }
  }
  const tokenizer = tokenizerOf({ ...loaded, weights })
  const isLike = weights.classifier !== null && weights.config.labels.length === data.labels.length
  // labels of other names are another task to a training, a mistake to a study
  const orderOf = forTraining ? findLabelOrder : matchLabels
  const labels = isLike ? orderOf(data.labels, weights.config.labels, source) : null
  const asIs = labels !== null
  if (!asIs)
    weights = { ...weights, ...newHead(weights, data.labels, seed), config: { ...weights.config, labels: data.labels } }
  return {
    weights,
    tokenizer,
    tokenizerFiles: loaded.tokenizerFiles,
    training: asIs ? 'none' : 'fine-tune',
    words: asIs ? `${source} as it is` : `${source} with a new classifier, fine-tuned`,
    shape: shapeWords(weights),
    labels,
  }
}

/** Puts the data's labels into the model's order. */
export function applyLabelOrder(data: StudyData, { labels, order, note }: LabelOrder): void {
  for (const part of [data.train, data.validation, data.test])
    part.forEach((row, i) => (part[i] = { ...row, label: order[row.label] }))
  data.labels = labels
  if (note) data.notes.push(note)
}

/** A pooler, where there is none, and a classifier with small random weights. */
function newHead(model: ModelWeights, labels: string[], seed: number): Pick<ModelWeights, 'pooler' | 'classifier'> {
  const C = model.config.hiddenSize
  const fresh = initializeModel(
    { ...model.config, layers: 1, vocabSize: 8, maxPositions: 8, intermediateSize: 8, labels, recipe: '' },
    seed,
  )
  if (!fresh.classifier || fresh.classifier.weight.K !== C)
    throw new Error(`a classifier of ${C} inputs could not be made`)
  return { pooler: model.pooler ?? fresh.pooler, classifier: fresh.classifier }
}
