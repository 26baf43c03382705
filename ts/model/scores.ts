// Logits to scores.

import type { BertConfig } from './config.ts'

/**
 * What makes scores of a text's logits: outputs of a regression are numbers as they are; one output alone is a yes or no of
 * its own; several compete, unless the file says that more than one may hold.
 */
export const scoresOf = ({
  problemType,
  labels,
}: Pick<BertConfig, 'problemType' | 'labels'>): ((logits: Float32Array) => number[]) => {
  if (problemType === 'regression') return (logits) => [...logits]
  return problemType === 'multi_label_classification' || labels.length === 1 ? sigmoid : softmax
}

/** Shares of the classes of one text, by float64. */
export function softmax(logits: Float32Array): number[] {
  const largest = logits.reduce((most, x) => Math.max(most, x), -Infinity)
  const weights = [...logits].map((x) => Math.exp(x - largest))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((w) => w / sum)
}

const sigmoid = (logits: Float32Array): number[] => [...logits].map((x) => 1 / (1 + Math.exp(-x)))
