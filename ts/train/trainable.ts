// What training computes of all that families and configurations can ask for.

import type { Link } from '../../kernels/train/batch.ts'
import type { BertConfig } from '../model/config.ts'

/** @throws where a model of this configuration would be trained as something that it is not */
export function checkTrainable({ task }: BertConfig): void {
  if (task === 'token-classification')
    throw new Error('train: this model labels tokens; training knows labels and numbers of whole texts')
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
