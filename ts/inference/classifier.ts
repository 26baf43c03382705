// A model folder as a text classifier: weights and tokenizer that fit each other.

import { loadModel, openModel, type LoadedModel, type LoadModelOptions, type OpenedModel } from '../model/load.ts'
import type { TextPreparation } from '../text/preparation.ts'
import type { ModelWeights, StoredModel } from '../model/weights.ts'
import { preparedTokenizer } from '../text/prepare.ts'
import { tokenizerFromJson, tokenizerFromVocabulary, type Tokenizer } from '../text/tokenizer.ts'

export interface Classifier {
  weights: ModelWeights
  tokenizer: Tokenizer
  /** of model.safetensors */
  fileBytes: number
}

/** A classifier that is only run: matrices and tables lie in its files until a device packs them. */
export interface OpenedClassifier extends Omit<Classifier, 'weights'> {
  weights: StoredModel
  /** Closes the files; what was not read until then cannot be. May be called again. */
  close(): Promise<void>
}

export type ClassifierOptions = LoadModelOptions & {
  /** of texts, in place of the model's own */
  preparation?: TextPreparation | null
}

function parseJson(text: string, name: string): object {
  try {
    return JSON.parse(text) as object
  } catch (error) {
    throw new Error(`${name} is not JSON (${(error as Error).message}); the file is damaged, fetch it again`, {
      cause: error,
    })
  }
}

/**
 * The tokenizer that came with a model, which prepares texts as the model's training did.
 * @throws where there is none, or it has ids that the word table lacks
 */
export function tokenizerOf({
  tokenizerFiles: files,
  where,
  weights,
}: Pick<OpenedModel, 'tokenizerFiles' | 'where' | 'weights'>): Tokenizer {
  let tokenizer: Tokenizer
  if (files['tokenizer.json']) {
    const config = files['tokenizer_config.json']
    tokenizer = tokenizerFromJson(
      parseJson(files['tokenizer.json'], `${where}: tokenizer.json`),
      config ? parseJson(config, `${where}: tokenizer_config.json`) : {},
    )
  } else if (files['vocab.txt']) {
    tokenizer = tokenizerFromVocabulary(files['vocab.txt'].split('\n'), { lowercase: weights.config.lowercase })
  } else {
    throw new Error(`${where} has neither tokenizer.json nor vocab.txt; put the model's tokenizer beside its weights`)
  }
  if (tokenizer.vocabSize > weights.embeddings.word.rows)
    throw new Error(
      `${where}: the tokenizer has ids up to ${tokenizer.vocabSize - 1}, the word table ${weights.embeddings.word.rows} rows; they belong to different models`,
    )
  return preparedTokenizer(tokenizer, weights.config.preparation)
}

/** The model with another preparation on record; null leaves its own, no steps take it away. */
export function withPreparation<M extends StoredModel>(model: M, preparation: TextPreparation | null): M {
  return preparation === null ? model : { ...model, config: { ...model.config, preparation } }
}

/**
 * Reads a classifier with all of its weights.
 * @throws where the model has no classifier or no tokenizer, and as `loadModel`
 */
export async function loadClassifier(source: string, options: ClassifierOptions = {}): Promise<Classifier> {
  return asClassifier(source, await loadModel(source, options), options)
}

/**
 * Opens a classifier to run it once: no weight may be read twice. Close it when a device has loaded it.
 * @throws where the model has no classifier or no tokenizer, and as `openModel`
 */
export async function openClassifier(source: string, options: ClassifierOptions = {}): Promise<OpenedClassifier> {
  const opened = await openModel(source, { ...options, readOnce: true })
  const { close } = opened
  try {
    return { ...asClassifier(source, opened, options), close }
  } catch (error) {
    await close()
    throw error
  }
}

function asClassifier<M extends StoredModel>(
  source: string,
  model: Omit<LoadedModel, 'weights'> & { weights: M },
  { preparation }: ClassifierOptions,
): { weights: M; tokenizer: Tokenizer; fileBytes: number } {
  if (source.startsWith('preset:'))
    throw new Error(
      `${source} is a shape with random weights and no tokenizer; train a model first (compact-kernels train)`,
    )
  if (!model.weights.classifier)
    throw new Error(
      `${source} has no classifier; train one on it with: compact-kernels train --model ${source} --data FILE --out DIR`,
    )
  const weights = withPreparation(model.weights, preparation ?? null)
  return { weights, tokenizer: tokenizerOf({ ...model, weights }), fileBytes: model.fileBytes }
}
