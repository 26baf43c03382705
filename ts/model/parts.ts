// The files that hold a model's tensors, and what the tensors in them are called.

import type { ModelFiles, Progress } from '../io/folder.ts'
import { INDEX_FILE, shardsOf } from '../io/shards.ts'
import { openSafetensors, type ByteSource, type SafetensorsFile } from '../io/safetensors.ts'
import { classifierStem, poolerOf } from '../families/names.ts'
import type { ParsedConfig } from './config-json.ts'
import type { ModelShape } from './shape.ts'

export interface PartsOptions {
  progress?: Progress
  /** nothing is read twice: what is in memory is released as it is read */
  readOnce?: boolean
}

/** The safetensors file or files of a model, opened and their headers checked. */
export async function openParts(
  files: ModelFiles,
  { progress, readOnce = false }: PartsOptions = {},
): Promise<SafetensorsFile[]> {
  const opened: SafetensorsFile[] = []
  const open = async (name: string): Promise<boolean> => {
    const source = await files.open(name)
    if (!source) return false
    try {
      opened.push(await openSafetensors(reported(readOnce ? releasing(source) : source, name, progress)))
    } catch (error) {
      await source.close()
      for (const part of opened) await part.source.close()
      throw error
    }
    return true
  }
  if (await open('model.safetensors')) return opened
  const index = await files.text(INDEX_FILE)
  if (index === null) throw await missingWeights(files)
  for (const name of shardsOf(index, files.where))
    if (!(await open(name))) {
      for (const part of opened) await part.source.close()
      throw new Error(`${files.where}: ${name}, named in ${INDEX_FILE}, is missing; fetch it again`)
    }
  return opened
}

/** What there is in place of model.safetensors, and what to do about it. */
async function missingWeights({ where, list }: ModelFiles): Promise<Error> {
  const names = (await list?.()) ?? []
  const onnx = names.find((name) => /\.(onnx|gguf)$|^openvino_model\.xml$/.test(name))
  const adapter = names.find((name) => /^adapter_(model|config)\./.test(name))
  if (adapter)
    return new Error(
      `${where}: model.safetensors is missing, and ${adapter} is an adapter of another model; merge the two with peft: PeftModel.from_pretrained(BASE, FOLDER).merge_and_unload().save_pretrained(NEW)`,
    )
  const other = names.find((name) =>
    /^(pytorch_model.*\.bin(\.index\.json)?|tf_model\.h5|flax_model\.msgpack|rust_model\.ot)$/.test(name),
  )
  const convert =
    'convert it with transformers: AutoModelForSequenceClassification (or AutoModel) .from_pretrained(FOLDER).save_pretrained(NEW)'
  if (other) return new Error(`${where}: model.safetensors is missing, and ${other} is not read; ${convert}`)
  if (onnx)
    return new Error(
      `${where}: model.safetensors is missing, and ${onnx} is not read; take the model that it was exported from, with its model.safetensors`,
    )
  return new Error(
    `${where}: model.safetensors is missing; a model that has only pytorch_model.bin must be converted to safetensors first: ${convert}`,
  )
}

function releasing(source: ByteSource): ByteSource {
  if (!source.release) return source
  return {
    ...source,
    read: async (position, into) => {
      await source.read(position, into)
      source.release!(position, into.length)
    },
  }
}

/** Says how far the reading of a file is. Sources in memory were reported while they were fetched. */
function reported(source: ByteSource, file: string, progress?: Progress): ByteSource {
  if (!progress || source.view || source.release) return source
  const total = source.size
  let loaded = 0
  progress({ status: 'initiate', file })
  return {
    ...source,
    read: async (position, into) => {
      await source.read(position, into)
      loaded += into.length
      progress({ status: 'progress', file, loaded, total, progress: (100 * loaded) / total })
    },
    close: async () => {
      progress({ status: 'done', file, loaded, total, progress: 100 })
      await source.close()
    },
  }
}

/** Classes whose classifier scores neither whole texts nor tokens by labels, after their family's name. */
const OTHER_CLASSIFIERS = ['ForMultipleChoice']

/**
 * Takes out of the shape what the file need not have and does not have: tables where they are optional, pooler, classifier.
 *
 * @param names of the file's tensors, canonical
 */
export function settleOptionalParts(
  { shape, family, architecture }: ParsedConfig,
  names: Iterable<string>,
  embeddings: 'required' | 'optional' = 'required',
): void {
  const all = [...names]
  const { tensors, classPrefix } = family
  const { config } = shape
  const has = (stem: string): boolean => all.some((name) => name.startsWith(`${stem}.`))
  const tables = [
    tensors.word,
    tensors.position,
    tensors.embeddingNorm,
    ...(tensors.type === null ? [] : [tensors.type]),
  ]
  if (embeddings === 'optional' && !tables.some(has)) {
    for (const table of [shape.word, shape.position, shape.type]) Object.assign(table, { kind: 'f32', rows: 0 })
    if (tensors.projection && !has(tensors.projection.stem)) shape.projection = null
  }
  const isOptional = !/(Sequence|Token)Classification$/.test(architecture)
  const isOther = OTHER_CLASSIFIERS.some((name) => architecture === classPrefix + name)
  if (isOther || (isOptional && !has(classifierStem(family, config)))) shape.classifier = null
  const pooler = poolerOf(family, config, shape.classifier !== null)
  if (!pooler || !has(pooler.stem)) shape.pooler = null
  else shape.pooler ??= shapeOfPooler(shape)
}

const shapeOfPooler = ({ config: { hiddenSize: C } }: ModelShape): ModelShape['pooler'] => ({
  weight: { kind: 'f32', N: C, K: C },
  bias: true,
})
