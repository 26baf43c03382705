// A model to train from nothing.

import type { EmbeddingTable } from '../../kernels/runtime/weights.ts'
import type { BertConfig } from '../model/config.ts'
import type { LinearLayer, ModelWeights, Norm } from '../model/weights.ts'
import { createRandom } from '../text/random.ts'

/** BERT's own: normal numbers of this deviation, cut at two deviations. */
const DEVIATION = 0.02

/**
 * A classifier with fresh weights: truncated normal (0.02) matrices and tables, zero biases, LayerNorm 1 and 0.
 *
 * @param config its `labels` name at least two classes
 * @param seed any whole number; every tensor draws from a stream of its own
 * @example
 * const model = initializeModel({ ...PRESETS.tiny, labels: ['no', 'yes'], recipe: '' }, 1)
 */
export function initializeModel(config: BertConfig, seed: number): ModelWeights {
  const { hiddenSize: C, intermediateSize: F, heads, labels } = config
  if (!(C % heads === 0)) throw new Error(`train: hidden size ${C} is no multiple of ${heads} heads`)
  if (labels.length < 2) throw new Error(`train: a classifier needs at least 2 labels, found ${labels.length}`)
  const draw = (name: string, length: number): Float32Array => {
    const random = createRandom(seed, `initialize ${name}`)
    const data = new Float32Array(length)
    for (let i = 0; i < length; i++) {
      let x = random.normal()
      while (Math.abs(x) > 2) x = random.normal()
      data[i] = x * DEVIATION
    }
    return data
  }
  const table = (name: string, rows: number): EmbeddingTable => ({
    kind: 'f32',
    rows,
    width: C,
    data: draw(name, rows * C),
  })
  const linear = (name: string, N: number, K: number): LinearLayer => ({
    weight: { kind: 'f32', N, K, data: draw(name, N * K) },
    bias: new Float32Array(N),
  })
  const norm = (): Norm => ({ gamma: new Float32Array(C).fill(1), beta: new Float32Array(C) })
  return {
    config: { ...config, labels: [...labels] },
    embeddings: {
      word: table('word', config.vocabSize),
      position: table('position', config.maxPositions),
      type: table('type', config.typeVocabSize),
      norm: norm(),
    },
    layers: Array.from({ length: config.layers }, (_, i) => ({
      query: linear(`${i} query`, C, C),
      key: linear(`${i} key`, C, C),
      value: linear(`${i} value`, C, C),
      attentionOutput: linear(`${i} attention`, C, C),
      attentionNorm: norm(),
      intermediate: linear(`${i} intermediate`, F, C),
      output: linear(`${i} output`, C, F),
      outputNorm: norm(),
      heads,
      headSize: C / heads,
    })),
    pooler: linear('pooler', C, C),
    classifier: linear('classifier', labels.length, C),
  }
}
