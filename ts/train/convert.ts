// From a model's weights to the trainer's vectors, and back.

import type { EmbeddingTable } from '../../kernels/runtime/weights.ts'
import { placeOf, tensorOf, type Layout, type TrainShape } from '../../kernels/train/layout.ts'
import type { Parameters } from '../../kernels/train/session.ts'
import { linearLayers, type LinearLayer, type ModelWeights, type Norm } from '../model/weights.ts'

/** Where a linear layer stands: the tensor that holds it, and its first row there (query, key and value share one). */
interface LinearPlace {
  tensor: string
  row: number
}

const PARTS = { attentionOutput: 'attention', intermediate: 'intermediate', output: 'output' } as const

/**
 * Sizes of a model that can be trained.
 * @throws where a weight is not dense f32, a bias is missing, or there is no pooler or classifier
 */
export function shapeOfModel(model: ModelWeights): TrainShape {
  const { config, embeddings, layers, pooler, classifier } = model
  if (!classifier || !pooler)
    throw new Error(
      `train: the model has no ${classifier ? 'pooler' : 'classifier'}; give it one (initializeModel makes both)`,
    )
  if (config.multiLabel)
    throw new Error('train: labels of this model do not exclude one another; training knows one label per text')
  for (const { stem, linear } of linearLayers(model)) {
    if (linear.weight.kind !== 'f32')
      throw new Error(`train: ${stem} is ${linear.weight.kind}, training needs f32; train first, compress afterwards`)
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
    words: embeddings.word.rows,
    positions: embeddings.position.rows,
    types: embeddings.type.rows,
    labels: classifier.weight.N,
    epsilon: config.layerNormEpsilon,
    layers: layers.map(({ heads, headSize, intermediate }) => ({
      heads,
      headSize,
      intermediate: intermediate.weight.N,
    })),
  }
}

/** Every linear layer with its place. */
export function* linearPlaces(model: ModelWeights): Generator<LinearPlace & { stem: string; linear: LinearLayer }> {
  for (const { stem, layer, role, linear } of linearLayers(model)) {
    if (role === 'pooler' || role === 'classifier') yield { stem, linear, tensor: role, row: 0 }
    else if (role === 'query' || role === 'key' || role === 'value') {
      const part = ['query', 'key', 'value'].indexOf(role)
      yield { stem, linear, tensor: `layer.${layer}.qkv`, row: part * linear.weight.N }
    } else yield { stem, linear, tensor: `layer.${layer}.${PARTS[role]}`, row: 0 }
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

/** Calls `visit` with every dense tensor of the model and the part of `vector` that holds it. */
function visitTensors(
  model: ModelWeights,
  layout: Layout,
  vector: Float32Array,
  visit: (ofModel: Float32Array, ofVector: Float32Array) => void,
): void {
  visit(f32Table(model.embeddings.position), tensorOf(layout, vector, 'position'))
  visit(f32Table(model.embeddings.type), tensorOf(layout, vector, 'type'))
  for (const { linear, tensor, row } of linearPlaces(model)) {
    const { weight, bias } = linear
    if (weight.kind !== 'f32' || !bias) throw new Error(`train: ${tensor} is no dense f32 layer with a bias`)
    const weights = tensorOf(layout, vector, `${tensor}.weight`)
    visit(weight.data, weights.subarray(row * weight.K, (row + weight.N) * weight.K))
    visit(bias, tensorOf(layout, vector, `${tensor}.bias`).subarray(row, row + weight.N))
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

/** A model of the same form with the trainer's numbers; `model` itself is left alone. */
export function modelOf(model: ModelWeights, layout: Layout, { words, rest }: Parameters): ModelWeights {
  const copy = structuredClone({ ...model, embeddings: { ...model.embeddings, word: null } })
  const word = { ...model.embeddings.word, kind: 'f32' as const, data: words }
  const trained: ModelWeights = { ...copy, embeddings: { ...copy.embeddings, word } }
  visitTensors(trained, layout, rest, (ofModel, ofVector) => ofModel.set(ofVector))
  return trained
}

/**
 * Where masks, by tensor stem, stand in the trainer's vector.
 * @throws where a stem is unknown or a mask has the wrong length
 */
export function placeMasks(
  model: ModelWeights,
  layout: Layout,
  masks: Record<string, Uint8Array>,
): { offset: number; mask: Uint8Array }[] {
  const byStem = new Map([...linearPlaces(model)].map((place) => [place.stem, place]))
  return Object.entries(masks).map(([stem, mask]) => {
    const place = byStem.get(stem)
    if (!place)
      throw new Error(`train: there is no linear layer ${stem} to mask; there are ${[...byStem.keys()].join(', ')}`)
    const { N, K } = place.linear.weight
    if (mask.length !== N * K)
      throw new Error(`train: the mask of ${stem} has ${mask.length} elements, its weight is [${N}, ${K}]`)
    return { offset: placeOf(layout, `${place.tensor}.weight`).offset + place.row * K, mask }
  })
}
