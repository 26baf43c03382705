// From any storage format back to plain f32 numbers, and the walk over a model's linear layers that every step shares.

import type { DenseWeight, LinearWeight } from '../../kernels/program/weights.ts'
import { familyOf } from '../families/index.ts'
import { linearStem } from '../families/names.ts'
import { denseLeaf } from '../model/dense.ts'
import { LAYER_LINEARS } from '../model/weights.ts'
import type { EncoderLayer, LayerLinear, LinearLayer, ModelWeights } from '../model/weights.ts'
import { multiply, view } from './linear-algebra.ts'

export { denseTable } from '../model/dense.ts'

/** What a compression step returns: a new model that shares unchanged arrays with the old one, and words for the user. */
export interface StepResult {
  model: ModelWeights
  notes: string[]
}

/** The matrix [N, K] of a weight, row-major; a chain is multiplied out. Dense f32 gives its own array. */
export function denseData(weight: LinearWeight): Float32Array {
  if (weight.kind !== 'chain') return denseLeaf(weight)
  const [first, ...rest] = weight.factors
  let product: Float32Array | Float64Array = denseLeaf(first)
  for (const factor of rest)
    product = multiply(view(denseLeaf(factor), factor.N, factor.K), view(product, factor.K, weight.K))
  return Float32Array.from(product)
}

/** `weight` as dense f32, for training or inspection. */
export function denseWeight(weight: LinearWeight): DenseWeight {
  return { kind: 'f32', N: weight.N, K: weight.K, data: denseData(weight) }
}

/** One linear layer of the encoder, as the steps see it. */
export interface EncoderLinear {
  /** tensor stem in the family's files */
  stem: string
  layer: number
  role: LayerLinear
  linear: LinearLayer
}

/** The encoder's linears in order; pooler and classifier are not among them. */
export function encoderLinears(model: ModelWeights): EncoderLinear[] {
  const family = familyOf(model.config)
  return model.layers.flatMap((layer, i) =>
    LAYER_LINEARS.map((role) => ({
      stem: linearStem(family, i, role),
      layer: i,
      role,
      linear: layer[role],
    })),
  )
}

/** A copy of the model whose encoder linears have these weights (in the order of encoderLinears), and biases if given. */
export function withEncoderWeights(
  model: ModelWeights,
  weights: readonly LinearWeight[],
  biases?: readonly (Float32Array | null)[],
): ModelWeights {
  let next = 0
  const layers = model.layers.map((layer) => {
    const copy: EncoderLayer = { ...layer }
    for (const role of LAYER_LINEARS) {
      copy[role] = { weight: weights[next], bias: biases ? biases[next] : layer[role].bias }
      next++
    }
    return copy
  })
  return { ...model, layers }
}

/** The weight as dense f32 where it is that already; throws, naming the step that needs it, where it is not. */
export function requireDense(weight: LinearWeight, stem: string, step: string): DenseWeight {
  if (weight.kind !== 'f32')
    throw new Error(
      `${step}: ${stem} is stored as ${weight.kind}, expected dense f32; apply ${step} to the uncompressed model`,
    )
  return weight
}

/** "1.23 M", "45.6 k" or the number itself. */
export function formatCount(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(2)} M`
  if (count >= 1e4) return `${(count / 1e3).toFixed(1)} k`
  return String(count)
}

/** Lets the page draw and the event loop turn between heavy pieces of work. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
