// Back to plain f32 for training.

import { denseData } from '../compress/dense.ts'
import { LAYER_LINEARS, linearLayers, type LinearLayer, type ModelWeights } from '../model/weights.ts'

const densify = (linear: LinearLayer): LinearLayer => {
  const { N, K } = linear.weight
  return { ...linear, weight: { kind: 'f32', N, K, data: Float32Array.from(denseData(linear.weight)) } }
}

/**
 * The model with every encoder linear as plain f32, for training; masks name what the weights store, by stem.
 * @param keepsChains leaves chains of factors as they are, which train as such
 */
export function densifyModel(
  model: ModelWeights,
  { keepsChains = false } = {},
): { model: ModelWeights; masks: Record<string, Uint8Array> } {
  const masks: Record<string, Uint8Array> = {}
  for (const { stem, linear } of linearLayers(model))
    if (linear.weight.kind !== 'f32') masks[stem] = Uint8Array.from(denseData(linear.weight), (w) => (w === 0 ? 0 : 1))
  const layers = model.layers.map((layer) => {
    const copy = { ...layer }
    for (const role of LAYER_LINEARS)
      if (!keepsChains || layer[role].weight.kind !== 'chain') copy[role] = densify(layer[role])
    return copy
  })
  return { model: { ...model, layers }, masks }
}
