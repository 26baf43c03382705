// What is trained, and where it stands: all tensors but the word table in one vector, those that weight decay shrinks
// first. The word table is apart: a batch touches few of its rows.

export interface TrainShape {
  /** C; a multiple of 4 */
  hidden: number
  /** rows of the word, position and type tables */
  words: number
  positions: number
  types: number
  labels: number
  epsilon: number
  /** layers may differ: pruning takes heads and neurons where they matter least */
  layers: { heads: number; headSize: number; intermediate: number }[]
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
  /** by name: position, type, norm.gamma, layer.0.qkv.weight, ..., classifier.bias */
  places: Map<string, TensorPlace>
  /** elements that decay, from 0 on; a multiple of 16 */
  decaying: number
  /** elements in all; a multiple of 16 */
  length: number
}

const roundUp = (count: number): number => Math.ceil(count / 16) * 16

/** @throws where a size is not positive or the hidden size no multiple of 4 */
export function layoutOf(shape: TrainShape): Layout {
  const { hidden: C, layers, labels } = shape
  if (!(C > 0 && C % 4 === 0)) throw new Error(`train: hidden size ${C} is no multiple of 4; choose one that is`)
  if (!(labels >= 2)) throw new Error(`train: a classifier needs at least 2 labels, found ${labels}`)
  const places = new Map<string, TensorPlace>()
  let length = 0
  const add = (name: string, rows: number, columns: number): void => {
    if (!(rows > 0 && columns > 0))
      throw new Error(`train: tensor ${name} is [${rows}, ${columns}]; both must be positive`)
    places.set(name, { offset: length, rows, columns })
    length += rows * columns
  }
  add('position', shape.positions, C)
  add('type', shape.types, C)
  layers.forEach(({ heads, headSize, intermediate }, i) => {
    add(`layer.${i}.qkv.weight`, 3 * heads * headSize, C)
    add(`layer.${i}.attention.weight`, C, heads * headSize)
    add(`layer.${i}.intermediate.weight`, intermediate, C)
    add(`layer.${i}.output.weight`, C, intermediate)
  })
  add('pooler.weight', C, C)
  add('classifier.weight', labels, C)
  length = roundUp(length)
  const decaying = length
  const norm = (name: string): void => {
    add(`${name}.gamma`, 1, C)
    add(`${name}.beta`, 1, C)
  }
  norm('norm')
  layers.forEach(({ heads, headSize, intermediate }, i) => {
    add(`layer.${i}.qkv.bias`, 1, 3 * heads * headSize)
    add(`layer.${i}.attention.bias`, 1, C)
    norm(`layer.${i}.attentionNorm`)
    add(`layer.${i}.intermediate.bias`, 1, intermediate)
    add(`layer.${i}.output.bias`, 1, C)
    norm(`layer.${i}.outputNorm`)
  })
  add('pooler.bias', 1, C)
  add('classifier.bias', 1, labels)
  return { shape, places, decaying, length: roundUp(length) }
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
