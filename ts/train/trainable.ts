// What training computes of all that families and configurations can ask for.

import type { Link } from '../../kernels/train/batch.ts'
import { familyOf } from '../families/index.ts'
import type { BertConfig } from '../model/config.ts'

/**
 * @throws where a model of this configuration would be trained as something that it is not; the message says what is missing
 */
export function checkTrainable(config: BertConfig): void {
  const { activation = 'gelu', hiddenSize, embeddingSize = hiddenSize, layerGroups, layers, task } = config
  const { head, modelTypes, tensors, distances } = familyOf(config)
  const refuse = (what: string): never => {
    throw new Error(`train: ${what}`)
  }
  if (task === 'token-classification') refuse('this model labels tokens; training knows one label per text')
  const ofFamily = (what: string): never =>
    refuse(
      `${what} of ${modelTypes[0]} models is not trained here; distil the model into another (distil), or compress it`,
    )
  if (tensors.projection?.isAlwaysThere || embeddingSize !== hiddenSize)
    ofFamily('the layer after the embedding tables')
  if (layerGroups !== undefined && layerGroups !== layers) ofFamily('a layer that is applied several times')
  if (distances) ofFamily("attention's bias by distance")
  if (activation !== 'gelu') refuse(`feed-forward layers with ${activation} are not trained here, those with gelu are`)
  if (head.dense.activation !== 'tanh') ofFamily(`the head with ${head.dense.activation}`)
}

/**
 * What a model's outputs are compared with, by its problem type.
 * @throws where it has one output and does not say what that is: transformers trains it as a number, reads it as a yes or no
 */
export function linkOf({ problemType, labels }: Pick<BertConfig, 'problemType' | 'labels'>): Link {
  if (problemType === 'regression') return 'identity'
  if (problemType === 'multi_label_classification') return 'sigmoid'
  if (labels.length >= 2) return 'softmax'
  throw new Error(
    `train: a classifier needs at least 2 labels, found ${labels.length}; for a number give it the problemType 'regression', for a yes or no 'multi_label_classification'`,
  )
}

/**
 * @throws where a text holds the padding token and its family's positions pass over it: training counts by index
 */
export function checkPadding({ paddingId }: BertConfig, sequences: readonly Int32Array[]): void {
  if (paddingId === undefined) return
  const text = sequences.findIndex((ids) => ids.includes(paddingId))
  if (text >= 0)
    throw new Error(
      `train: text ${text} holds the padding token (id ${paddingId}), whose position is another in training; leave it out of the text`,
    )
}
