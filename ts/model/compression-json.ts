// The `compression` block that we add to config.json: how each layer and table is stored.

import { BOUNDS } from './bounds.ts'
import {
  fixedScaleOf,
  linearShapes,
  shapeOfConfig,
  type LeafShape,
  type LinearLayerShape,
  type LinearShape,
  type ModelShape,
  type TableShape,
} from './shape.ts'

/** Raised when storage formats change in a way that older readers would misread. */
const COMPRESSION_VERSION = 1
/** What a model with calibrated activation scales is written as: readers of version 1 would pass over them. */
const STATIC_VERSION = 2

export interface CompressionJson {
  version: number
  recipe: string
  embeddings: { word: TableShape['kind']; position: TableShape['kind']; type: TableShape['kind'] }
  layers: { heads: number; headSize: number; intermediateSize: number }[]
  linears: Record<string, LinearShape>
  /** stems of linear layers that have no bias */
  withoutBias: string[]
  /** tensor -> the tensor that holds its bytes, for factors that layers share */
  aliases: Record<string, string>
}

/** The shape as the block of a file says. @throws through `refuse` where the block is not valid */
export function applyCompression(shape: ModelShape, found: CompressionJson, refuse: (what: string) => never): void {
  const bad = (what: string): never => refuse(`compression: ${what}`)
  if (typeof found !== 'object' || found === null) bad('not an object')
  if (found.version !== COMPRESSION_VERSION && found.version !== STATIC_VERSION)
    bad(
      `version ${JSON.stringify(found.version)}, this library reads versions ${COMPRESSION_VERSION} and ${STATIC_VERSION};` +
        ' use a matching release',
    )
  if (typeof found.recipe !== 'string') bad('recipe is missing')
  for (const key of ['embeddings', 'layers', 'linears', 'withoutBias', 'aliases'] as const)
    if (typeof found[key] !== 'object' || found[key] === null) bad(`${key} is missing`)
  shape.config.recipe = found.recipe
  for (const table of ['word', 'position', 'type'] as const) {
    const kind = found.embeddings[table]
    if (kind !== 'f32' && kind !== 'int8')
      bad(`embeddings.${table} is ${JSON.stringify(kind)}, expected "f32" or "int8"`)
    shape[table].kind = kind
  }
  if (!Array.isArray(found.layers) || found.layers.length !== shape.layers.length)
    bad(`layers has ${found.layers.length} entries, expected ${shape.layers.length}`)
  const C = shape.config.hiddenSize
  for (const [i, layer] of shape.layers.entries()) {
    const { heads, headSize, intermediateSize: F } = found.layers[i] ?? bad(`layers[${i}] is null`)
    for (const [key, value] of Object.entries({ heads, headSize, intermediateSize: F }))
      if (!Number.isSafeInteger(value) || value < 1 || value > BOUNDS.width) bad(`layers[${i}].${key} is ${value}`)
    layer.heads = heads
    layer.headSize = headSize
    for (const role of ['query', 'key', 'value'] as const)
      layer[role].weight = { kind: 'f32', N: heads * headSize, K: C }
    layer.attentionOutput.weight = { kind: 'f32', N: C, K: heads * headSize }
    layer.intermediate.weight = { kind: 'f32', N: F, K: C }
    layer.output.weight = { kind: 'f32', N: C, K: F }
  }
  const linears = new Map([...linearShapes(shape)].map(({ stem, linear }) => [stem, linear]))
  for (const [stem, weight] of Object.entries(found.linears)) {
    const linear = linears.get(stem) ?? bad(`linears names '${stem}', which this model does not have`)
    linear.weight = parseLinearShape(stem, weight, linear.weight, bad)
  }
  if (!Array.isArray(found.withoutBias)) bad('withoutBias is no list')
  for (const stem of found.withoutBias) {
    const linear = linears.get(stem) ?? bad(`withoutBias names '${stem}', which this model does not have`)
    linear.bias = false
  }
}

function parseLinearShape(
  stem: string,
  found: LinearShape,
  expected: { N: number; K: number },
  bad: (what: string) => never,
): LinearShape {
  if (found?.N !== expected.N || found?.K !== expected.K)
    bad(`${stem} is [${found?.N}, ${found?.K}], expected [${expected.N}, ${expected.K}]`)
  if (found.kind !== 'chain') return parseLeafShape(stem, found, bad)
  if (!Array.isArray(found.factors) || found.factors.length < 2 || found.factors.length > 3)
    bad(`${stem} is a chain of ${found.factors?.length} factors, expected 2 or 3`)
  return {
    kind: 'chain',
    N: found.N,
    K: found.K,
    factors: found.factors.map((factor, i) => parseLeafShape(`${stem} factor ${i}`, factor, bad)),
  }
}

