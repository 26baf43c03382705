// A text classifier: a model with a classifier and a tokenizer, as files, in memory, or on a device.

import type { Device } from '../../kernels/program/device.ts'
import { loadModel, type LoadModelOptions } from '../model/load.ts'
import type { BertConfig } from '../model/config.ts'
import { scoresOf } from '../model/scores.ts'
import type { ModelWeights, StoredModel } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { runOn, type RunningModel } from './running-model.ts'
import { openTextModel, withPreparation, type TextModel, type TextModelOptions } from './text-model.ts'
import { openTokenizer } from './open-tokenizer.ts'

export interface Classifier {
  weights: ModelWeights
  tokenizer: Tokenizer
  /** of model.safetensors */
  fileBytes: number
}

export type ClassifierOptions = LoadModelOptions & Pick<TextModelOptions, 'preparation'>

/**
 * Reads a classifier with all of its weights.
 * @throws where the model has no classifier or no tokenizer, and as `loadModel`
 */
export async function loadClassifier(source: string, options: ClassifierOptions = {}): Promise<Classifier> {
  refusePreset(source)
  const { preparation = null, ...reading } = options
  const { tokenizerFiles, fileBytes, where, ...loaded } = await loadModel(source, reading)
  checkClassifier(source, loaded.weights)
  const weights = withPreparation(loaded.weights, preparation)
  return { weights, tokenizer: await openTokenizer(tokenizerFiles, weights.config, where), fileBytes }
}

/**
 * Opens a classifier that is only run: matrices and tables lie in its files until a device packs them, once.
 * @throws where the model has no classifier or no tokenizer, and as `openModel`
 */
export async function openClassifier(source: string, options: ClassifierOptions = {}): Promise<TextModel> {
  refusePreset(source)
  const model = await openTextModel(source, { ...options, readOnce: true })
  try {
    checkClassifier(source, model.weights)
    return model
  } catch (error) {
    await model.close()
    throw error
  }
}

/** Puts a classifier on a device, ready for its first texts, and lets go of its weights and files. */
export async function startClassifier(model: TextModel, device: Device): Promise<RunningModel> {
  const running = runOn(device, model)
  try {
    await running.session('logits')
    await running.releaseWeights()
    return running
  } catch (error) {
    await running.dispose()
    throw error
  }
}

function refusePreset(source: string): void {
  if (source.startsWith('preset:'))
    throw new Error(`${source} is a shape with random weights and no tokenizer; train a model first`)
}

function checkClassifier(source: string, { classifier }: StoredModel): void {
  if (!classifier) throw new Error(`${source} has no classifier; train one on it first`)
}

export interface LabelScore {
  label: string
  score: number
}

/**
 * Scores of each row of logits, best first: by softmax, by sigmoid where several labels may hold, or the numbers as they
 * are of a regression.
 * @param most of the labels; all if not given
 * @param toScores in place of what the model's configuration asks for
 */
export function rankLabels(
  config: BertConfig,
  logits: Float32Array,
  most = Infinity,
  toScores: (logits: Float32Array) => number[] = scoresOf(config),
): LabelScore[][] {
  const { labels } = config
  return Array.from({ length: logits.length / labels.length }, (_, row) => {
    const scores = toScores(logits.subarray(row * labels.length, (row + 1) * labels.length))
    return labels
      .map((label, n) => ({ label, score: scores[n] }))
      .sort((a, b) => b.score - a.score)
      .slice(0, most)
  })
}
