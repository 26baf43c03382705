// A BERT encoder's weights in memory, whatever their form: what files hold, compression changes, training makes, and
// ts/model/bert.ts turns into a program. Compression and the model meet only here.

import type { StoredTable, StoredWeight } from '../../kernels/program/stored-weights.ts'
import type { EmbeddingTable, LinearWeight } from '../../kernels/program/weights.ts'
import type { BertConfig } from './config.ts'

export interface LinearLayer<W = LinearWeight> {
  weight: W
  /** f32 [N] or none */
  bias: Float32Array | null
}

export interface Norm {
  /** f32 [C] */
  gamma: Float32Array
  /** f32 [C] */
  beta: Float32Array
}

export interface EncoderLayer<W = LinearWeight> {
  /** query, key, value: K = C, N = heads * headSize */
  query: LinearLayer<W>
  key: LinearLayer<W>
  value: LinearLayer<W>
  /** K = heads * headSize, N = C */
  attentionOutput: LinearLayer<W>
  attentionNorm: Norm
  /** K = C, N = F; its activation is gelu */
  intermediate: LinearLayer<W>
  /** K = F, N = C */
  output: LinearLayer<W>
  outputNorm: Norm
  /** heads of this layer: pruning may leave layers of uneven width */
  heads: number
  headSize: number
}

export interface ModelWeights<W = LinearWeight, T = EmbeddingTable> {
  config: BertConfig
  embeddings: { word: T; position: T; type: T; norm: Norm }
  layers: EncoderLayer<W>[]
  /** [C, C], tanh over the [CLS] row; null where the file has none */
  pooler: LinearLayer<W> | null
  /** [labels, C]; null for a bare encoder */
  classifier: LinearLayer<W> | null
}

/** A model whose matrices and tables may still lie in its files; every `ModelWeights` is one. */
export type StoredModel = ModelWeights<LinearWeight | StoredWeight, EmbeddingTable | StoredTable>

export const LAYER_LINEARS = ['query', 'key', 'value', 'attentionOutput', 'intermediate', 'output'] as const
export type LayerLinear = (typeof LAYER_LINEARS)[number]

/** Every linear layer with its Hugging Face tensor stem, e.g. `bert.encoder.layer.0.attention.self.query`. */
export function* linearLayers(
  model: ModelWeights,
): Generator<{ stem: string; layer: number | null; role: LayerLinear | 'pooler' | 'classifier'; linear: LinearLayer }> {
  for (let i = 0; i < model.layers.length; i++)
    for (const role of LAYER_LINEARS)
      yield { stem: `bert.encoder.layer.${i}.${LINEAR_STEMS[role]}`, layer: i, role, linear: model.layers[i][role] }
  if (model.pooler) yield { stem: 'bert.pooler.dense', layer: null, role: 'pooler', linear: model.pooler }
  if (model.classifier) yield { stem: 'classifier', layer: null, role: 'classifier', linear: model.classifier }
}

/** Where Hugging Face files keep each role inside `bert.encoder.layer.<i>.` */
export const LINEAR_STEMS: Record<LayerLinear, string> = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  attentionOutput: 'attention.output.dense',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
}

/** An array as a sum of common ones: data = sum over p of weights[p] * basis[p]. */
export interface Mixture {
  /** f32 [P, n]; the same object wherever the same basis is mixed */
  basis: Float32Array
  /** f32 [P] */
  weights: Float32Array
}

// By the array that was mixed: whatever makes a new array of it (training, quantization) has none, and weights are never
// changed in place.
const mixtures = new WeakMap<Float32Array, Mixture>()

/** The array f32 [n] that a mixture stands for (sums in f64). Files store the mixture in its place. */
export function mix(mixture: Mixture): Float32Array {
  const { basis, weights } = mixture
  const n = basis.length / weights.length
  const sum = new Float64Array(n)
  for (let p = 0; p < weights.length; p++) for (let i = 0; i < n; i++) sum[i] += weights[p] * basis[p * n + i]
  const data = Float32Array.from(sum)
  mixtures.set(data, mixture)
  return data
}

/** What `data` was mixed from. */
export const mixtureOf = (data: Float32Array): Mixture | undefined => mixtures.get(data)
