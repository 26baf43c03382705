// Back to plain f32 for training.

import type { EmbeddingTable } from '../../kernels/program/weights.ts'
import { denseData, denseTable } from './dense.ts'
import { LAYER_LINEARS, linearLayers, type LinearLayer, type ModelWeights } from '../model/weights.ts'

const densify = (linear: LinearLayer): LinearLayer => {
  const { N, K } = linear.weight
  return { ...linear, weight: { kind: 'f32', N, K, data: Float32Array.from(denseData(linear.weight)) } }
}

const plain = (table: EmbeddingTable): EmbeddingTable => {
  const { rows, width } = table
  return { kind: 'f32', rows, width, data: denseTable(table) }
}

/**
 * The model with every linear layer and table as plain f32, for training; masks name what the weights store, by stem.
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
  const { word, position, type, projection } = model.embeddings
  const embeddings = {
    ...model.embeddings,
    ...{ word: plain(word), position: plain(position), type: plain(type) },
    ...(projection && { projection: densify(projection) }),
  }
  const [pooler, classifier] = [model.pooler, model.classifier].map((linear) => linear && densify(linear))
  return { model: { ...model, embeddings, layers, pooler, classifier }, masks }
}
