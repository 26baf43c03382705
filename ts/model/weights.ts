// An encoder's weights in memory, in any storage format: what files hold, compression changes, training makes, and
// ts/model/bert.ts turns into a program.

import type { StoredTable, StoredWeight } from '../../kernels/program/stored-weights.ts'
import type { EmbeddingTable, LinearWeight } from '../../kernels/program/weights.ts'
import type { Activation } from '../../kernels/program/program.ts'
import { LAYER_LINEARS, type HeadLayer, type LayerLinear } from '../families/family.ts'
import { familyOf } from '../families/index.ts'
import { classifierStem, linearStem, poolerOf } from '../families/names.ts'
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
  /** K = C, N = F; its activation is the configuration's */
  intermediate: LinearLayer<W>
  /** K = F, N = C */
  output: LinearLayer<W>
  outputNorm: Norm
  /** heads of this layer: pruning may leave layers of uneven width */
  heads: number
  headSize: number
}

export interface Embeddings<W = LinearWeight, T = EmbeddingTable> {
  /** tables [rows, E] */
  word: T
  position: T
  type: T
  /** [E] */
  norm: Norm
  /** [C, E], from the tables' width to the hidden size, in families that have it */
  projection?: LinearLayer<W>
  /** rows of the file's position table before the first token's, of which the last is the padding token's, where there are any */
  before?: EmbeddingTable
}

export interface ModelWeights<W = LinearWeight, T = EmbeddingTable> {
  config: BertConfig
  embeddings: Embeddings<W, T>
  /** f32 [buckets, H]: what attention adds to its scores by distance, in families that have such a table */
  distances?: Float32Array
  /** the stored layers; `appliedLayers` has them as often as they are applied */
  layers: EncoderLayer<W>[]
  /** [C, C] on the first token's row, its activation by the family (BERT: tanh); null where the head has none */
  pooler: LinearLayer<W> | null
  /** [labels, C]; null for a bare encoder */
  classifier: LinearLayer<W> | null
}

/** A model whose matrices and tables may still be in its files only; every `ModelWeights` is one. */
export type StoredModel = ModelWeights<LinearWeight | StoredWeight, EmbeddingTable | StoredTable>

/** The layers in the order in which they are applied: some families apply a stored layer several times in a row. */
export const appliedLayers = <L>({ config, layers }: { config: BertConfig; layers: readonly L[] }): readonly L[] =>
  config.layerGroups === undefined
    ? layers
    : Array.from({ length: config.layers }, (_, i) => layers[Math.floor(i / (config.layers / layers.length))])

export type LinearRole = LayerLinear | 'projection' | 'pooler' | 'classifier'

/** Every linear layer with its tensor stem in the family's files, e.g. `bert.encoder.layer.0.attention.self.query`. */
export function* linearLayers(
  model: ModelWeights,
): Generator<{ stem: string; layer: number | null; role: LinearRole; linear: LinearLayer }> {
  yield* linearsOf({ ...model, projection: model.embeddings.projection })
}

/** As `linearLayers`, of anything that has a model's layers by their roles. */
export function* linearsOf<L>(model: {
  config: BertConfig
  projection?: L
  layers: readonly Record<LayerLinear, L>[]
  pooler: L | null
  classifier: L | null
}): Generator<{ stem: string; layer: number | null; role: LinearRole; linear: L }> {
  const family = familyOf(model.config)
  const { projection, pooler, classifier } = model
  if (projection) yield { stem: projectionStem(model), layer: null, role: 'projection', linear: projection }
  for (const [i, layer] of model.layers.entries())
    for (const role of LAYER_LINEARS) yield { stem: linearStem(family, i, role), layer: i, role, linear: layer[role] }
  if (pooler) yield { stem: poolerStem(model), layer: null, role: 'pooler', linear: pooler }
  if (classifier)
    yield { stem: classifierStem(family, model.config), layer: null, role: 'classifier', linear: classifier }
}

interface WithHead {
  config: BertConfig
  classifier: unknown
}

/** @throws where the model has a pooler and its family's files have no place for one */
function headLayer({ config, classifier }: WithHead): HeadLayer {
  const family = familyOf(config)
  const place = poolerOf(family, config, classifier !== null)
  if (!place)
    throw new Error(
      `${family.modelTypes[0]}: ${classifier === null ? 'an encoder without a classifier' : 'a classifier of tokens'} has no pooler; found one`,
    )
  return place
}

/** Tensor stem of a model's projection. @throws where its family has none */
export function projectionStem({ config }: { config: BertConfig }): string {
  const { tensors, modelTypes } = familyOf(config)
  if (!tensors.projection)
    throw new Error(`${modelTypes[0]}: embedding tables have the hidden size; found a projection from another width`)
  return tensors.projection.stem
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
