// What training computes of all that families and configurations can ask for.

import { familyOf } from '../families/index.ts'
import type { BertConfig } from '../model/config.ts'

/**
 * @throws where a model of this configuration would be trained as something that it is not; the message says what is missing
 */
export function checkTrainable(config: BertConfig): void {
  const { activation = 'gelu', hiddenSize, embeddingSize = hiddenSize, layerGroups, layers, problemType, task } = config
  const { head, modelTypes, tensors, distances } = familyOf(config)
  const refuse = (what: string): never => {
    throw new Error(`train: ${what}`)
  }
  if (task === 'token-classification') refuse('this model labels tokens; training knows one label per text')
  if (problemType === 'multi_label_classification')
    refuse('labels of this model do not exclude one another; training knows one label per text')
  if (problemType === 'regression') refuse('outputs of this model are numbers; training knows one label per text')
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
