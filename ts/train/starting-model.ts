// The model that a training or a study starts from, and its tokenizer.

import { findLabelOrder, matchLabels, type LabelOrder } from '../data/labels.ts'
import { textsOfRows } from '../data/examples.ts'
import type { PreparedData } from '../data/prepare.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { withPreparation } from '../inference/text-model.ts'
import { problemTypeOf, type BertConfig } from '../model/config.ts'
import { loadModel } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import { learnTokenizer } from '../text/learn-tokenizer.ts'
import type { TextPreparation } from '../text/preparation.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { filesOf } from '../text/tokenizer-files.ts'
import { shapeOfModel } from './convert.ts'
import { initializeModel } from './initialize.ts'
import { trainableCopy } from './trainable-copy.ts'

export interface StartOptions {
  /** 'scratch', 'preset:NAME', 'builtin:NAME', a folder or a hub id */
  model: string
  seed: number
  /** of the texts; null: as the model was trained, a new model without */
  preparation: TextPreparation | null
}

/** What a model from random weights is like. */
export interface NewModel {
  baseline: Pick<BertConfig, 'layers' | 'hiddenSize' | 'heads' | 'intermediateSize'>
  /** most tokens of a new vocabulary */
  vocabulary: number
  maxPositions: number
}

export interface StartingModel {
  weights: ModelWeights
  tokenizer: Tokenizer
  tokenizerFiles: Record<string, string>
  /** as it is, from random weights, or with a new classifier on given weights */
  training: 'none' | 'scratch' | 'fine-tune'
  words: string
  shape: string
  /** what was done to make it trainable, a sentence each */
  notes: string[]
  /** the model's labels, where it came with them; the data's are put into their order */
  labels: LabelOrder | null
}

/** Beyond this many parameters, training from random weights is no matter of minutes. */
const MAX_TRAINED_PRESET = 60e6

export const shapeWords = ({ config }: ModelWeights): string =>
  `${config.layers} layers, C = ${config.hiddenSize}, ${config.heads} heads, F = ${config.intermediateSize}, vocabulary ${config.vocabSize}`

