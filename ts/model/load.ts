// Opens a model: a folder, an address, a hub repository, files in memory, or a preset.

import { checkLinearWeight, type EmbeddingTable, type LeafWeight } from '../../kernels/runtime/weights.ts'
import { fetchedFiles, type ModelFiles, type Progress } from '../io/folder.ts'
import {
  openSafetensors,
  readFloats,
  readStored,
  type ByteSource,
  type Dtype,
  type SafetensorsFile,
  type TensorEntry,
} from '../io/safetensors.ts'
import { parseConfig, type ParsedConfig } from './config-json.ts'
import { columnsOfMask } from './mask.ts'
import { presetModel } from './preset.ts'
import { fixedScaleOf, tensorSlots, type LeafShape, type LinearLayerShape, type TableShape } from './shape.ts'
import {
  LAYER_LINEARS,
  LINEAR_STEMS,
  mix,
  type EncoderLayer,
  type LinearLayer,
  type ModelWeights,
  type Norm,
} from './weights.ts'

export interface LoadModelOptions {
  /** presets only: seed of the random weights, 1 if not given */
  seed?: number
  progress?: Progress
  /** nothing from the network: folders and caches only (also HF_HUB_OFFLINE=1) */
  localFilesOnly?: boolean
  /** branch, tag or commit of a hub repository, 'main' if not given */
  revision?: string
  /** names of the classifier's outputs, in place of the file's own */
  labels?: string[]
  /** 'optional': a file without embedding tables opens as an encoder that takes vectors; its tables have no rows */
  embeddings?: 'required' | 'optional'
}

export interface LoadedModel {
  weights: ModelWeights
  /** tokenizer.json, vocab.txt, tokenizer_config.json as far as they are there: name -> text */
  tokenizerFiles: Record<string, string>
  /** bytes of model.safetensors (all parts); 0 for a preset */
  fileBytes: number
  /** bytes of its header(s) */
  headerBytes: number
  /** where it came from, for messages */
  where: string
}

export const TOKENIZER_FILES = ['tokenizer.json', 'vocab.txt', 'tokenizer_config.json'] as const

const isNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string'

/**
 * Opens a model.
 *
 * @param source `preset:NAME`; a folder in Hugging Face's layout (Node); an http(s) address of such a folder, or in the
 *   browser a path that starts with `.` or `/`; else a hub id such as `org/name`
 * @throws where the model cannot be found, is no BERT, or a tensor is missing, of wrong type or shape, or not finite:
 *   the message names the file and the tensor
 */
export async function loadModel(source: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  if (source.startsWith('preset:')) {
    const name = source.slice('preset:'.length)
    const weights = presetModel(name, options.seed ?? 1, options.labels)
    options.progress?.({ status: 'ready', file: source })
    return { weights, tokenizerFiles: {}, fileBytes: 0, headerBytes: 0, where: source }
  }
  return loadModelFiles(await openModelFiles(source, options), options)
}

/** Finds where `source` lies, without reading it. */
export async function openModelFiles(source: string, options: LoadModelOptions = {}): Promise<ModelFiles> {
  const { progress, localFilesOnly, revision } = options
  if (/^https?:\/\//.test(source)) {
    if (localFilesOnly && isNode()) throw new Error(`${source} is an address, and only local files are allowed`)
    return fetchedFiles(source, { progress, localFilesOnly })
  }
  if (isNode()) {
    const { folderFiles, isFolder } = await import('../io/folder.node.ts')
    if (await isFolder(source)) return folderFiles(source)
    const { hubFiles, isHubId } = await import('../io/hub.node.ts')
    if (!isHubId(source))
      throw new Error(`there is no folder '${source}', and it is no hub id (org/name) and no preset (preset:NAME)`)
    return hubFiles(source, { progress, localFilesOnly, revision })
  }
  if (/^[./]/.test(source)) return fetchedFiles(source, { progress, localFilesOnly })
  const { hubAddress } = await import('../io/hub.ts')
  return fetchedFiles(hubAddress(source, revision), { progress, localFilesOnly, cache: true })
}

