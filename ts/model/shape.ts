// A model without its numbers: which tensors it stores, of which types and shapes. Saving, loading and the byte ledger
// all read the same list, so the ledger adds up to the file by construction.
//
// Storage formats beside the plain Hugging Face `<stem>.weight` F32 [N, K]:
//   int8      .weight I8 [N, K], .weight.scales F32 [N]
//   csr       .weight.mask U8 [N, ceil(K / 8)], bit k % 8 of byte k / 8 set where W[n, k] is stored; .weight.values F32 [Z]
//   int8-1x4  .weight.mask U8 [N, ceil(K / 4 / 8)] over blocks, .weight.values I8 [Zb, 4], .weight.scales F32 [N]
//   nm        .weight.mask U8 [ceil(N / group), ceil(K / 8)] shared by a group of outputs, .weight.values F32 [N, K n / m]
//   mixed     .weight.basis F32 [P, N, K], .weight.mix F32 [P]: a dense f32 weight as a sum of P, which layers share
//   chain     the formats above under <stem>.factors.<i>.
// The activationScale of an int8 or int8-1x4 weight is in config.json: a JSON number gives an f32 back exactly.
// A mask costs K / 8 bytes a row whatever the density: below explicit u16 columns from 1 / 16 on, and it cannot name a
// column twice or out of order.

import type { EmbeddingTable, LeafWeight, LinearWeight } from '../../kernels/program/weights.ts'
import type { Dtype } from '../io/safetensors.ts'
import { dtypeBytes } from '../io/safetensors.ts'
import type { BertConfig, Preset } from './config.ts'
import { familyOf } from '../families/index.ts'
import { classifierStem, linearStem, normStem, poolerOf, rowsBeforePositions } from '../families/names.ts'
import {
  LAYER_LINEARS,
  linearsOf,
  mixtureOf,
  poolerStem,
  projectionStem,
  type LayerLinear,
  type LinearLayer,
  type LinearRole,
  type ModelWeights,
} from './weights.ts'

export type LeafShape = { N: number; K: number } & (
  | { kind: 'f32' }
  /** activationScale: calibrated scale of the inputs, where there is one */
  | { kind: 'int8'; activationScale?: number }
  /** nonZeros: stored values */
  | { kind: 'csr'; nonZeros: number }
  /** blocks: stored 1x4 blocks */
  | { kind: 'int8-1x4'; blocks: number; activationScale?: number }
  | { kind: 'nm'; n: number; m: number; group: number }
  /** only in files: in memory it is dense f32 */
  | { kind: 'mixed'; terms: number }
)

/** A leaf of a model that need not exist: which factors are one array, stored once, and whether zeros are whole blocks. */
export type PlannedLeaf = LeafShape & { shared?: string; isBlocked?: boolean }

export type LinearShape = LeafShape | { kind: 'chain'; N: number; K: number; factors: LeafShape[] }

export interface LinearLayerShape {
  weight: LinearShape
  bias: boolean
}

export interface TableShape {
  kind: EmbeddingTable['kind']
  rows: number
  width: number
}

export type LayerShape = Record<LayerLinear, LinearLayerShape> & { heads: number; headSize: number }

export interface ModelShape {
  config: BertConfig
  word: TableShape
  position: TableShape
  type: TableShape
  projection: LinearLayerShape | null
  /** table of attention's bias by distance [rows, heads] */
  distances: { rows: number; width: number } | null
  layers: LayerShape[]
  pooler: LinearLayerShape | null
  classifier: LinearLayerShape | null
}

export type TensorGroup =
  'word' | 'position' | 'type' | 'projection' | 'distances' | 'attention' | 'ffn' | 'norms' | 'pooler' | 'classifier'

export interface TensorSlot {
  name: string
  dtype: Dtype
  shape: number[]
  group: TensorGroup
  /** 'f32', 'int8', … of the weight this tensor belongs to; 'f32' for biases and norms */
  kind: string
  /** model parameters held here: scales, masks and offsets are none */
  params: number
}

const slotElements = (slot: TensorSlot): number => slot.shape.reduce((product, dim) => product * dim, 1)
/** Bytes of a tensor in the file. */
export const slotBytes = (slot: TensorSlot): number => slotElements(slot) * dtypeBytes(slot.dtype)

