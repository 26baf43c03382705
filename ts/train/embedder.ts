// Training of a model whose vectors are what is wanted of it.

import type { ModelWeights } from '../model/weights.ts'
import { trainClassifier } from './loop.ts'
import type { TrainOptions, TrainResult } from './options.ts'
import type { Tokens } from './pieces.ts'

/** `teacherVectors` and what training of a classifier has, but for what is of labels and logits. */
export type EmbedderOptions = Omit<
  TrainOptions,
  'teacherVectors' | 'teacherLogits' | 'alpha' | 'temperature' | 'logitMse' | 'labelSmoothing' | 'validation'
> & {
  teacherVectors: NonNullable<TrainOptions['teacherVectors']>
  /** held out; `validationVectors` has their vectors */
  validation?: Tokens[]
}

/** The model as an embedder: what its vectors do not depend on is left out. */
export const withoutHead = (model: ModelWeights): ModelWeights => ({ ...model, pooler: null, classifier: null })

/**
 * Trains a copy of a model so that the mean of its last states over a text's tokens points where a teacher's vector of the text
 * does: the loss is the mean of 1 - cos. Teacher and student may cut texts into other words, and be of other widths. Result, masks,
 * checkpoints and hidden states as of `trainClassifier`; the model that is given back has no pooler and no classifier.
 *
 * @param texts token ids as the student cuts the texts
 * @throws where model, texts or options do not fit each other, or the loss stops being a number
 * @example
 * const { model } = await trainEmbedder(student, texts, { teacherVectors, epochs: 2, learningRate: 3e-4, dropout: 0 })
 */
export function trainEmbedder(model: ModelWeights, texts: Tokens[], options: EmbedderOptions): Promise<TrainResult> {
  const { validation, ...others } = options
  const unlabelled = (all: Tokens[]) => all.map((tokens) => ({ ...tokens, label: -1 }))
  return trainClassifier(withoutHead(model), unlabelled(texts), {
    ...others,
    ...(validation && { validation: unlabelled(validation) }),
  })
}
