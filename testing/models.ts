// Small seeded models of every weight format. Imported by tests only.

import { randomWeight } from '../kernels/testing/weights.ts'
import { seededRandom, uniform } from '../kernels/testing/random.ts'
import type { EmbeddingTable, LeafWeight, LinearWeight } from '../kernels/program/weights.ts'
import type { BertConfig } from '../ts/model/config.ts'
import { randomModel } from '../ts/model/preset.ts'
import { LAYER_LINEARS, linearLayers, type ModelWeights } from '../ts/model/weights.ts'

export const SMALL: BertConfig = {
  vocabSize: 37,
  hiddenSize: 24,
  layers: 2,
  heads: 4,
  intermediateSize: 40,
  maxPositions: 16,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  labels: ['negative', 'positive'],
  recipe: '',
  lowercase: true,
}

export type WeightFormat = LinearWeight['kind'] | 'chain3' | 'chain-int8'

export const FORMATS: WeightFormat[] = ['f32', 'int8', 'csr', 'int8-1x4', 'nm', 'chain', 'chain3', 'chain-int8']

export function syntheticWeight(format: WeightFormat, N: number, K: number, random: () => number): LinearWeight {
  const shrunk = (weight: LeafWeight): LeafWeight => {
    if (weight.kind === 'f32') weight.data.forEach((x, i) => (weight.data[i] = x * 0.3))
    return weight
  }
  const leaf = (kind: LeafWeight['kind'], n: number, k: number) => shrunk(randomWeight(kind, n, k, random))
  if (format === 'chain') return { kind: 'chain', N, K, factors: [leaf('f32', 8, K), leaf('f32', N, 8)] }
  if (format === 'chain-int8') return { kind: 'chain', N, K, factors: [leaf('int8', 8, K), leaf('int8', N, 8)] }
  if (format === 'chain3')
    return { kind: 'chain', N, K, factors: [leaf('f32', 8, K), leaf('f32', 4, 8), leaf('f32', N, 4)] }
  return leaf(format, N, K)
}

/** The model with calibrated activation scales in its int8 layers, another one for each kind of input. */
export function withStaticScales(model: ModelWeights): ModelWeights {
  const scaled = structuredClone(model)
  for (const [i, { linear }] of [...linearLayers(scaled)].entries()) {
    const first = linear.weight.kind === 'chain' ? linear.weight.factors[0] : linear.weight
    // query, key and value of a layer, the first three of its six, see the same rows
    if (first.kind === 'int8' || first.kind === 'int8-1x4')
      first.activationScale = Math.fround(0.02 + 0.001 * (i % 6 < 3 ? i - (i % 6) : i))
  }
  return scaled
}

/** A two-layer model whose linears (pooler and classifier stay f32 unless `all`) have the given format. */
export function syntheticModel(
  format: WeightFormat,
  seed = 1,
  options: { all?: boolean; tables?: 'f32' | 'int8' } = {},
): ModelWeights {
  const random = seededRandom(seed)
  const model = randomModel({ ...SMALL, labels: [...SMALL.labels], recipe: format === 'f32' ? '' : format }, seed)
  for (const layer of model.layers)
    for (const role of LAYER_LINEARS) {
      const { N, K } = layer[role].weight
      layer[role] = { weight: syntheticWeight(format, N, K, random), bias: layer[role].bias }
    }
  if (options.all)
    for (const part of ['pooler', 'classifier'] as const) {
      const { weight, bias } = model[part]!
      model[part] = { weight: syntheticWeight(format, weight.N, weight.K, random), bias }
    }
  if (options.tables === 'int8') {
    model.embeddings.word = syntheticTable(model.embeddings.word, random)
    model.config.recipe ||= 'e8'
  }
  return model
}

function syntheticTable({ rows, width }: EmbeddingTable, random: () => number): EmbeddingTable {
  const data = Uint8Array.from({ length: rows * width }, () => random() * 256)
  const scales = uniform(rows, random).map((x) => 0.001 + Math.abs(x) / 2000)
  return { kind: 'int8', rows, width, data, scales, offsets: uniform(rows, random).map((x) => x / 10) }
}
