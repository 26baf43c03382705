// From a model's weights to the trainer's vectors, and back. Factors of chains that are one array are one tensor.

import type { DenseWeight, EmbeddingTable, LinearWeight } from '../../kernels/program/weights.ts'
import type { Activation } from '../../kernels/program/program.ts'
import type { TrainActivation } from '../../kernels/train/activations.ts'
import {
  placeOf,
  projectionsOf,
  tensorOf,
  type DistanceShape,
  type Layout,
  type Role,
  type TrainShape,
} from '../../kernels/train/layout.ts'
import type { Parameters } from '../../kernels/train/session.ts'
import { familyOf } from '../families/index.ts'
import {
  appliedLayers,
  LAYER_LINEARS,
  linearLayers,
  poolerActivation,
  type LayerLinear,
  type LinearLayer,
  type ModelWeights,
  type Norm,
} from '../model/weights.ts'
import { checkTrainable } from './trainable.ts'

/** Where a linear layer is in the model. */
interface LinearPlace {
  /** what enters it, as TrainSession.inputStatistics names it */
  input: string
  /** tensor of its bias without `.bias`, and its first row there (dense query, key and value share one) */
  tensor: string
  row: number
  /** its weight, or the factors of its chain; each with the key of its masks, its tensor, and its first row there */
  parts: { key: string; weight: DenseWeight; tensor: string; row: number }[]
}

const TRAINED_ROLES: Record<LayerLinear, Role> = {
  query: 'query',
  key: 'key',
  value: 'value',
  attentionOutput: 'attention',
  intermediate: 'intermediate',
  output: 'output',
}

/** The one weight of a dense layer, the factors of a chain. @throws where one of them is not dense f32 */
function leavesOf(weight: LinearWeight, stem: string): DenseWeight[] {
  const leaves = weight.kind === 'chain' ? weight.factors : [weight]
  return leaves.map((leaf, i) => {
    if (leaf.kind === 'f32') return leaf
    const what = weight.kind === 'chain' ? `factor ${i} of ${stem}` : stem
    throw new Error(`train: ${what} is ${leaf.kind}, training needs f32; train first, compress afterwards`)
  })
}

/**
 * Arrays of all factors, each once, in the order of the model.
 * @throws where one array has two sizes, or is the weight of a dense layer and something else
 */
function factorsOf(model: ModelWeights): Map<Float32Array, DenseWeight> {
  const factors = new Map<Float32Array, DenseWeight>()
  const dense = new Set<Float32Array>()
  for (const { stem, linear } of linearLayers(model)) {
    for (const leaf of leavesOf(linear.weight, stem)) {
      const isFactor = linear.weight.kind === 'chain'
      if (dense.has(leaf.data) || (!isFactor && factors.has(leaf.data)))
        throw new Error(`train: ${stem} has its array from another layer; only factors of chains are shared: copy it`)
      const { N, K } = factors.get(leaf.data) ?? leaf
      if (N !== leaf.N || K !== leaf.K)
        throw new Error(
          `train: one array is a factor [${N}, ${K}] and, in ${stem}, [${leaf.N}, ${leaf.K}]; copy it for one of them`,
        )
      if (isFactor) factors.set(leaf.data, leaf)
      else dense.add(leaf.data)
    }
  }
  return factors
}

/**
 * Sizes of a model that can be trained.
 * Without a classifier there are no labels, and a pooler takes no part.
 * @throws where a weight or a factor of a chain is not dense f32, a bias is missing, or there is a classifier and no pooler
 */
