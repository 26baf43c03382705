// What is trained, and where it is stored: all tensors but the word table in one vector, those that weight decay shrinks
// first. The word table is apart: a batch touches few of its rows.

import type { TrainActivation } from './activations.ts'

/** Linear layers of an encoder layer. */
export type Role = 'query' | 'key' | 'value' | 'attention' | 'intermediate' | 'output'

export interface LayerShape {
  heads: number
  headSize: number
  intermediate: number
  /** linear layers that are chains: indices into `factors`, in the order in which they are applied; the others are dense */
  chains?: Partial<Record<Role, number[]>>
}

/** A hidden state that a teacher's is compared with. */
export interface StateMatch {
  /** 0: what the embeddings give, i: what the i-th layer gives, as they are applied */
  layer: number
  /** C of the teacher; a multiple of 4 */
  width: number
  /** compared after a learned projection `match.<j>.weight` [width, C]; else as it is, and width is C */
  isProjected: boolean
}

/** Vectors of texts, which are compared with a teacher's: means of the last state over a text's tokens. */
export interface VectorMatch {
  /** C of the teacher; a multiple of 4 */
  width: number
  /** compared after a learned projection `vectors.weight` [width, C]; else as they are, and width is C */
  isProjected: boolean
}

/** Which row of a table each distance has. */
export interface DistanceShape {
  buckets: number
  /** [2 * positions - 1], by key - query + positions - 1 */
  rowOf: Int32Array
}

export interface TrainShape {
  /** C; a multiple of 4 */
  hidden: number
  /** E, a multiple of 4: the tables are so wide, and a linear layer [C, E] follows. Not given: they are C wide, none follows */
  embedding?: number
  /** rows of the word, position and type tables; types 0: there is no such table, and every token is of type 0 */
  words: number
  positions: number
  types: number
  /** 0: there is no pooler and no classifier, the model gives states and vectors alone */
  labels: number
  epsilon: number
  /** of the feed-forward layers; gelu where not given */
  activation?: TrainActivation
  /** after the pooler; tanh where not given */
  poolerActivation?: TrainActivation
  /** layers may differ: pruning takes heads and neurons where they matter least */
  layers: LayerShape[]
  /** the layers in the order in which they are applied, by number; each once where not given */
  applied?: number[]
  /** a learned table [buckets, H] that attention adds to its scores; all layers have H heads then */
  distances?: DistanceShape
  /** factors of chains, [rows, columns] each; one may serve many chains */
  factors?: { rows: number; columns: number }[]
  /** of distillation by hidden states */
  matches?: StateMatch[]
  /** of distillation by vectors, which takes a model without labels */
  vectors?: VectorMatch
}

export interface TensorPlace {
  /** first element in the vector */
  offset: number
  /** [rows, columns] row-major; vectors have one row */
  rows: number
  columns: number
}

export interface Layout {
  shape: TrainShape
  /** by name: position, type, norm.gamma, layer.0.qkv.weight, ..., factor.0, ..., classifier.bias */
  places: Map<string, TensorPlace>
  /** elements that decay, from 0 on; a multiple of 16 */
  decaying: number
  /** elements in all; a multiple of 16 */
  length: number
}

/** A linear layer: y [M, N] = x [M, K] through its weights, and a bias. */
export interface Linear {
  /** its bias is `${stem}.bias` */
  stem: string
  /** tensors [N, K]: one, or the factors of a chain in the order in which they are applied */
  weights: string[]
  /** names what enters, of a layer that is applied several times all that does */
  input: string
  /** names what enters in one application: linear layers with the same share what their chains have in common */
  use: string
  N: number
  K: number
  isChain: boolean
}

const roundUp = (count: number): number => Math.ceil(count / 16) * 16

/** The layers in the order in which they are applied, by number. */
export const applicationsOf = ({ applied, layers }: TrainShape): number[] => applied ?? layers.map((_, i) => i)

/** E, or C where the tables are as wide as the layers. */
export const tableWidthOf = ({ embedding, hidden }: TrainShape): number => embedding ?? hidden

