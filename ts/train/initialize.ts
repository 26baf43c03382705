// A model to train from nothing.

import type { EmbeddingTable } from '../../kernels/program/weights.ts'
import { familyOf } from '../families/index.ts'
import { rowsBeforePositions } from '../families/names.ts'
import type { BertConfig } from '../model/config.ts'
import { shapeOfConfig } from '../model/shape.ts'
import type { LinearLayer, ModelWeights, Norm } from '../model/weights.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { checkTrainable, linkOf } from './trainable.ts'

/** BERT's own for tables: normal numbers of this deviation, cut at two deviations. */
const DEVIATION = 0.02
/** Longest wave of the positions' start, as a share of 2 pi tokens. */
const LONGEST_WAVE = 1000

/**
 * A classifier with fresh weights: truncated normal matrices of deviation 1 / sqrt(K) and word and type tables of 0.02,
 * positions that start as waves, zero biases, LayerNorm 1 and 0. BERT's 0.02 for matrices is meant for widths near 768
 * and long training: at C = 128 and a few thousand steps it costs several points of F1 (docs/perf-log.md).
 *
 * @param config its `labels` name at least two classes; one is enough where its problem type is another
 * @param seed any whole number; every tensor draws from another stream
 * @example
 * const model = initializeModel({ ...PRESETS.tiny, labels: ['no', 'yes'], recipe: '' }, 1)
 */
export function initializeModel(config: BertConfig, seed: number): ModelWeights {
  const { intermediateSize: F, hiddenSize: C, heads, labels } = config
  if (!(C % heads === 0)) throw new Error(`train: hidden size ${C} is no multiple of ${heads} heads`)
  linkOf(config)
  checkTrainable(config)
  const family = familyOf(config)
  const before = rowsBeforePositions(family, config.paddingId)
  const shape = shapeOfConfig(config)
  const { width: E } = shape.word
  const draw = (name: string, length: number, deviation = DEVIATION): Float32Array => {
    const random = createRandom(seed, `initialize ${name}`)
    const data = new Float32Array(length)
    for (let i = 0; i < length; i++) {
      let x = random.normal()
      while (Math.abs(x) > 2) x = random.normal()
      data[i] = x * deviation
    }
    return data
  }
  const tableOf = (rows: number, data: Float32Array): EmbeddingTable => ({ kind: 'f32', rows, width: E, data })
  const table = (name: string, rows: number): EmbeddingTable => tableOf(rows, draw(name, rows * E))
  const { typeVocabSize: types } = config
  const linear = (name: string, N: number, K: number): LinearLayer => ({
    weight: { kind: 'f32', N, K, data: draw(name, N * K, 1 / Math.sqrt(K)) },
    bias: new Float32Array(N),
  })
  const norm = (width = C): Norm => ({ gamma: new Float32Array(width).fill(1), beta: new Float32Array(width) })
  return {
    config: { ...config, labels: [...labels] },
    embeddings: {
      word: table('word', config.vocabSize),
      position: tableOf(config.maxPositions, waves(config.maxPositions, E)),
      // what files have no table for is zeros
      type: family.tensors.type === null ? tableOf(types, new Float32Array(types * E)) : table('type', types),
      norm: norm(E),
      ...(shape.projection && { projection: linear('projection', C, E) }),
      ...(before > 0 && { before: table('before', before) }),
    },
    ...(shape.distances && { distances: draw('distances', shape.distances.rows * shape.distances.width) }),
    layers: shape.layers.map((_, i) => ({
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

/** Sines and cosines of the position, as large as the words: neighbours look alike before anything is learned. */
function waves(rows: number, C: number): Float32Array {
  return Float32Array.from({ length: rows * C }, (_, i) => {
    const c = i % C
    const angle = Math.floor(i / C) * LONGEST_WAVE ** ((-2 * Math.floor(c / 2)) / C)
    return DEVIATION * (c % 2 === 0 ? Math.sin(angle) : Math.cos(angle))
  })
}