const leafShape = (weight: LeafWeight): LeafShape => {
  const { N, K } = weight
  switch (weight.kind) {
    case 'csr':
      return { kind: 'csr', N, K, nonZeros: weight.values.length }
    case 'int8':
      return { kind: 'int8', N, K, ...fixedScaleOf(weight) }
    case 'int8-1x4':
      return { kind: 'int8-1x4', N, K, blocks: weight.columns.length, ...fixedScaleOf(weight) }
    case 'nm':
      return { kind: 'nm', N, K, n: weight.n, m: weight.m, group: weight.group }
    case 'f32': {
      const mixture = mixtureOf(weight.data)
      return mixture ? { kind: 'mixed', N, K, terms: mixture.weights.length } : { kind: 'f32', N, K }
    }
  }
}

/** The calibrated scale of a weight's inputs as a property, or none: an int8 weight's alone of what is no tensor. */
export const fixedScaleOf = ({ activationScale }: { activationScale?: number }): { activationScale?: number } =>
  activationScale === undefined ? {} : { activationScale }

/** The shape of a weight. */
export const linearShape = (weight: LinearWeight): LinearShape =>
  weight.kind === 'chain'
    ? { kind: 'chain', N: weight.N, K: weight.K, factors: weight.factors.map(leafShape) }
    : leafShape(weight)

const layerShape = (linear: LinearLayer): LinearLayerShape => ({
  weight: linearShape(linear.weight),
  bias: linear.bias !== null,
})

const tableShape = ({ kind, rows, width }: EmbeddingTable): TableShape => ({ kind, rows, width })

/** The shape of a model. */
export function shapeOfModel(model: ModelWeights): ModelShape {
  const { word, position, type, projection } = model.embeddings
  const { heads } = model.config
  return {
    config: model.config,
    word: tableShape(word),
    position: tableShape(position),
    type: tableShape(type),
    projection: projection ? layerShape(projection) : null,
    distances: model.distances ? { rows: model.distances.length / heads, width: heads } : null,
    layers: model.layers.map((layer) => ({
      heads: layer.heads,
      headSize: layer.headSize,
      ...(Object.fromEntries(LAYER_LINEARS.map((role) => [role, layerShape(layer[role])])) as Record<
        LayerLinear,
        LinearLayerShape
      >),
    })),
    pooler: model.pooler && layerShape(model.pooler),
    classifier: model.classifier && layerShape(model.classifier),
  }
}

/** The plain f32 shape of a configuration, with a pooler, and a classifier where it has labels. */
export function shapeOfConfig(config: BertConfig): ModelShape {
  const { hiddenSize: C, intermediateSize: F, heads, embeddingSize: E = C, distanceBuckets } = config
  const family = familyOf(config)
  const linear = (N: number, K: number): LinearLayerShape => ({ weight: { kind: 'f32', N, K }, bias: true })
  const layer = (index: number): LayerShape => {
    const kept = heads - (config.prunedHeads?.[index]?.length ?? 0)
    const width = (kept * C) / heads
    return {
      heads: kept,
      headSize: C / heads,
      query: linear(width, C),
      key: linear(width, C),
      value: linear(width, C),
      attentionOutput: linear(C, width),
      intermediate: linear(F, C),
      output: linear(C, F),
    }
  }
  const hasClassifier = config.labels.length > 0
  return {
    config,
    word: { kind: 'f32', rows: config.vocabSize, width: E },
    position: { kind: 'f32', rows: config.maxPositions, width: E },
    type: { kind: 'f32', rows: config.typeVocabSize, width: E },
    projection: hasProjection(config) ? linear(C, E) : null,
    distances: distanceBuckets === undefined ? null : { rows: distanceBuckets, width: heads },
    layers: Array.from({ length: config.layerGroups ?? config.layers }, (_, i) => layer(i)),
    pooler: poolerOf(family, config, hasClassifier) && linear(C, C),
    classifier: hasClassifier ? linear(config.labels.length, C) : null,
  }
}

/** Whether a linear layer leads from the embedding tables to the hidden size. */
function hasProjection(config: BertConfig): boolean {
  const { projection } = familyOf(config).tensors
  const { hiddenSize, embeddingSize = hiddenSize } = config
  return projection !== undefined && (projection.isAlwaysThere || embeddingSize !== hiddenSize)
}

/** A preset as a two-class classifier's configuration. */
export function configOfPreset(preset: Preset, labels: string[] = ['negative', 'positive']): BertConfig {
  const { name: _, ...rest } = preset
  return { ...rest, labels, recipe: '' }
}