function linearOf(shape: TrainShape, layer: number, role: Role, application: number): Linear {
  const { hidden: C } = shape
  const { heads, headSize, intermediate: F, chains } = shape.layers[layer]
  const HD = heads * headSize
  const sizes = {
    query: [HD, C],
    key: [HD, C],
    value: [HD, C],
    attention: [C, HD],
    intermediate: [F, C],
    output: [C, F],
  }
  const stem = `layer.${layer}.${role}`
  const chain = chains?.[role]
  const [N, K] = sizes[role]
  const part = role === 'query' || role === 'key' || role === 'value' ? 'qkv' : role
  const [input, use] = [`layer.${layer}.${part}`, `${application}.${part}`]
  const weights = chain ? chain.map((factor) => `factor.${factor}`) : [`${stem}.weight`]
  return { stem, weights, input, use, N, K, isChain: chain !== undefined }
}

/**
 * What makes query, key and value of a layer: one linear layer of all three, `layer.0.qkv`, where all are dense, else
 * three.
 * @param application number in the order in which layers are applied, where the layer is used
 */
export function projectionsOf(shape: TrainShape, layer: number, application = layer): Linear[] {
  const parts = (['query', 'key', 'value'] as const).map((role) => linearOf(shape, layer, role, application))
  if (parts.some(({ isChain }) => isChain)) return parts
  const [{ input, use, N, K }] = parts
  return [{ stem: input, weights: [`${input}.weight`], input, use, N: 3 * N, K, isChain: false }]
}

/** The linear layers after attention; `application` as of `projectionsOf`. */
export function othersOf(
  shape: TrainShape,
  layer: number,
  application = layer,
): Record<'attention' | 'intermediate' | 'output', Linear> {
  return {
    attention: linearOf(shape, layer, 'attention', application),
    intermediate: linearOf(shape, layer, 'intermediate', application),
    output: linearOf(shape, layer, 'output', application),
  }
}

const denseOf = (stem: string, N: number, K: number): Linear => {
  return { stem, weights: [`${stem}.weight`], input: stem, use: stem, N, K, isChain: false }
}

/** The linear layer after the tables, where there is one. */
export const projectionOf = ({ embedding, hidden: C }: TrainShape): Linear | null =>
  embedding === undefined ? null : denseOf('projection', C, embedding)

/** What follows the first feed-forward product, and the pooler. */
export const activationsOf = ({ activation = 'gelu', poolerActivation = 'tanh' }: TrainShape) => ({
  activation,
  poolerActivation,
})

/** Pooler and classifier; null where there are no labels. */
export function headOf({ hidden: C, labels }: TrainShape): Record<'pooler' | 'classifier', Linear> | null {
  if (labels === 0) return null
  return { pooler: denseOf('pooler', C, C), classifier: denseOf('classifier', labels, C) }
}

/** Every linear layer, in the order of a forward pass. */
function linearsOf(shape: TrainShape): Linear[] {
  const ofLayers = shape.layers.flatMap((_, i) => {
    const { attention, intermediate, output } = othersOf(shape, i)
    return [...projectionsOf(shape, i), attention, intermediate, output]
  })
  const projection = projectionOf(shape)
  const head = headOf(shape)
  return [...(projection ? [projection] : []), ...ofLayers, ...(head ? [head.pooler, head.classifier] : [])]
}

/** @throws where sizes are not positive, do not meet, or the hidden size is no multiple of 4 */
export function layoutOf(shape: TrainShape): Layout {
  const { hidden: C, layers, labels, distances, factors = [] } = shape
  const E = tableWidthOf(shape)
  if (!(C > 0 && C % 4 === 0)) throw new Error(`train: hidden size ${C} is no multiple of 4; choose one that is`)
  if (!(E > 0 && E % 4 === 0)) throw new Error(`train: embedding size ${E} is no multiple of 4; choose one that is`)
  if (!(Number.isInteger(labels) && labels >= 0))
    throw new Error(`train: a classifier needs at least one label, an embedder has 0; found ${labels}`)
  const places = new Map<string, TensorPlace>()
  let length = 0
  const add = (name: string, rows: number, columns: number): void => {
    if (!(rows > 0 && columns > 0))
      throw new Error(`train: tensor ${name} is [${rows}, ${columns}]; both must be positive`)
    places.set(name, { offset: length, rows, columns })
    length += rows * columns
  }
  const linears = linearsOf(shape)
  add('position', shape.positions, E)
  if (shape.types > 0) add('type', shape.types, E)
  for (const { weights, N, K, isChain } of linears) if (!isChain) add(weights[0], N, K)
  factors.forEach(({ rows, columns }, f) => add(`factor.${f}`, rows, columns))
  checkChains(linears, places)
  shape.matches?.forEach((match, j) => {
    checkMatch(shape, match, j)
    if (match.isProjected) add(`match.${j}.weight`, match.width, C)
  })
  if (shape.vectors) {
    checkVectors(shape, shape.vectors)
    if (shape.vectors.isProjected) add('vectors.weight', shape.vectors.width, C)
  }
  length = roundUp(length)
  const decaying = length
  for (const { stem, N } of linears) add(`${stem}.bias`, 1, N)
  if (distances) add('distances', distances.buckets, checkDistances(shape, distances))
  const norm = (name: string, width = C): void => {
    add(`${name}.gamma`, 1, width)
    add(`${name}.beta`, 1, width)
  }
  norm('norm', E)
  layers.forEach((_, i) => {
    norm(`layer.${i}.attentionNorm`)
    norm(`layer.${i}.outputNorm`)
  })
  checkApplied(shape)
  return { shape, places, decaying, length: roundUp(length) }
}

