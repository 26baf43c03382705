// config.json, both ways: what Hugging Face writes, and the `compression` block that we add to it.

import type { EncoderSizes, Family } from '../families/family.ts'
import { familyOf, loadFamily, modelTypeOfClass, modelTypes } from '../families/index.ts'
import { PREPARATION_LANGUAGES, PREPARATION_STEPS, type TextPreparation } from '../text/preparation.ts'
import type { BertConfig } from './config.ts'
import {
  linearShapes,
  fixedScaleOf,
  type LeafShape,
  type LinearShape,
  type LinearLayerShape,
  type ModelShape,
  type TableShape,
  shapeOfConfig,
} from './shape.ts'

/** Raised when storage formats change in a way that older readers would misread. */
export const COMPRESSION_VERSION = 1
/** What a model with calibrated activation scales is written as: readers of version 1 would pass over them. */
const STATIC_VERSION = 2

/** Raised when prepared texts would differ from those that older models were trained on. */
const PREPARATION_VERSION = 1

/** Sizes that no encoder has; they keep a broken file from asking for all memory. */
const BOUNDS = { vocab: 10_000_000, width: 65_536, layers: 512, positions: 1_000_000, labels: 1_000_000 }

const SIZE_BOUNDS: Record<Exclude<keyof EncoderSizes, 'layerNormEpsilon'>, number> = {
  vocabSize: BOUNDS.vocab,
  hiddenSize: BOUNDS.width,
  layers: BOUNDS.layers,
  heads: BOUNDS.width,
  intermediateSize: BOUNDS.width,
  maxPositions: BOUNDS.positions,
  typeVocabSize: BOUNDS.width,
}

/** What feed-forward layers compute between their two products, by the names that config.json has for it. */
const ACTIVATIONS: Record<string, string> = { gelu: 'the erf form' }

interface CompressionJson {
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

export interface ParsedConfig {
  shape: ModelShape
  family: Family
  aliases: Record<string, string>
  /** the file has our compression block */
  compressed: boolean
  /** id2label names the labels; where it does not, the classifier's rows count them */
  labelsNamed: boolean
  /** the class of transformers as the file names it, e.g. BertForSequenceClassification, or '' */
  architecture: string
}

/**
 * Reads config.json.
 *
 * @param where file name for messages
 * @throws where the model is no encoder that this library computes, or a number is missing or out of range
 */
export async function parseConfig(json: string, where: string): Promise<ParsedConfig> {
  const refuse = (what: string): never => {
    throw new Error(`${where}: ${what}`)
  }
  let raw: Record<string, unknown>
  try {
    raw = JSON.parse(json) as Record<string, unknown>
  } catch (error) {
    return refuse(`not JSON (${(error as Error).message})`)
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return refuse('not a JSON object')
  const architecture = Array.isArray(raw.architectures) ? String(raw.architectures[0] ?? '') : ''
  const modelType = raw.model_type ?? modelTypeOfClass(architecture)
  const family = typeof modelType === 'string' ? await loadFamily(modelType) : null
  if (!family)
    return refuse(
      `model_type is ${JSON.stringify(raw.model_type)}, expected ${modelTypes()
        .map((type) => JSON.stringify(type))
        .join(' or ')}; other architectures are not computed here`,
    )
  const refused = family.config.refuse(raw)
  if (refused !== null) refuse(refused)
  const { key, otherwise } = family.config.activation
  const activation = raw[key] ?? otherwise
  if (typeof activation !== 'string' || !Object.hasOwn(ACTIVATIONS, activation)) {
    const known = Object.entries(ACTIVATIONS).map(([name, meaning]) => `"${name}" (${meaning})`)
    refuse(`${key} is ${JSON.stringify(activation)}, expected ${known.join(' or ')}`)
  }
  const labels = parseLabels(raw, refuse)
  const config: BertConfig = {
    ...parseSizes(raw, family, refuse),
    // a configuration that names no family is BERT's, in memory as in files of older releases
    ...(modelType !== 'bert' && { family: modelType as string }),
    labels,
    recipe: '',
    lowercase: family.tokenizer.lowercase,
    ...(raw.problem_type === 'multi_label_classification' ? { multiLabel: true } : {}),
    ...(raw.text_preparation !== undefined && { preparation: parsePreparation(raw.text_preparation, refuse) }),
  }
  const shape = shapeOfConfig(config)
  const compression = raw.compression as CompressionJson | undefined
  if (compression !== undefined) applyCompression(shape, compression, refuse)
  return {
    shape,
    family,
    aliases: compression?.aliases ?? {},
    compressed: compression !== undefined,
    labelsNamed: raw.id2label !== undefined && raw.id2label !== null,
    architecture,
  }
}

/** The sizes, from the keys that the family has for them. */
function parseSizes(
  raw: Record<string, unknown>,
  { config, positionOffset }: Family,
  refuse: (what: string) => never,
): EncoderSizes {
  const valueOf = (size: keyof EncoderSizes): { value: unknown; key: string } => {
    const field = config.sizes[size]
    return 'fixed' in field
      ? { value: field.fixed, key: size }
      : { value: raw[field.key] ?? field.otherwise, key: field.key }
  }
  const count = (size: keyof typeof SIZE_BOUNDS, least = 1): number => {
    const { value, key } = valueOf(size)
    const most = SIZE_BOUNDS[size]
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
      return refuse(`${key} is ${JSON.stringify(raw[key])}, expected a whole number from ${least} to ${most}`)
    return value as number
  }
  const epsilon = valueOf('layerNormEpsilon')
  if (typeof epsilon.value !== 'number' || !(epsilon.value > 0 && epsilon.value < 1))
    return refuse(`${epsilon.key} is ${JSON.stringify(epsilon.value)}, expected a number between 0 and 1`)
  const [hiddenSize, heads] = [count('hiddenSize'), count('heads')]
  if (hiddenSize % heads !== 0)
    refuse(`${valueOf('hiddenSize').key} ${hiddenSize} is not a multiple of ${valueOf('heads').key} ${heads}`)
  return {
    vocabSize: count('vocabSize'),
    hiddenSize,
    layers: count('layers'),
    heads,
    intermediateSize: count('intermediateSize'),
    maxPositions: count('maxPositions', positionOffset + 1) - positionOffset,
    typeVocabSize: count('typeVocabSize'),
    layerNormEpsilon: epsilon.value,
  }
}

/** The sizes and the activation under the keys that the family has for them. */
function formatSizes(sizes: EncoderSizes, { config, positionOffset }: Family): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(config.sizes)) {
    const size = name as keyof EncoderSizes
    if ('key' in field) json[field.key] = sizes[size] + (size === 'maxPositions' ? positionOffset : 0)
    // where transformers has it; the same model is the same bytes in every release
    if (size === 'intermediateSize') json[config.activation.key] = 'gelu'
  }
  return json
}

