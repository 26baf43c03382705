// config.json, both ways: what Hugging Face writes, and the `compression` block that we add to it.

import type { Activation } from '../../kernels/program/program.ts'
import type { EncoderSizes, Family, OptionalSize } from '../families/family.ts'
import { familyOf, loadFamily, modelTypeOfClass, modelTypes } from '../families/index.ts'
import { rowsBeforePositions } from '../families/names.ts'
import { tooDeep } from '../text/bounds.ts'
import { PREPARATION_LANGUAGES, PREPARATION_STEPS, type TextPreparation } from '../text/preparation.ts'
import { BOUNDS } from './bounds.ts'
import { applyCompression, formatCompression, type CompressionJson } from './compression-json.ts'
import { PROBLEM_TYPES, type BertConfig, type ProblemType } from './config.ts'
import { shapeOfConfig, type ModelShape } from './shape.ts'

/** Raised when prepared texts would differ from those that older models were trained on. */
const PREPARATION_VERSION = 1

const SIZE_BOUNDS: Record<Exclude<keyof EncoderSizes, 'layerNormEpsilon'>, number> = {
  vocabSize: BOUNDS.vocab,
  hiddenSize: BOUNDS.width,
  layers: BOUNDS.layers,
  heads: BOUNDS.width,
  intermediateSize: BOUNDS.width,
  maxPositions: BOUNDS.positions,
  typeVocabSize: BOUNDS.width,
  embeddingSize: BOUNDS.width,
  layerGroups: BOUNDS.layers,
  distanceBuckets: BOUNDS.width,
}

/** What feed-forward layers compute between their two products, by the names that transformers has for it. */
const ACTIVATIONS: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  relu: 'relu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  silu: 'silu',
  swish: 'silu',
  tanh: 'tanh',
}

