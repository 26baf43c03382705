// What a recipe does to a model's shape: pure arithmetic, no weights. ledger.test.ts holds it against the compression
// itself. Steps apply from left to right, as in ts/compress.

import { TILE_INPUTS, TILE_OUTPUTS } from '../../kernels/program/weights.ts'
import { keptCount, NM_GROUP } from '../compress/prune-mask.ts'
import { svdRank } from '../compress/ranks.ts'
import { keptStructure } from '../compress/structure.ts'
import { parseRecipe, type Step } from './steps.ts'
import { tuckerRanks } from '../compress/tucker.ts'
import { commonCores } from '../compress/tucker3.ts'
import { PRESETS } from '../model/config.ts'
import { encoderSize, findPreset } from '../model/preset.ts'
import { LAYER_LINEARS } from '../model/weights.ts'
import {
  configOfPreset,
  shapeOfConfig,
  type LayerShape,
  type LinearShape,
  type ModelShape,
  type PlannedLeaf,
} from '../model/shape.ts'

type Planned = PlannedLeaf | { kind: 'chain'; N: number; K: number; factors: PlannedLeaf[] }

/**
 * The shape that a recipe makes of a model. Where the numbers decide (which weights are pruned), counts are spread over
 * the matrices in proportion: sums are exact, single layers approximate.
 *
 * @param recipe steps of the recipe grammar joined by `+`; `vocab` needs its size here: `vocab:24000`; `student:NAME`
 *   takes the shape of that preset, or of layers x width such as `student:4x128`, over the vocabulary there is; '', 'baseline' and 'none' change nothing
 * @throws where a step is not known or does not apply; the message names the steps there are
 */
export function applyRecipeToShape(shape: ModelShape, recipe: string): ModelShape {
  let result = structuredClone(shape)
  if (['', 'baseline', 'none'].includes(recipe)) return result
  const sizes = new Map<number, number>()
  const texts = recipe.split('+').map((text, i) => {
    const size = /^vocab:(\d+)$/.exec(text.trim())
    if (!size) return text
    sizes.set(i, Number(size[1]))
    return 'vocab'
  })
  for (const [i, step] of parseRecipe(texts.join('+')).entries()) result = applyStep(result, step, sizes.get(i))
  result.config = { ...result.config, recipe: [shape.config.recipe, recipe].filter(Boolean).join('+') }
  return result
}

function applyStep(shape: ModelShape, step: Step, vocabularySize: number | undefined): ModelShape {
  const { text } = step
  switch (step.kind) {
    case 'e8':
      shape.word.kind = 'int8'
      break
    case 'q8':
      mapEncoder(shape, (leaf) => quantized(leaf, text))
      for (const part of [shape.pooler, shape.classifier])
        if (part) part.weight = mapLeaves(part.weight, (leaf) => quantized(leaf, text))
      break
    case 'sparse':
      sparsify(shape, step.sparsity, [1, step.blocks ? 4 : 1], text)
      break
    case 'tiles':
      sparsify(shape, step.sparsity, [TILE_OUTPUTS, TILE_INPUTS], text)
      break
    case 'wanda':
      mapEncoder(shape, (leaf) => {
        const { N, K, shared } = requireDense(leaf, text)
        const width = step.blocks ? 4 : 1
        if (K % width !== 0) throw new Error(`${text}: K = ${K} is not a multiple of ${width}`)
        const nonZeros = N * keptCount(K / width, step.sparsity) * width
        return { kind: 'csr', N, K, nonZeros, isBlocked: step.blocks, shared }
      })
      break
    case 'nm':
      mapEncoder(shape, (leaf) => {
        const { N, K, shared } = requireDense(leaf, text)
        if (K % step.m !== 0) throw new Error(`${text}: K = ${K} is not a multiple of ${step.m}`)
        return { kind: 'nm', N, K, n: step.n, m: step.m, group: NM_GROUP, shared }
      })
      break
    case 'heads':
      for (const layer of shape.layers) cutLayer(layer, step, text)
      break
    case 'svd':
    case 'wsvd': {
      if (step.rank.by !== 'rank')
        throw new Error(
          `${text}: the ranks hang on the weights; to tell the size without them give a share or a rank, e.g. ` +
            `'${step.kind}:0.25', or compress the model itself`,
        )
      const { R } = step.rank
      mapEncoderLinears(shape, (weight) => {
        const { N, K } = requireDense(weight, text)
        const rank = svdRank(N, K, R)
        return { kind: 'chain', N, K, factors: [dense(rank, K), dense(N, rank)] }
      })
      break
    }
    case 'tucker':
    case 'wtucker':
    case 'tucker3':
      applyTucker(shape, step.R, text, step.kind === 'tucker3')
      break
    case 'vocab':
      if (!vocabularySize)
        throw new Error(
          "vocab: the size hangs on the texts; to tell it without them give the tokens, e.g. 'vocab:24000'",
        )
      shape.word.rows = Math.min(vocabularySize, shape.word.rows)
      shape.config = { ...shape.config, vocabSize: shape.word.rows }
      break
    case 'budget':
      throw new Error(`${text}: the forms hang on the texts; compress the model and inspect what was written`)
    case 'student': {
      const { vocabSize, labels, recipe } = shape.config
      // layers x width keeps the teacher's positions
      const size = Object.hasOwn(PRESETS, step.name) ? null : encoderSize(step.name)
      if (size) return shapeOfConfig({ ...shape.config, ...size })
      return shapeOfConfig({ ...configOfPreset(findPreset(step.name), labels), vocabSize, recipe })
    }
  }
  return shape
}

const dense = (N: number, K: number, shared?: string): PlannedLeaf => ({ kind: 'f32', N, K, shared })

