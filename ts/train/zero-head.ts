// The trainer's layout ends in a pooler and a classifier. A model without a classifier runs on it with ones of zeros: they
// read the first token's row and add nothing to any gradient.

import type { ModelWeights } from '../model/weights.ts'

/** Softmax wants two. */
const LABELS = ['0', '1']

/** The model with a pooler and a classifier: its own, or zeros where it has none; all other arrays are the model's. */
export function withHead(model: ModelWeights): ModelWeights {
  if (model.classifier) return model
  const C = model.config.hiddenSize
  const zeros = (N: number) => ({
    weight: { kind: 'f32' as const, N, K: C, data: new Float32Array(N * C) },
    bias: new Float32Array(N),
  })
  return {
    ...model,
    config: { ...model.config, labels: LABELS },
    pooler: model.pooler ?? zeros(C),
    classifier: zeros(LABELS.length),
  }
}