/** What is written where a model does not have its file's own name for it. */
const ACTIVATION_NAMES: Record<Activation, string> = {
  none: 'linear',
  gelu: 'gelu',
  tanh: 'tanh',
  relu: 'relu',
  gelu_tanh: 'gelu_new',
  silu: 'silu',
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
  const deep = tooDeep(raw)
  if (deep !== null) refuse(`it ${deep}`)
  const architecture = Array.isArray(raw.architectures) ? String(raw.architectures[0] ?? '') : ''
  const modelType = raw.model_type ?? modelTypeOfClass(architecture)
  const family = typeof modelType === 'string' ? await loadFamily(modelType) : null
  if (!family) return refuse(await unknownModelType(raw.model_type))
  const refused = family.config.refuse(raw)
  if (refused !== null) refuse(refused)
  const config: BertConfig = {
    ...parseSizes(raw, family, refuse),
    // a configuration that names no family is BERT's, in memory as in files of older releases
    ...(modelType !== 'bert' && { family: modelType as string }),
    // what this library wrote says by its class whether it has a classifier; other files are looked at
    labels:
      raw.compression !== undefined && architecture === `${family.classPrefix}Model` ? [] : parseLabels(raw, refuse),
    recipe: '',
    lowercase: family.tokenizer.lowercase,
    ...parseOptions(raw, family, architecture, refuse),
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

async function unknownModelType(modelType: unknown): Promise<string> {
  const { whyRefused } = await import('../families/refused.ts')
  const known = modelTypes().map((type) => JSON.stringify(type))
  return `model_type is ${JSON.stringify(modelType)}, expected ${known.join(' or ')}; ${whyRefused(modelType)}`
}

type Refuse = (what: string) => never

/** What a configuration has beside its sizes and labels, as far as the file says it. */
function parseOptions(
  raw: Record<string, unknown>,
  family: Family,
  architecture: string,
  refuse: Refuse,
): Partial<BertConfig> {
  const { key, otherwise } = family.config.activation
  const name = raw[key] ?? otherwise
  if (typeof name !== 'string' || !Object.hasOwn(ACTIVATIONS, name))
    refuse(`${key} is ${JSON.stringify(name)}, expected ${Object.keys(ACTIVATIONS).join(', ')}`)
  const activation = ACTIVATIONS[name as string]
  const problemType = raw.problem_type ?? undefined
  if (problemType !== undefined && !(PROBLEM_TYPES as readonly unknown[]).includes(problemType))
    refuse(`problem_type is ${JSON.stringify(problemType)}, expected ${PROBLEM_TYPES.join(', ')}`)
  const prunedHeads = parsePrunedHeads(raw, family, refuse)
  const kept = keptKeys(raw, family)
  return {
    ...(activation !== 'gelu' && { activation }),
    ...(architecture === `${family.classPrefix}ForTokenClassification` && { task: 'token-classification' as const }),
    ...(problemType !== undefined && { problemType: problemType as ProblemType }),
    ...(family.positions === 'after-padding' && { paddingId: parsePaddingId(raw, family, refuse) }),
    ...(prunedHeads && { prunedHeads }),
    ...(Object.keys(kept).length > 0 && { kept }),
  }
}

function parsePaddingId(raw: Record<string, unknown>, { config }: Family, refuse: Refuse): number {
  const id = raw.pad_token_id ?? config.written.pad_token_id
  if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= BOUNDS.positions)
    refuse(`pad_token_id is ${JSON.stringify(id)}, expected a whole number from 0: positions are counted from it`)
  return id as number
}

/** @throws where a list names a head that there is not, or one twice, or leaves a layer none */
function parsePrunedHeads(raw: Record<string, unknown>, family: Family, refuse: Refuse): BertConfig['prunedHeads'] {
  const found = raw.pruned_heads
  if (found === undefined || found === null) return undefined
  const { heads, layers } = parseSizes(raw, family, refuse)
  const isList = (list: unknown): list is number[] =>
    Array.isArray(list) &&
    list.length < heads &&
    new Set(list).size === list.length &&
    list.every((head) => Number.isSafeInteger(head) && head >= 0 && head < heads)
  const entries = typeof found === 'object' ? Object.entries(found as object) : [['', found]]
  for (const [layer, list] of entries)
    if (!(Number(layer) >= 0 && Number(layer) < layers && String(Number(layer)) === layer) || !isList(list))
      refuse(
        `pruned_heads is ${JSON.stringify(found)}, expected layers from 0 to ${layers - 1}, each with some of its ${heads} heads`,
      )
  const pruned = entries.filter(([, list]) => (list as number[]).length > 0) as [string, number[]][]
  if (pruned.length === 0) return undefined
  if (family.distances || family.config.sizes.layerGroups)
    refuse(
      `pruned_heads is ${JSON.stringify(found)}; heads of ${family.modelTypes[0]} models cannot be taken out, since layers share what they need`,
    )
  return Object.fromEntries(pruned)
}

/** Keys that `formatConfig` makes from the model itself. */
const WRITTEN = [
  ...['architectures', 'model_type', 'torch_dtype', 'dtype', 'num_labels', 'id2label', 'label2id', 'problem_type'],
  ...['pruned_heads', 'text_preparation', 'compression'],
]

/** What is written again as it was read. */
function keptKeys(raw: Record<string, unknown>, { config, positions }: Family): Record<string, unknown> {
  const { sizes, activation, written } = config
  const made = new Set([...WRITTEN, ...Object.values(sizes).flatMap((field) => ('key' in field ? [field.key] : []))])
  if (positions === 'after-padding') made.add('pad_token_id')
  const isMade = ([key, value]: [string, unknown]): boolean => {
    // names that have the meaning of the one that would be written are kept
    if (key === activation.key) return value === ACTIVATION_NAMES[ACTIVATIONS[String(value)]]
    return made.has(key) || (key in written && written[key] === value)
  }
  return Object.fromEntries(Object.entries(raw).filter((entry) => !isMade(entry)))
}

/** The sizes, from the keys that the family has for them. */
function parseSizes(raw: Record<string, unknown>, family: Family, refuse: Refuse): EncoderSizes {
  const { config } = family
  const valueOf = (size: keyof EncoderSizes): { value: unknown; key: string } => {
    const field = config.sizes[size]!
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
  const [hiddenSize, heads, layers] = [count('hiddenSize'), count('heads'), count('layers')]
  if (hiddenSize % heads !== 0)
    refuse(`${valueOf('hiddenSize').key} ${hiddenSize} is not a multiple of ${valueOf('heads').key} ${heads}`)
  const isAfterPadding = family.positions === 'after-padding'
  const before = rowsBeforePositions(family, isAfterPadding ? parsePaddingId(raw, family, refuse) : undefined)
  const optional = (size: OptionalSize): Partial<EncoderSizes> => (config.sizes[size] ? { [size]: count(size) } : {})
  return {
    vocabSize: count('vocabSize'),
    hiddenSize,
    layers,
    heads,
    intermediateSize: count('intermediateSize'),
    maxPositions: count('maxPositions', before + 1) - before,
    typeVocabSize: count('typeVocabSize'),
    layerNormEpsilon: epsilon.value,
    ...optional('embeddingSize'),
    ...optional('layerGroups'),
    ...optional('distanceBuckets'),
  }
}

/** The sizes and the activation under the keys that the family has for them. */
function formatSizes(model: BertConfig, family: Family): Record<string, unknown> {
  const { config } = family
  const json: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(config.sizes)) {
    const size = name as keyof EncoderSizes
    const before = size === 'maxPositions' ? rowsBeforePositions(family, model.paddingId) : 0
    if ('key' in field) json[field.key] = sizeOf(model, size) + before
    // where transformers has it; the same model is the same bytes in every release
    if (size === 'intermediateSize') json[config.activation.key] = ACTIVATION_NAMES[model.activation ?? 'gelu']
  }
  return json
}

function sizeOf(model: BertConfig, size: keyof EncoderSizes): number {
  const found = model[size]
  if (found !== undefined) return found
  if (size === 'embeddingSize') return model.hiddenSize
  if (size === 'layerGroups') return model.layers
  throw new Error(`config.json: a configuration of ${model.family} needs ${size}, found none`)
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
    // some files have numbers for names
    return typeof name === 'string' || typeof name === 'number'
      ? String(name)
      : refuse(`id2label has no name for ${i} of ${names.length} labels`)
  })
}