function parsePreparation(found: unknown, refuse: (what: string) => never): TextPreparation {
  const { version, steps, language } = (found ?? {}) as Record<string, unknown>
  if (version !== PREPARATION_VERSION)
    refuse(
      `text_preparation.version is ${JSON.stringify(version)}, this library prepares texts by version ${PREPARATION_VERSION}; use a matching release`,
    )
  const known: readonly unknown[] = PREPARATION_STEPS
  if (!Array.isArray(steps) || !steps.every((step) => known.includes(step)))
    refuse(`text_preparation.steps is ${JSON.stringify(steps)}, expected a list of ${PREPARATION_STEPS.join(', ')}`)
  const languages: readonly unknown[] = PREPARATION_LANGUAGES
  if (!languages.includes(language))
    refuse(`text_preparation.language is ${JSON.stringify(language)}, expected ${PREPARATION_LANGUAGES.join(', ')}`)
  return { steps, language } as TextPreparation
}

function parseLabels(raw: Record<string, unknown>, refuse: (what: string) => never): string[] {
  const table = raw.id2label
  if (table === undefined || table === null) {
    const n = raw.num_labels ?? 2
    if (!Number.isSafeInteger(n) || (n as number) < 1 || (n as number) > BOUNDS.labels)
      return refuse(`num_labels is ${JSON.stringify(n)}, expected a whole number from 1`)
    return Array.from({ length: n as number }, (_, i) => `LABEL_${i}`)
  }
  if (typeof table !== 'object') return refuse(`id2label is ${JSON.stringify(table)}, expected an object`)
  const names = Object.entries(table)
  return Array.from({ length: names.length }, (_, i) => {
    const name = (table as Record<string, unknown>)[i]
    return typeof name === 'string' ? name : refuse(`id2label has no name for ${i} of ${names.length} labels`)
  })
}

function applyCompression(shape: ModelShape, found: CompressionJson, refuse: (what: string) => never): void {
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
  const expected = [...linearShapes(plain)].filter(({ layer }) => layer !== null)
  const found = [...linearShapes(shape)]
  return (
    config.recipe === '' &&
    [shape.word, shape.position, shape.type].every((table) => table.kind === 'f32') &&
    found.every(({ linear }) => linear.bias && linear.weight.kind === 'f32') &&
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

/** config.json of a model; a plain f32 model gets no `compression` block and opens in any Hugging Face library. */
export function formatConfig(shape: ModelShape, aliases: Record<string, string> = {}): string {
  const { config } = shape
  const family = familyOf(config)
  const json: Record<string, unknown> = {
    architectures: [`${family.classPrefix}${shape.classifier ? 'ForSequenceClassification' : 'Model'}`],
    model_type: config.family ?? family.modelTypes[0],
    ...formatSizes(config, family),
    ...family.config.written,
    torch_dtype: 'float32',
  }
  if (config.labels.length) {
    json.id2label = Object.fromEntries(config.labels.map((label, i) => [i, label]))
    json.label2id = Object.fromEntries(config.labels.map((label, i) => [label, i]))
  }
  if (config.multiLabel) json.problem_type = 'multi_label_classification'
  if (config.preparation?.steps.length) json.text_preparation = { version: PREPARATION_VERSION, ...config.preparation }
  if (!isPlain(shape) || Object.keys(aliases).length > 0) {
    const compression: CompressionJson = {
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
    json.compression = compression
  }
  return `${JSON.stringify(json, null, 2)}\n`
}