export function shapeOfModel(model: ModelWeights): TrainShape {
  const { config, embeddings, pooler, classifier } = model
  checkTrainable(config)
  if (classifier && !pooler)
    throw new Error('train: the model has no pooler; give it one (initializeModel makes it and a classifier)')
  for (const { stem, layer, role, linear } of linearLayers(model)) {
    if (!classifier && role === 'pooler') continue
    leavesOf(linear.weight, stem)
    if (layer === null && linear.weight.kind === 'chain')
      throw new Error(`train: ${stem} is a chain; training takes chains in the encoder's layers, here a dense weight`)
    if (!linear.bias) throw new Error(`train: ${stem} has no bias; give it one of zeros`)
  }
  for (const [name, { kind }] of Object.entries({
    word: embeddings.word,
    position: embeddings.position,
    type: embeddings.type,
  }))
    if (kind !== 'f32')
      throw new Error(`train: the ${name} table is ${kind}, training needs f32; train first, compress afterwards`)
  return {
    hidden: config.hiddenSize,
    ...(embeddings.projection && { embedding: embeddings.word.width }),
    words: embeddings.word.rows,
    positions: embeddings.position.rows,
    types: hasTypes(model) ? embeddings.type.rows : 0,
    labels: classifier?.weight.N ?? 0,
    epsilon: config.layerNormEpsilon,
    activation: trained(config.activation ?? 'gelu'),
    poolerActivation: trained(poolerActivation(model)),
    ...layersOf(model),
    ...(model.distances && { distances: distancesOf(model) }),
  }
}

/** @throws where nothing follows a product that something has to follow */
function trained(activation: Activation): TrainActivation {
  if (activation === 'none') throw new Error("train: activation 'none' inside a model; expected a function that bends")
  return activation
}

/** A table that files of the family do not have is zeros as it was read, and stays so. */
const hasTypes = ({ config, embeddings: { type } }: ModelWeights): boolean =>
  familyOf(config).tensors.type !== null || f32Table(type).some((x) => x !== 0)

/** The stored layers with their chains, and how they are applied. */
function layersOf(model: ModelWeights): Pick<TrainShape, 'layers' | 'applied' | 'factors'> {
  const { config, layers } = model
  const factors = factorsOf(model)
  const indices = new Map([...factors.keys()].map((data, f) => [data, f]))
  return {
    layers: layers.map((layer) => ({
      heads: layer.heads,
      headSize: layer.headSize,
      intermediate: layer.intermediate.weight.N,
      chains: Object.fromEntries(
        LAYER_LINEARS.filter((role) => layer[role].weight.kind === 'chain').map((role) => [
          TRAINED_ROLES[role],
          leavesOf(layer[role].weight, role).map(({ data }) => indices.get(data)!),
        ]),
      ),
    })),
    ...(config.layerGroups !== undefined && { applied: [...appliedLayers({ config, layers: [...layers.keys()] })] }),
    factors: [...factors.values()].map(({ N, K }) => ({ rows: N, columns: K })),
  }
}

function distancesOf({ config, embeddings }: ModelWeights): DistanceShape {
  const { rows: positions } = embeddings.position
  const buckets = config.distanceBuckets!
  const { bucketOf } = familyOf(config).distances!
  const rowOf = Int32Array.from({ length: 2 * positions - 1 }, (_, d) => bucketOf(d - (positions - 1), buckets))
  return { buckets, rowOf }
}

function placeOfRole(shape: TrainShape, layer: number, role: Role, N: number): Omit<LinearPlace, 'parts'> {
  const tensor = `layer.${layer}.${role}`
  const part = ['query', 'key', 'value'].indexOf(role)
  if (part < 0) return { input: tensor, tensor, row: 0 }
  const [{ input }, ...others] = projectionsOf(shape, layer)
  return others.length > 0 ? { input, tensor, row: 0 } : { input, tensor: input, row: part * N }
}

/** Every linear layer with its place. */
export function* linearPlaces(model: ModelWeights): Generator<LinearPlace & { stem: string; linear: LinearLayer }> {
  const shape = shapeOfModel(model)
  for (const { stem, layer, role, linear } of linearLayers(model)) {
    if (shape.labels === 0 && role === 'pooler') continue
    const leaves = leavesOf(linear.weight, stem)
    if (role === 'pooler' || role === 'classifier' || role === 'projection' || layer === null) {
      const parts = [{ key: stem, weight: leaves[0], tensor: `${role}.weight`, row: 0 }]
      yield { stem, linear, input: role, tensor: role, row: 0, parts }
      continue
    }
    const place = placeOfRole(shape, layer, TRAINED_ROLES[role], linear.weight.N)
    const chain = shape.layers[layer].chains?.[TRAINED_ROLES[role]]
    const parts = leaves.map((weight, i) =>
      chain
        ? { key: `${stem}.factors.${i}`, weight, tensor: `factor.${chain[i]}`, row: 0 }
        : { key: stem, weight, tensor: `${place.tensor}.weight`, row: place.row },
    )
    yield { stem, linear, ...place, parts }
  }
}