/** Every layer is applied, since nothing else would write its gradients. */
function checkApplied({ applied, layers }: TrainShape): void {
  if (!applied) return
  const missing = layers.findIndex((_, layer) => !applied.includes(layer))
  if (missing >= 0 || !applied.every((layer) => layers[layer]))
    throw new Error(`train: layers ${applied.join(', ')} are applied; expected each of 0 to ${layers.length - 1}`)
}

/** @returns the heads of every layer */
function checkDistances({ layers, positions }: TrainShape, { buckets, rowOf }: DistanceShape): number {
  const { heads } = layers[0]
  if (layers.some((layer) => layer.heads !== heads))
    throw new Error('train: layers share a bias by distance, so all of them need the same number of heads')
  if (rowOf.length !== 2 * positions - 1 || !rowOf.every((row) => row >= 0 && row < buckets))
    throw new Error(
      `train: ${rowOf.length} distances have rows, expected ${2 * positions - 1}, with rows from 0 to ${buckets - 1}`,
    )
  return heads
}

/** Factors meet: [R, K], ..., [N, R]; and each serves a chain, since nothing else would write its gradient. */
function checkChains(linears: Linear[], places: Map<string, TensorPlace>): void {
  const used = new Set<string>()
  for (const { stem, weights, N, K } of linears) {
    let width = K
    for (const name of weights) {
      const place = places.get(name)
      if (place?.columns !== width)
        throw new Error(`train: ${name} of ${stem} takes ${place?.columns} inputs, what enters it has ${width}`)
      width = place.rows
      used.add(name)
    }
    if (width !== N) throw new Error(`train: the weights of ${stem} end in ${width} outputs, expected ${N}`)
  }
  for (const name of places.keys())
    if (name.startsWith('factor.') && !used.has(name)) throw new Error(`train: ${name} serves no linear layer`)
}

function checkMatch(shape: TrainShape, { layer, width, isProjected }: StateMatch, j: number): void {
  const { hidden: C } = shape
  const { length } = applicationsOf(shape)
  if (!(Number.isInteger(layer) && layer >= 0 && layer <= length))
    throw new Error(`train: match ${j} is of state ${layer}; there are 0 (embeddings) to ${length}`)
  if (!(width > 0 && width % 4 === 0)) throw new Error(`train: match ${j} has width ${width}, no multiple of 4`)
  if (!isProjected && width !== C)
    throw new Error(`train: match ${j} compares ${C} numbers with ${width} without a projection; ask for one`)
}

function checkVectors({ hidden: C, labels }: TrainShape, { width, isProjected }: VectorMatch): void {
  if (labels !== 0) throw new Error(`train: vectors are trained without a classifier, this model has ${labels} labels`)
  if (!(width > 0 && width % 4 === 0)) throw new Error(`train: vectors of ${width} numbers, no multiple of 4`)
  if (!isProjected && width !== C)
    throw new Error(`train: vectors of ${C} numbers are compared with ${width} without a projection; ask for one`)
}

/** @throws where there is no tensor of that name */
export function placeOf(layout: Layout, name: string): TensorPlace {
  const place = layout.places.get(name)
  if (!place) throw new Error(`train: there is no tensor ${name}`)
  return place
}

/** The part of a vector of `layout` that is tensor `name`, as a view. */
export function tensorOf<T extends Float32Array | Float64Array>(layout: Layout, vector: T, name: string): T {
  const { offset, rows, columns } = placeOf(layout, name)
  return vector.subarray(offset, offset + rows * columns) as T
}