/** Reads a model from its files. */
export async function loadModelFiles(files: ModelFiles, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const { where } = files
  const configText = await files.text('config.json')
  if (configText === null) throw new Error(`${where}: config.json is missing; expected a Hugging Face model folder`)
  const parsed = parseConfig(configText, `${where}: config.json`)
  const tokenizerFiles: Record<string, string> = {}
  for (const name of TOKENIZER_FILES) {
    const text = await files.text(name)
    if (text !== null) tokenizerFiles[name] = text
  }
  parsed.shape.config.lowercase = isLowercase(tokenizerFiles, where)

  const parts = await openParts(files, options.progress)
  let weights: ModelWeights
  try {
    weights = await new TensorIndex(parts, parsed, options).readModel()
  } finally {
    for (const part of parts) await part.source.close()
  }
  options.progress?.({ status: 'ready', file: where })
  return {
    weights,
    tokenizerFiles,
    fileBytes: parts.reduce((sum, part) => sum + part.source.size, 0),
    headerBytes: parts.reduce((sum, part) => sum + part.headerBytes, 0),
    where,
  }
}

/** do_lower_case of tokenizer_config.json; else what tokenizer.json's normalizer does; BERT's default is true. */
function isLowercase(tokenizerFiles: Record<string, string>, where: string): boolean {
  const read = (name: string): Record<string, unknown> => {
    if (!tokenizerFiles[name]) return {}
    try {
      return JSON.parse(tokenizerFiles[name]) as Record<string, unknown>
    } catch (error) {
      throw new Error(`${where}: ${name}: not JSON (${(error as Error).message})`, { cause: error })
    }
  }
  const config = read('tokenizer_config.json')
  if (typeof config.do_lower_case === 'boolean') return config.do_lower_case
  const normalizer = (read('tokenizer.json').normalizer ?? {}) as { lowercase?: unknown }
  return typeof normalizer.lowercase === 'boolean' ? normalizer.lowercase : true
}

/** The safetensors file or files of a model, opened and their headers checked. */
export async function openParts(files: ModelFiles, progress?: Progress): Promise<SafetensorsFile[]> {
  const opened: SafetensorsFile[] = []
  const open = async (name: string): Promise<boolean> => {
    const source = await files.open(name)
    if (!source) return false
    try {
      opened.push(await openSafetensors(reported(source, name, progress)))
    } catch (error) {
      await source.close()
      for (const part of opened) await part.source.close()
      throw error
    }
    return true
  }
  if (await open('model.safetensors')) return opened
  const index = await files.text('model.safetensors.index.json')
  if (index === null)
    throw new Error(
      `${files.where}: model.safetensors is missing; a model that has only pytorch_model.bin must be converted to safetensors first`,
    )
  const map = (JSON.parse(index) as { weight_map?: Record<string, string> }).weight_map ?? {}
  for (const name of new Set(Object.values(map)))
    if (name.includes('/') || name.includes('\\') || !(await open(name)))
      throw new Error(`${files.where}: ${name}, named in model.safetensors.index.json, is missing`)
  return opened
}

