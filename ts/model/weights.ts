// An encoder's weights in memory, in any storage format: what files hold, compression changes, training makes, and
// ts/model/bert.ts turns into a program.

import type { StoredTable, StoredWeight } from '../../kernels/program/stored-weights.ts'
import type { EmbeddingTable, LinearWeight } from '../../kernels/program/weights.ts'
import type { Activation } from '../../kernels/program/program.ts'
import { LAYER_LINEARS, type HeadLayer, type LayerLinear } from '../families/family.ts'
import { familyOf } from '../families/index.ts'
import { linearStem, poolerOf } from '../families/names.ts'
import type { BertConfig } from './config.ts'

export { LAYER_LINEARS, type LayerLinear } from '../families/family.ts'

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
  /** [C, C] on the first token's row, its activation by the family (BERT: tanh); null where the file has none */
  pooler: LinearLayer<W> | null
  /** [labels, C]; null for a bare encoder */
  classifier: LinearLayer<W> | null
}

/** A model whose matrices and tables may still be in its files only; every `ModelWeights` is one. */
export type StoredModel = ModelWeights<LinearWeight | StoredWeight, EmbeddingTable | StoredTable>

export type LinearRole = LayerLinear | 'pooler' | 'classifier'

/** Every linear layer with its tensor stem in the family's files, e.g. `bert.encoder.layer.0.attention.self.query`. */
export function* linearLayers(
  model: ModelWeights,
): Generator<{ stem: string; layer: number | null; role: LinearRole; linear: LinearLayer }> {
  yield* linearsOf(model)
}

/** As `linearLayers`, of anything that has a model's layers by their roles. */
export function* linearsOf<L>(model: {
  config: BertConfig
  layers: readonly Record<LayerLinear, L>[]
  pooler: L | null
  classifier: L | null
}): Generator<{ stem: string; layer: number | null; role: LinearRole; linear: L }> {
  const family = familyOf(model.config)
  const { pooler, classifier } = model
  for (const [i, layer] of model.layers.entries())
    for (const role of LAYER_LINEARS) yield { stem: linearStem(family, i, role), layer: i, role, linear: layer[role] }
  if (pooler) yield { stem: poolerStem(model), layer: null, role: 'pooler', linear: pooler }
  if (classifier) yield { stem: family.head.classifier, layer: null, role: 'classifier', linear: classifier }
}

interface WithHead {
  config: BertConfig
  classifier: unknown
}

/** @throws where the model has a pooler and its family's files have no place for one */
function headLayer({ config, classifier }: WithHead): HeadLayer {
  const family = familyOf(config)
  const place = poolerOf(family, classifier !== null)
  if (!place) throw new Error(`a ${family.modelTypes[0]} encoder without a classifier has no pooler; found one`)
  return place
}

/** Tensor stem of a model's pooler. */
export const poolerStem = (model: WithHead): string => headLayer(model).stem

/** What follows a model's pooler. */
export const poolerActivation = (model: WithHead): Activation => headLayer(model).activation

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

/** The array f32 [n] that a mixture gives (sums in f64). Files store the mixture in its place. */
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
