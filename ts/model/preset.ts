// Presets: the shapes of known models with seeded random weights, for size and latency where no weights can be had.

import { PRESETS, type BertConfig, type Preset } from './config.ts'
import { familyOf, loadFamily } from '../families/index.ts'
import { rowsBeforePositions } from '../families/names.ts'
import { configOfPreset, shapeOfConfig, type LinearLayerShape } from './shape.ts'
import { LAYER_LINEARS, type EncoderLayer, type LinearLayer, type ModelWeights, type Norm } from './weights.ts'
import type { EmbeddingTable } from '../../kernels/program/weights.ts'

/** The preset of that name. @throws with the names there are */
export function findPreset(name: string): Preset {
  if (!Object.hasOwn(PRESETS, name))
    throw new Error(`there is no preset '${name}'; the presets are ${Object.keys(PRESETS).join(', ')}`)
  return PRESETS[name]
}

/** Loads the family of a preset's model, which every use of its shape needs. */
export async function loadPresetFamily(name: string): Promise<void> {
  await loadFamily(findPreset(name).family ?? 'bert')
}

/** What decides an encoder's layers: `10x128` (layers x width; heads of 32, FFN four times the width) or a preset's. */
export type EncoderSize = Pick<BertConfig, 'layers' | 'hiddenSize' | 'heads' | 'intermediateSize'>

/** The size of that name; null where it is neither layers x width (a multiple of 32) nor a preset. */
export function encoderSize(name: string): EncoderSize | null {
  if (Object.hasOwn(PRESETS, name)) {
    const { layers, hiddenSize, heads, intermediateSize } = PRESETS[name]
    return { layers, hiddenSize, heads, intermediateSize }
  }
  const match = /^(\d{1,2})x(\d{1,4})$/.exec(name)
  const [layers, hiddenSize] = match ? [Number(match[1]), Number(match[2])] : [0, 0]
  if (layers < 1 || hiddenSize < 32 || hiddenSize % 32 !== 0) return null
  return { layers, hiddenSize, heads: hiddenSize / 32, intermediateSize: 4 * hiddenSize }
}

/** Standard deviation of BERT's own initialisation. */
const STD = 0.02

/** The quantiles of a normal distribution at the middles of 65,536 equal shares: a draw is one look-up of 16 bits. */
function quantileTable(): Float32Array {
  const table = new Float32Array(65536)
  for (let i = 0; i < 32768; i++) {
    const x = inverseNormal((i + 0.5) / 65536)
    table[i] = x
    table[65535 - i] = -x
  }
  return table
}

/** Lower half of the inverse normal distribution: bisection on the integral below would do; this is Newton's method. */
function inverseNormal(p: number): number {
  let x = -Math.sqrt(-2 * Math.log(p * Math.sqrt(2 * Math.PI)))
  if (!(x < 0)) x = -0.1
  for (let i = 0; i < 60; i++) {
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
    const step = (cumulativeNormal(x) - p) / density
    x -= Math.max(-0.5, Math.min(0.5, step))
    if (Math.abs(step) < 1e-9) break
  }
  return x
}

/** P(X < x) for x <= 0: series near 0, continued fraction further out. */
function cumulativeNormal(x: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
  const a = -x
  if (a < 3) {
    let term = a
    let sum = a
    for (let n = 1; n < 100 && term > 1e-17 * sum; n++) {
      term *= (a * a) / (2 * n + 1)
      sum += term
    }
    return 0.5 - density * sum
  }
  let fraction = a
  for (let n = 60; n >= 1; n--) fraction = a + n / fraction
  return density / fraction
}

/** FNV-1a: every tensor draws from another stream, so that its numbers do not depend on the tensors before it. */
function hash(text: string, seed: number): number {
  let h = (0x811c9dc5 ^ seed) >>> 0
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0
  // an all-zero state would stay zero
  return h || 1
}

/**
 * A model of the given configuration with seeded normal weights (std 0.02; gammas around 1).
 *
 * @param seed any whole number; the same seed gives the same bits on every machine
 */
export function randomModel(config: BertConfig, seed = 1): ModelWeights {
  const table = quantileTable().map((x) => x * STD)
  const fill = (name: string, length: number, around = 0): Float32Array => {
    const data = new Float32Array(length)
    let state = hash(name, seed)
    for (let i = 0; i < length; i += 2) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      // xorshift's low bits alone are weak: the product's upper bits mix all of them
      const bits = Math.imul(state, 0x9e3779b1)
      const mixed = bits ^ (bits >>> 15)
      data[i] = around + table[mixed & 65535]
      if (i + 1 < length) data[i + 1] = around + table[mixed >>> 16]
    }
    return data
  }
  const shape = shapeOfConfig(config)
  const { width: E } = shape.word
  const C = config.hiddenSize
  const linear = (stem: string, N: number, K: number): LinearLayer => ({
    weight: { kind: 'f32', N, K, data: fill(`${stem}.weight`, N * K) },
    bias: fill(`${stem}.bias`, N),
  })
  const norm = (stem: string, width = C): Norm => ({
    gamma: fill(`${stem}.gamma`, width, 1),
    beta: fill(`${stem}.beta`, width),
  })
  const ofShape = (stem: string, layer: LinearLayerShape | null): LinearLayer | null =>
    layer && linear(stem, layer.weight.N, layer.weight.K)
  const embedding = (name: string, rows: number): EmbeddingTable => ({
    kind: 'f32',
    rows,
    width: E,
    data: fill(name, rows * E),
  })
  const before = rowsBeforePositions(familyOf(config), config.paddingId)
  return {
    config,
    embeddings: {
      word: embedding('word', config.vocabSize),
      position: embedding('position', config.maxPositions),
      type: embedding('type', config.typeVocabSize),
      norm: norm('embeddings', E),
      ...(shape.projection && { projection: ofShape('projection', shape.projection)! }),
      ...(before > 0 && { before: embedding('before', before) }),
    },
    ...(shape.distances && { distances: fill('distances', shape.distances.rows * shape.distances.width) }),
    layers: shape.layers.map((layer, i) => {
      const linears = LAYER_LINEARS.map((role) => {
        const { N, K } = layer[role].weight
        return [role, linear(`layer.${i}.${role}`, N, K)]
      })
      return {
        ...(Object.fromEntries(linears) as Pick<EncoderLayer, (typeof LAYER_LINEARS)[number]>),
        attentionNorm: norm(`layer.${i}.attention`),
        outputNorm: norm(`layer.${i}.output`),
        heads: layer.heads,
        headSize: layer.headSize,
      }
    }),
    pooler: ofShape('pooler', shape.pooler),
    classifier: ofShape('classifier', shape.classifier),
  }
}

/** `preset:NAME`'s model: a two-class classifier unless `labels` says otherwise. */
export const presetModel = (name: string, seed = 1, labels?: string[]): ModelWeights =>
  randomModel(configOfPreset(findPreset(name), labels), seed)