function requireDense(weight: Planned, step: string): { N: number; K: number; shared?: string } {
  if (weight.kind !== 'f32')
    throw new Error(
      `${step}: the layer is stored as ${weight.kind} already; put ${step} before the step that made it so`,
    )
  return weight
}

const mapLeaves = (weight: LinearShape, change: (leaf: PlannedLeaf) => PlannedLeaf): LinearShape =>
  weight.kind === 'chain'
    ? // a mixed core is dense in memory, and each layer's is its own
      {
        ...weight,
        factors: weight.factors.map((leaf) => change(leaf.kind === 'mixed' ? dense(leaf.N, leaf.K) : leaf)),
      }
    : change(weight)

function mapEncoderLinears(shape: ModelShape, change: (weight: Planned) => LinearShape): void {
  for (const layer of shape.layers) for (const role of LAYER_LINEARS) layer[role].weight = change(layer[role].weight)
}

const mapEncoder = (shape: ModelShape, change: (leaf: PlannedLeaf) => PlannedLeaf): void =>
  mapEncoderLinears(shape, (weight) => mapLeaves(weight, change))

function quantized(leaf: PlannedLeaf, step: string): PlannedLeaf {
  const { N, K, shared } = leaf
  if (leaf.kind === 'int8' || leaf.kind === 'int8-1x4')
    throw new Error(`${step}: the layer is stored as ${leaf.kind} already`)
  if (leaf.kind === 'csr' && leaf.isBlocked) return { kind: 'int8-1x4', N, K, blocks: leaf.nonZeros / 4, shared }
  return { kind: 'int8', N, K, shared }
}

/** One threshold over all matrices: the total is exact, each matrix gets its share. Shared factors count once. */
function sparsify(shape: ModelShape, sparsity: number, [outputs, inputs]: [number, number], step: string): void {
  const unit = outputs * inputs
  const counts = new Map<string, number>()
  let unique = 0
  const leaves: { key: string; units: number }[] = []
  mapEncoder(shape, (leaf) => {
    const { N, K } = requireDense(leaf, step)
    if (K % inputs !== 0) throw new Error(`${step}: K = ${K} is not a multiple of ${inputs}`)
    if (N % outputs !== 0) throw new Error(`${step}: N = ${N} is not a multiple of ${outputs}`)
    const key = leaf.shared ?? `#${unique++}`
    if (!leaves.some((other) => other.key === key)) leaves.push({ key, units: (N * K) / unit })
    return { ...leaf, shared: key }
  })
  const total = leaves.reduce((sum, { units }) => sum + units, 0)
  const kept = keptCount(total, sparsity)
  let before = 0
  for (const { key, units } of leaves) {
    const from = Math.round((before / total) * kept)
    before += units
    counts.set(key, Math.round((before / total) * kept) - from)
  }
  mapEncoder(shape, ({ N, K, shared }) => ({
    kind: 'csr',
    N,
    K,
    nonZeros: counts.get(shared!)! * unit,
    isBlocked: inputs > 1,
    shared: shared!.startsWith('#') ? undefined : shared,
  }))
}

function cutLayer(layer: LayerShape, step: { heads: number; ffn: number }, name: string): void {
  for (const role of LAYER_LINEARS) requireDense(layer[role].weight, name)
  const { heads, ffn } = keptStructure(step, { heads: layer.heads, ffn: layer.intermediate.weight.N })
  const width = heads * layer.headSize
  layer.heads = heads
  for (const role of ['query', 'key', 'value'] as const) layer[role].weight = dense(width, layer[role].weight.K)
  layer.attentionOutput.weight = dense(layer.attentionOutput.weight.N, width)
  layer.intermediate.weight = dense(ffn, layer.intermediate.weight.K)
  layer.output.weight = dense(layer.output.weight.N, ffn)
}

/** One decomposition per role and shape; the outer factors are shared, unless contracting them is smaller. */
function applyTucker(shape: ModelShape, R: number, step: string, isMixed: boolean): void {
  for (const role of LAYER_LINEARS) {
    const groups = new Map<string, LayerShape[]>()
    for (const layer of shape.layers) {
      const { N, K } = requireDense(layer[role].weight, step)
      groups.set(`${N} ${K}`, [...(groups.get(`${N} ${K}`) ?? []), layer])
    }
    for (const [key, layers] of groups) {
      const { N, K } = layers[0][role].weight
      const L = layers.length
      const [r1, r2] = tuckerRanks(L, N, K, R)
      const name = `${step} ${role} ${key}`
      const [first, last] = [dense(r2, K, `${name} first`), dense(N, r1, `${name} last`)]
      if (isMixed) {
        const core: PlannedLeaf = { kind: 'mixed', N: r1, K: r2, terms: commonCores(L), shared: `${name} cores` }
        for (const layer of layers) layer[role].weight = { kind: 'chain', N, K, factors: [first, core, last] }
        continue
      }
      const shared = K * r2 + L * r1 * r2 + N * r1
      const contracted = Math.min(L * K * r1 + N * r1, K * r2 + L * N * r2)
      // the same choice as contractChain: the cheaper neighbour per token, the smaller one where they are equal
      const three = K * r2 + r1 * r2 + N * r1
      const [intoFirst, intoLast] = [K * r1 + N * r1, K * r2 + N * r2]
      const contracts = contracted <= shared && Math.min(intoFirst, intoLast) < three
      const usesFirst = intoFirst < intoLast || (intoFirst === intoLast && K <= N)
      for (const layer of layers)
        layer[role].weight = {
          kind: 'chain',
          N,
          K,
          factors: !contracts ? [first, dense(r1, r2), last] : usesFirst ? [dense(r1, K), last] : [first, dense(N, r2)],
        }
    }
  }
}