function* norms(model: ModelWeights): Generator<{ name: string; norm: Norm }> {
  yield { name: 'norm', norm: model.embeddings.norm }
  for (const [i, layer] of model.layers.entries()) {
    yield { name: `layer.${i}.attentionNorm`, norm: layer.attentionNorm }
    yield { name: `layer.${i}.outputNorm`, norm: layer.outputNorm }
  }
}

const f32Table = (table: EmbeddingTable): Float32Array => {
  if (table.kind !== 'f32') throw new Error(`train: a table is ${table.kind}, training needs f32`)
  return table.data
}

/** Calls `visit` with every tensor of the model, for each of its uses, and the part of `vector` that holds it. */
function visitTensors(
  model: ModelWeights,
  layout: Layout,
  vector: Float32Array,
  visit: (ofModel: Float32Array, ofVector: Float32Array) => void,
): void {
  visit(f32Table(model.embeddings.position), tensorOf(layout, vector, 'position'))
  if (layout.shape.types > 0) visit(f32Table(model.embeddings.type), tensorOf(layout, vector, 'type'))
  if (model.distances) visit(model.distances, tensorOf(layout, vector, 'distances'))
  for (const { linear, tensor, row, parts } of linearPlaces(model)) {
    for (const { weight, tensor, row } of parts)
      visit(weight.data, tensorOf(layout, vector, tensor).subarray(row * weight.K, (row + weight.N) * weight.K))
    visit(linear.bias!, tensorOf(layout, vector, `${tensor}.bias`).subarray(row, row + linear.weight.N))
  }
  for (const { name, norm } of norms(model)) {
    visit(norm.gamma, tensorOf(layout, vector, `${name}.gamma`))
    visit(norm.beta, tensorOf(layout, vector, `${name}.beta`))
  }
}

/** The model's numbers as the trainer keeps them. @throws where one of them is NaN or infinite */
export function parametersOf(model: ModelWeights, layout: Layout): Parameters {
  const rest = new Float32Array(layout.length)
  visitTensors(model, layout, rest, (ofModel, ofVector) => ofVector.set(ofModel))
  const words = f32Table(model.embeddings.word)
  if (!rest.every(Number.isFinite) || !words.every(Number.isFinite))
    throw new Error('train: the model holds NaN or infinite weights; start from one that is whole')
  return { words, rest }
}

/**
 * A model of the same structure with the trainer's numbers; `model` itself is left alone. Arrays that are one object there are one
 * here.
 */
export function modelOf(model: ModelWeights, layout: Layout, { words, rest }: Parameters): ModelWeights {
  const copy = structuredClone({ ...model, embeddings: { ...model.embeddings, word: null } })
  const word = { ...model.embeddings.word, kind: 'f32' as const, data: words }
  const trained: ModelWeights = { ...copy, embeddings: { ...copy.embeddings, word } }
  visitTensors(trained, layout, rest, (ofModel, ofVector) => ofModel.set(ofVector))
  return trained
}

/**
 * Where masks are in the trainer's vector, by tensor stem; of a chain by `${stem}.factors.0` and so on.
 * @throws where a stem is unknown or a mask has the wrong length
 */
export function placeMasks(
  model: ModelWeights,
  layout: Layout,
  masks: Record<string, Uint8Array>,
): { offset: number; mask: Uint8Array }[] {
  const byKey = new Map([...linearPlaces(model)].flatMap(({ parts }) => parts.map((part) => [part.key, part])))
  return Object.entries(masks).map(([key, mask]) => {
    const part = byKey.get(key)
    if (!part)
      throw new Error(`train: there is no linear layer ${key} to mask; there are ${[...byKey.keys()].join(', ')}`)
    const { N, K } = part.weight
    if (mask.length !== N * K)
      throw new Error(`train: the mask of ${key} has ${mask.length} elements, its weight is [${N}, ${K}]`)
    return { offset: placeOf(layout, part.tensor).offset + part.row * K, mask }
  })
}