const classOf = ({ config, classifier }: ModelShape): string => {
  if (!classifier) return 'Model'
  return config.task === 'token-classification' ? 'ForTokenClassification' : 'ForSequenceClassification'
}

/** config.json of a model; a plain f32 model gets no `compression` block and opens in any Hugging Face library. */
export function formatConfig(shape: ModelShape, aliases: Record<string, string> = {}): string {
  const { config } = shape
  const family = familyOf(config)
  const json: Record<string, unknown> = {
    architectures: [`${family.classPrefix}${classOf(shape)}`],
    model_type: config.family ?? family.modelTypes[0],
    ...formatSizes(config, family),
    ...family.config.written,
    ...(config.paddingId !== undefined && { pad_token_id: config.paddingId }),
    torch_dtype: 'float32',
    ...config.kept,
  }
  if (config.labels.length) {
    json.id2label = Object.fromEntries(config.labels.map((label, i) => [i, label]))
    json.label2id = Object.fromEntries(config.labels.map((label, i) => [label, i]))
  }
  if (config.problemType) json.problem_type = config.problemType
  if (config.prunedHeads) json.pruned_heads = config.prunedHeads
  if (config.preparation?.steps.length) json.text_preparation = { version: PREPARATION_VERSION, ...config.preparation }
  const compression = formatCompression(shape, aliases)
  if (compression) json.compression = compression
  return `${JSON.stringify(json, null, 2)}\n`
}