/** Says how far the reading of a file is. Sources in memory were reported while they were fetched. */
function reported(source: ByteSource, file: string, progress?: Progress): ByteSource {
  if (!progress || source.view) return source
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

/** `bert.` in front, LayerNorm's parts by their present names; null for tensors that no encoder or classifier has. */
export function canonicalName(name: string): string | null {
  if (/(^|\.)embeddings\.position_ids$/.test(name)) return null
  const full = /^(embeddings|encoder|pooler)\./.test(name) ? `bert.${name}` : name
  if (!/^(bert|classifier)\./.test(full)) return null
  return full.replace(/\.LayerNorm\.gamma$/, '.LayerNorm.weight').replace(/\.LayerNorm\.beta$/, '.LayerNorm.bias')
}

const NOT_ONE_PER_TEXT = ['BertForTokenClassification', 'BertForMultipleChoice']

/** Takes out of the shape what the file need not have and has not: tables where they are optional, pooler, classifier. */
export function settleOptionalParts(
  { shape, architecture }: ParsedConfig,
  names: Iterable<string>,
  embeddings: LoadModelOptions['embeddings'],
): void {
  const all = [...names]
  const has = (prefix: string): boolean => all.some((name) => name.startsWith(prefix))
  if (embeddings === 'optional' && !has('bert.embeddings.'))
    for (const table of [shape.word, shape.position, shape.type]) Object.assign(table, { kind: 'f32', rows: 0 })
  if (!has('bert.pooler.')) shape.pooler = null
  const isOptional = !architecture.endsWith('SequenceClassification')
  if (NOT_ONE_PER_TEXT.includes(architecture) || (isOptional && !has('classifier.'))) shape.classifier = null
}

class TensorIndex {
  private readonly entries = new Map<string, { file: SafetensorsFile; entry: TensorEntry }>()
  private readonly where: string
  private readonly parsed: ParsedConfig
  private readonly options: LoadModelOptions
  /** one array per stored tensor, so that aliases share it */
  private readonly arrays = new Map<TensorEntry, Promise<unknown>>()

  constructor(parts: SafetensorsFile[], parsed: ParsedConfig, options: LoadModelOptions) {
    this.parsed = parsed
    this.options = options
    this.where = parts.map((part) => part.source.name).join(', ')
    for (const file of parts)
      for (const entry of file.tensors.values()) {
        const name = canonicalName(entry.name)
        if (name === null) continue
        if (this.entries.has(name)) throw new Error(`${this.where}: tensor '${name}' is given twice`)
        this.entries.set(name, { file, entry })
      }
    for (const [alias, name] of Object.entries(parsed.aliases)) {
      const target = this.entries.get(name)
      if (!target || this.entries.has(alias))
        throw new Error(
          `${this.where}: tensor '${alias}' should share the bytes of '${name}', which is missing or not alone`,
        )
      this.entries.set(alias, target)
    }
  }

  /** Settles which optional parts are there, checks every tensor's type and shape, then reads. */
  async readModel(): Promise<ModelWeights> {
    const { shape } = this.parsed
    const { config } = shape
    settleOptionalParts(this.parsed, this.entries.keys(), this.options.embeddings)
    this.settleLabels()
    this.checkTensors()

    const { word, position, type } = shape
    const C = config.hiddenSize
    const noNorm = { gamma: new Float32Array(C).fill(1), beta: new Float32Array(C) }
    const embeddings = {
      word: await this.table('word_embeddings', word),
      position: await this.table('position_embeddings', position),
      type: await this.table('token_type_embeddings', type),
      norm: word.rows > 0 ? await this.norm('bert.embeddings') : noNorm,
    }
    const layers: EncoderLayer[] = []
    for (const [i, layer] of shape.layers.entries()) {
      const stem = `bert.encoder.layer.${i}`
      const linears: Partial<EncoderLayer> = {}
      for (const role of LAYER_LINEARS) linears[role] = await this.linear(`${stem}.${LINEAR_STEMS[role]}`, layer[role])
      layers.push({
        ...(linears as EncoderLayer),
        attentionNorm: await this.norm(`${stem}.attention.output`),
        outputNorm: await this.norm(`${stem}.output`),
        heads: layer.heads,
        headSize: layer.headSize,
      })
    }
    return {
      config,
      embeddings,
      layers,
      pooler: shape.pooler && (await this.linear('bert.pooler.dense', shape.pooler)),
      classifier: shape.classifier && (await this.linear('classifier', shape.classifier)),
    }
  }

  /** Labels: the caller's, the file's, or LABEL_0 … by the classifier's rows. */
  private settleLabels(): void {
    const { shape, labelsNamed } = this.parsed
    const { config, classifier } = shape
    if (!classifier) {
      config.labels = []
      return
    }
    const rows = this.entries.get('classifier.bias')?.entry.shape[0] ?? classifier.weight.N
    if (this.options.labels) config.labels = this.options.labels
    else if (!labelsNamed) config.labels = Array.from({ length: rows }, (_, i) => `LABEL_${i}`)
    if (config.labels.length !== rows)
      throw new Error(
        `${this.where}: the classifier has ${rows} outputs, but there are ${config.labels.length} labels (${config.labels.join(', ')})`,
      )
    classifier.weight = { ...classifier.weight, N: rows }
  }

  /** Every tensor of the shape must be there with its type and shape, and no others. */
  private checkTensors(): void {
    const expected = new Set<string>()
    for (const slot of tensorSlots(this.parsed.shape)) {
      expected.add(slot.name)
      const found = this.entries.get(slot.name)
      if (!found)
        throw new Error(`${this.where}: tensor '${slot.name}' ${slot.dtype} [${slot.shape.join(', ')}] is missing`)
      const { dtype, shape } = found.entry
      const floats: Dtype[] = ['F32', 'F16', 'BF16', 'F64']
      const fits = slot.dtype === 'F32' ? floats.includes(dtype) : dtype === slot.dtype
      if (!fits || shape.join() !== slot.shape.join())
        throw new Error(
          `${this.where}: tensor '${found.entry.name}' is ${dtype} [${shape.join(', ')}], expected ${slot.dtype} [${slot.shape.join(', ')}] by config.json`,
        )
    }
    for (const name of this.entries.keys()) {
      const ignored =
        name.startsWith('bert.pooler.') || (name.startsWith('classifier.') && !this.parsed.shape.classifier)
      if (!expected.has(name) && !ignored)
        throw new Error(
          `${this.where}: tensor '${name}' has no place in a model of ${this.parsed.shape.layers.length} layers as config.json describes it`,
        )
    }
  }

  private once<T>(name: string, read: (file: SafetensorsFile, entry: TensorEntry) => Promise<T>): Promise<T> {
    const { file, entry } = this.entries.get(name)!
    let array = this.arrays.get(entry) as Promise<T> | undefined
    if (!array) this.arrays.set(entry, (array = read(file, entry)))
    return array
  }

  private floats(name: string): Promise<Float32Array> {
    return this.once(name, readFloats)
  }

  private stored<T>(name: string): Promise<T> {
    return this.once(name, readStored) as Promise<T>
  }

  private async norm(stem: string): Promise<Norm> {
    return { gamma: await this.floats(`${stem}.LayerNorm.weight`), beta: await this.floats(`${stem}.LayerNorm.bias`) }
  }

  private async table(name: string, { kind, rows, width }: TableShape): Promise<EmbeddingTable> {
    const stem = `bert.embeddings.${name}.weight`
    if (rows === 0) return { kind: 'f32', rows, width, data: new Float32Array(0) }
    if (kind === 'f32') return { kind, rows, width, data: await this.floats(stem) }
    return {
      kind,
      rows,
      width,
      data: await this.stored<Uint8Array>(stem),
      scales: await this.floats(`${stem}.scales`),
      offsets: await this.floats(`${stem}.offsets`),
    }
  }

  private async linear(stem: string, { weight, bias }: LinearLayerShape): Promise<LinearLayer> {
    const read: LinearLayer['weight'] =
      weight.kind === 'chain'
        ? { ...weight, factors: await this.factors(stem, weight.factors) }
        : await this.leaf(stem, weight)
    checkLinearWeight(read, `${this.where}: tensor '${stem}.weight'`)
    return { weight: read, bias: bias ? await this.floats(`${stem}.bias`) : null }
  }

  private async factors(stem: string, shapes: LeafShape[]): Promise<LeafWeight[]> {
    const factors: LeafWeight[] = []
    for (const [i, factor] of shapes.entries()) factors.push(await this.leaf(`${stem}.factors.${i}`, factor))
    return factors
  }

  private async leaf(stem: string, shape: LeafShape): Promise<LeafWeight> {
    const { N, K } = shape
    const name = `${stem}.weight`
    switch (shape.kind) {
      case 'f32':
        return { kind: 'f32', N, K, data: await this.floats(name) }
      case 'mixed': {
        const basis = await this.floats(`${name}.basis`)
        return { kind: 'f32', N, K, data: mix({ basis, weights: await this.floats(`${name}.mix`) }) }
      }
      case 'int8': {
        const data = await this.stored<Int8Array>(name)
        return { kind: 'int8', N, K, data, scales: await this.floats(`${name}.scales`), ...fixedScaleOf(shape) }
      }
      case 'csr': {
        const columns = columnsOfMask(await this.stored(`${name}.mask`), N, K, `${name}.mask`)
        return { kind: 'csr', N, K, ...columns, values: await this.floats(`${name}.values`) }
      }
      case 'int8-1x4': {
        const columns = columnsOfMask(await this.stored(`${name}.mask`), N, K / 4, `${name}.mask`)
        const values = await this.stored<Int8Array>(`${name}.values`)
        const scales = await this.floats(`${name}.scales`)
        return { kind: 'int8-1x4', N, K, ...columns, values, scales, ...fixedScaleOf(shape) }
      }
      case 'nm': {
        const { n, m, group } = shape
        const mask = await this.stored<Uint8Array>(`${name}.mask`)
        const { columns } = columnsOfMask(mask, Math.ceil(N / group), K, `${name}.mask`)
        return { kind: 'nm', N, K, n, m, group, indices: columns, values: await this.floats(`${name}.values`) }
      }
    }
  }
}