export function modelConfig(
  size: NewModel['baseline'],
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

/** Those of the word table and of the encoder's matrices. */
const parametersOf = ({ embeddings, layers, config: { hiddenSize: C } }: ModelWeights): number =>
  embeddings.word.rows * C + layers.length * 12 * C ** 2

const newModel = (weights: ModelWeights, tokenizer: Tokenizer, words: string): StartingModel => ({
  weights,
  tokenizer,
  tokenizerFiles: filesOf(tokenizer),
  training: 'scratch',
  words,
  shape: shapeWords(weights),
  notes: [],
  labels: null,
})

/**
 * The model to start from; it is trained later where `training` says so.
 * @param forTraining true: a model may have a recipe, and where its labels are others it gets a new classifier; false, as a
 *   study needs it: both are refused. Of an encoder without a classifier, which is trained either way, neither is
 */
export async function prepareModel(
  options: StartOptions,
  size: NewModel,
  data: PreparedData,
  { forTraining = false } = {},
): Promise<StartingModel> {
  const { model: source, seed, preparation } = options
  const texts = textsOfRows(data.train)
  if (source === 'scratch') {
    const tokenizer = learnTokenizer(texts, size.vocabulary, preparation)
    const config = modelConfig(size.baseline, tokenizer, data.labels, size.maxPositions, preparation)
    const weights = initializeModel({ ...config, ...outputsOf(data) }, seed)
    return newModel(weights, tokenizer, 'trained from random weights')
  }
  const loaded = await loadModel(source, { seed, ...(source.startsWith('preset:') && { labels: data.labels }) })
  let weights = withPreparation(loaded.weights, preparation)
  if (source.startsWith('preset:')) weights = { ...weights, config: { ...weights.config, ...outputsOf(data) } }
  const isTrained = forTraining || !weights.classifier
  if (weights.config.recipe !== '' && !isTrained)
    throw new Error(
      `${source} is compressed already (${weights.config.recipe}); a study starts from an uncompressed model`,
    )
  if (source.startsWith('preset:')) {
    const tokenizer = learnTokenizer(texts, Math.min(size.vocabulary, weights.config.vocabSize), preparation)
    if (parametersOf(weights) <= MAX_TRAINED_PRESET)
      return newModel(weights, tokenizer, `${source} trained from random weights`)
    const words = `${source} with random weights, not trained: sizes and times are those of its shape, F1 says nothing`
    return { ...newModel(weights, tokenizer, words), training: 'none' }
  }
  const copy = isTrained ? trainableCopy(weights, source) : { model: weights, notes: [] }
  weights = copy.model
  const tokenizer = await openTokenizer(loaded.tokenizerFiles, weights.config, loaded.where)
  // labels of other names are another task to a training, a mistake to a study
  const labels = ordersOf(data, weights, source, forTraining ? findLabelOrder : matchLabels)
  const asIs = labels !== null
  const { task: _, problemType: __, ...config } = weights.config
  if (asIs) weights = { ...weights, config: { ...weights.config, ...outputsOf(data) } }
  else {
    // what the old classifier's outputs meant does not hold of the new one
    weights = { ...weights, config: { ...config, labels: data.labels, ...outputsOf(data) } }
    weights = { ...weights, ...newHead(weights, data, seed) }
  }
  return {
    weights,
    tokenizer,
    tokenizerFiles: loaded.tokenizerFiles,
    training: asIs ? 'none' : 'fine-tune',
    words: asIs ? `${source} as it is` : `${source} with a new classifier, fine-tuned`,
    shape: shapeWords(weights),
    notes: copy.notes,
    labels,
  }
}

/** problem_type of a model for the data; left out where labels compete, as config.json mostly does. */
const outputsOf = ({ problemType }: PreparedData): Pick<BertConfig, 'problemType'> =>
  problemType && problemType !== 'single_label_classification' ? { problemType } : {}

/** Which of the model's outputs each of the data's labels is; null where the model needs a new classifier. */
function ordersOf(
  data: PreparedData,
  { classifier, config }: ModelWeights,
  source: string,
  orderOf: typeof findLabelOrder,
): LabelOrder | null {
  const { problemType = 'single_label_classification' } = data
  if (classifier === null || config.task === 'token-classification' || problemTypeOf(config) !== problemType)
    return null
  const { labels } = config
  if (problemType === 'regression') return labels.length === 1 ? { labels, order: [0], note: '' } : null
  // sets of labels may lack one of them, classes may not
  if (problemType === 'multi_label_classification') return findLabelOrder(data.labels, labels, source)
  return labels.length === data.labels.length ? orderOf(data.labels, labels, source) : null
}

/**
 * A model to train further: dense f32 layers, uneven ones too, and chains of f32 factors; int8 and zeros become f32, and
 * `notes` say so. Steps that still hold stay on record, and where its labels are others than the data's it gets a new classifier.
 * @throws where it cannot be trained all the same
 */
export async function prepareTrainable(
  options: StartOptions,
  size: NewModel,
  data: PreparedData,
): Promise<StartingModel> {
  const start = await prepareModel(options, size, data, { forTraining: true })
  try {
    shapeOfModel(start.weights)
  } catch (error) {
    const { recipe } = start.weights.config
    throw new Error(
      `${options.model}${recipe && ` (${recipe})`} cannot be trained: ${(error as Error).message.replace(/^train: /, '')}`,
      { cause: error },
    )
  }
  return start
}

/** A pooler, where there is none, and a classifier with small random weights. */
function newHead(model: ModelWeights, data: PreparedData, seed: number): Pick<ModelWeights, 'pooler' | 'classifier'> {
  const C = model.config.hiddenSize
  const fresh = initializeModel(
    { ...model.config, layers: 1, vocabSize: 8, maxPositions: 8, intermediateSize: 8, labels: data.labels, recipe: '' },
    seed,
  )
  if (!fresh.classifier || fresh.classifier.weight.K !== C)
    throw new Error(`a classifier of ${C} inputs could not be made`)
  return { pooler: model.pooler ?? fresh.pooler, classifier: fresh.classifier }
}