function* leafSlots(stem: string, weight: LeafShape, group: TensorGroup): Generator<TensorSlot> {
  const { N, K, kind } = weight
  const slot = (suffix: string, dtype: Dtype, shape: number[], params: number): TensorSlot => ({
    name: `${stem}.weight${suffix}`,
    dtype,
    shape,
    group,
    kind,
    params,
  })
  switch (weight.kind) {
    case 'f32':
      yield slot('', 'F32', [N, K], N * K)
      break
    case 'int8':
      yield slot('', 'I8', [N, K], N * K)
      yield slot('.scales', 'F32', [N], 0)
      break
    case 'csr':
      yield slot('.mask', 'U8', [N, Math.ceil(K / 8)], 0)
      yield slot('.values', 'F32', [weight.nonZeros], weight.nonZeros)
      break
    case 'int8-1x4':
      yield slot('.mask', 'U8', [N, Math.ceil(K / 32)], 0)
      yield slot('.values', 'I8', [weight.blocks, 4], weight.blocks * 4)
      yield slot('.scales', 'F32', [N], 0)
      break
    case 'mixed': {
      const { terms } = weight
      yield slot('.basis', 'F32', [terms, N, K], terms * N * K)
      yield slot('.mix', 'F32', [terms], terms)
      break
    }
    case 'nm': {
      const P = (K / weight.m) * weight.n
      yield slot('.mask', 'U8', [Math.ceil(N / weight.group), Math.ceil(K / 8)], 0)
      yield slot('.values', 'F32', [N, P], N * P)
    }
  }
}

function* linearSlots(stem: string, { weight, bias }: LinearLayerShape, group: TensorGroup): Generator<TensorSlot> {
  if (weight.kind === 'chain')
    for (const [i, factor] of weight.factors.entries()) yield* leafSlots(`${stem}.factors.${i}`, factor, group)
  else yield* leafSlots(stem, weight, group)
  if (bias) yield { name: `${stem}.bias`, dtype: 'F32', shape: [weight.N], group, kind: 'f32', params: weight.N }
}

function* tableSlots(name: string, { kind, rows, width }: TableShape, group: TensorGroup): Generator<TensorSlot> {
  const params = rows * width
  yield { name: `${name}.weight`, dtype: kind === 'f32' ? 'F32' : 'U8', shape: [rows, width], group, kind, params }
  if (kind === 'int8')
    for (const part of ['scales', 'offsets'])
      yield { name: `${name}.weight.${part}`, dtype: 'F32', shape: [rows], group, kind, params: 0 }
}

function* normSlots(stem: string, C: number): Generator<TensorSlot> {
  for (const part of ['weight', 'bias'])
    yield { name: `${stem}.${part}`, dtype: 'F32', shape: [C], group: 'norms', kind: 'f32', params: C }
}

/** Every tensor of a model file, under its family's name. Tables of no rows (an encoder by itself) are left out. */
export function* tensorSlots(shape: ModelShape): Generator<TensorSlot> {
  const C = shape.config.hiddenSize
  const family = familyOf(shape.config)
  const { tensors, distances } = family
  if (shape.word.rows > 0) {
    yield* tableSlots(tensors.word, shape.word, 'word')
    const rows = shape.position.rows + rowsBeforePositions(family, shape.config.paddingId)
    yield* tableSlots(tensors.position, { ...shape.position, rows }, 'position')
    if (tensors.type !== null) yield* tableSlots(tensors.type, shape.type, 'type')
    yield* normSlots(tensors.embeddingNorm, shape.word.width)
  }
  if (shape.projection) yield* linearSlots(projectionStem(shape), shape.projection, 'projection')
  if (shape.distances) {
    const { rows, width } = shape.distances
    const name = `${distances!.stem}.weight`
    yield { name, dtype: 'F32', shape: [rows, width], group: 'distances', kind: 'f32', params: rows * width }
  }
  for (const [i, layer] of shape.layers.entries()) {
    for (const role of LAYER_LINEARS) {
      const group = role === 'intermediate' || role === 'output' ? 'ffn' : 'attention'
      yield* linearSlots(linearStem(family, i, role), layer[role], group)
    }
    yield* normSlots(normStem(family, i, 'attention'), C)
    yield* normSlots(normStem(family, i, 'output'), C)
  }
  if (shape.pooler) yield* linearSlots(poolerStem(shape), shape.pooler, 'pooler')
  if (shape.classifier) yield* linearSlots(classifierStem(family, shape.config), shape.classifier, 'classifier')
}

/** Every linear layer of a shape with its tensor stem; `role` as in `linearLayers`. */
export const linearShapes = (
  shape: ModelShape,
): Generator<{ stem: string; layer: number | null; role: LinearRole; linear: LinearLayerShape }> =>
  linearsOf({ ...shape, projection: shape.projection ?? undefined })