function parseLeafShape(stem: string, found: LeafShape, bad: (what: string) => never): LeafShape {
  const { N, K, kind } = found ?? bad(`${stem} is null`)
  const count = (key: string, most: number, least = 0): number => {
    const value = (found as unknown as Record<string, unknown>)[key]
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
      return bad(`${stem} has ${key} ${JSON.stringify(value)}, expected a whole number from ${least} to ${most}`)
    return value as number
  }
  /** checkLinearWeight checks its range; here it only must be a number */
  const scale = (): { activationScale?: number } => {
    const { activationScale } = found as { activationScale?: unknown }
    if (activationScale !== undefined && typeof activationScale !== 'number')
      bad(`${stem} has activationScale ${JSON.stringify(activationScale)}, expected a number`)
    return fixedScaleOf(found as { activationScale?: number })
  }
  count('N', BOUNDS.vocab, 1)
  count('K', BOUNDS.width, 1)
  switch (kind) {
    case 'f32':
      return { kind, N, K }
    case 'mixed':
      return { kind, N, K, terms: count('terms', BOUNDS.layers, 1) }
    case 'int8':
      return { kind, N, K, ...scale() }
    case 'csr':
      return { kind, N, K, nonZeros: count('nonZeros', N * K) }
    case 'int8-1x4':
      if (K % 4 !== 0) bad(`${stem} is int8-1x4 with K = ${K}, which is not a multiple of 4`)
      return { kind, N, K, blocks: count('blocks', (N * K) / 4), ...scale() }
    case 'nm': {
      const m = count('m', K, 1)
      if (K % m !== 0) bad(`${stem} is nm with K = ${K}, which is not a multiple of m = ${m}`)
      return { kind, N, K, n: count('n', m, 1), m, group: count('group', BOUNDS.width, 1) }
    }
    default:
      return bad(`${stem} has kind ${JSON.stringify(kind)}, expected f32, int8, csr, int8-1x4, nm, mixed or chain`)
  }
}

const isPlain = (shape: ModelShape): boolean => {
  const { config } = shape
  const plain = shapeOfConfig(config)
  const same = (a: LinearLayerShape, b: LinearLayerShape) =>
    a.bias && a.weight.kind === 'f32' && a.weight.N === b.weight.N && a.weight.K === b.weight.K
  const ofLayers = (whole: ModelShape) => [...linearShapes(whole)].filter(({ layer }) => layer !== null)
  const [expected, found] = [ofLayers(plain), ofLayers(shape)]
  return (
    config.recipe === '' &&
    [shape.word, shape.position, shape.type].every((table) => table.kind === 'f32') &&
    [...linearShapes(shape)].every(({ linear }) => linear.bias && linear.weight.kind === 'f32') &&
    shape.layers.every(
      (layer, i) => layer.heads === plain.layers[i].heads && layer.headSize === plain.layers[i].headSize,
    ) &&
    expected.every(({ linear }, i) => same(found[i].linear, linear))
  )
}

const hasFixedScale = (weight: LinearShape): boolean =>
  weight.kind === 'chain'
    ? weight.factors.some(hasFixedScale)
    : 'activationScale' in weight && weight.activationScale !== undefined

/** The block of a shape; null where a plain f32 model needs none. */
export function formatCompression(shape: ModelShape, aliases: Record<string, string>): CompressionJson | null {
  if (isPlain(shape) && Object.keys(aliases).length === 0) return null
  const { config } = shape
  return {
    version: [...linearShapes(shape)].some(({ linear }) => hasFixedScale(linear.weight))
      ? STATIC_VERSION
      : COMPRESSION_VERSION,
    recipe: config.recipe,
    embeddings: { word: shape.word.kind, position: shape.position.kind, type: shape.type.kind },
    layers: shape.layers.map(({ heads, headSize, intermediate }) => ({
      heads,
      headSize,
      intermediateSize: intermediate.weight.N,
    })),
    linears: Object.fromEntries(
      [...linearShapes(shape)]
        .filter(({ linear }) => linear.weight.kind !== 'f32')
        .map(({ stem, linear }) => [stem, linear.weight]),
    ),
    withoutBias: [...linearShapes(shape)].filter(({ linear }) => !linear.bias).map(({ stem }) => stem),
    aliases,
  }
}
