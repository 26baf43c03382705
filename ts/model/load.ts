// Opens a model: a folder, an address, a hub repository, files in memory, or a preset.

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { fetchedFiles, type ModelFiles, type Progress } from '../io/folder.ts'
import type { Family } from '../families/family.ts'
import { parseConfig } from './config-json.ts'
import type { BertConfig, ProblemType } from './config.ts'
import { openParts } from './parts.ts'
import { loadPresetFamily, presetModel } from './preset.ts'
import { readModel, TensorIndex } from './tensor-index.ts'
import { readTokenizerFiles } from './tokenizer-files.ts'
import type { ModelWeights, StoredModel } from './weights.ts'

export interface LoadModelOptions {
  /** presets only: seed of the random weights, 1 if not given */
  seed?: number
  progress?: Progress
  /** nothing from the network: folders and caches only (also HF_HUB_OFFLINE=1) */
  localFilesOnly?: boolean
  /** branch, tag or commit of a hub repository, 'main' if not given */
  revision?: string
  /** address of another hub than the public one; in Node HF_ENDPOINT too */
  endpoint?: string
  /** for private repositories of the hub; in Node HF_TOKEN too. It is sent to the hub alone */
  token?: string
  /** ends what is fetched */
  signal?: AbortSignal
  /** names of the classifier's outputs, in place of the file's own */
  labels?: string[]
  /** what the classifier's outputs are, in place of the file's own */
  problemType?: ProblemType
  /** 'optional': a file without embedding tables opens as an encoder that takes vectors; its tables have no rows */
  embeddings?: 'required' | 'optional'
}

const OPTIONS: OptionNames<LoadModelOptions> = {
  ...{ seed: true, progress: true, localFilesOnly: true, revision: true, endpoint: true, token: true, signal: true },
  ...{ labels: true, problemType: true, embeddings: true },
}

export interface OpenModelOptions extends LoadModelOptions {
  /** no weight is read twice, so that what was fetched may leave memory as it is read; false if not given */
  readOnce?: boolean
}

export interface LoadedModel {
  weights: ModelWeights
  /** the tokenizer's files as far as they are there: name -> text */
  tokenizerFiles: Record<string, string>
  /** bytes of model.safetensors (all parts); 0 for a preset */
  fileBytes: number
  /** bytes of its header(s) */
  headerBytes: number
  /** where it came from, for messages */
  where: string
  /**
   * The folder's other files that belong to the model, such as modules.json, for `saveModel`'s option `beside`; read when
   * asked for.
   * @param isTokenizerNew the tokens will have other ids, so that files with ids are left out; false if not given
   */
  filesBeside(isTokenizerNew?: boolean): Promise<Record<string, Uint8Array<ArrayBuffer>>>
}

/** A model of which only what is small was read. */
export interface OpenedModel extends Omit<LoadedModel, 'weights'> {
  /** for `buildProgram`: matrices and tables are read, and checked for their values, when a device packs them */
  weights: StoredModel
  /** Closes the files; what was not read until then cannot be. May be called again. */
  close(): Promise<void>
}

const isNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string'

/**
 * Opens a model and reads all of its weights.
 *
 * @param source `preset:NAME`; `builtin:encoder` (Node, of a clone); a folder in Hugging Face's layout (Node); an http(s) address of such a folder, or in the
 *   browser a path that starts with `.` or `/`; else a hub id such as `org/name`
 * @throws where the model cannot be found, is of a family that is not computed here, or a tensor is missing, of wrong type or shape, or not finite:
 *   the message names the file and the tensor
 */
export async function loadModel(source: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  checkNames('loadModel', options, OPTIONS)
  if (source.startsWith('preset:')) return loadPreset(source, options)
  return loadModelFiles(await openModelFiles(source, options), options)
}

/**
 * As `loadModel`, but matrices and tables stay in the files until a device packs them, one at a time, so that memory
 * never holds two copies. For models that are only run; keep it open until they are loaded.
 *
 * @example
 * const model = await openModel('./my-model')
 * const session = await device.load(buildProgram(model.weights, 'logits'))
 * await model.close()
 */
export async function openModel(source: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  if (source.startsWith('preset:')) return { ...(await loadPreset(source, options)), close: async () => {} }
  return openModelFrom(await openModelFiles(source, options), options)
}

async function loadPreset(source: string, options: LoadModelOptions): Promise<LoadedModel> {
  const name = source.slice('preset:'.length)
  await loadPresetFamily(name)
  const weights = presetModel(name, options.seed ?? 1, options.labels)
  options.progress?.({ status: 'ready', file: source })
  return { weights, tokenizerFiles: {}, fileBytes: 0, headerBytes: 0, where: source, filesBeside: async () => ({}) }
}

/** What the config.json of `source` says, without its weights; null of a preset. */
export async function readModelConfig(source: string, options: LoadModelOptions = {}): Promise<BertConfig | null> {
  if (source.startsWith('preset:')) return null
  const files = await openModelFiles(source, options)
  const config = await files.text('config.json')
  // what is wrong with the folder is said where it is opened
  return config === null ? null : (await parseConfig(config, `${files.where}: config.json`)).shape.config
}

/** Finds the files of `source`, without reading them. */
export async function openModelFiles(source: string, options: LoadModelOptions = {}): Promise<ModelFiles> {
  const { progress, localFilesOnly, revision, endpoint, token, signal } = options
  const common = { progress, localFilesOnly, signal }
  if (/^https?:\/\//.test(source)) {
    if (!isNode()) return fetchedFiles(source, { ...common, cache: true })
    const { keptOnDisk } = await import('../io/folder.node.ts')
    return fetchedFiles(source, { ...common, cache: true, kept: () => Promise.resolve(keptOnDisk()) })
  }
  if (source.startsWith('builtin:')) {
    if (!isNode()) throw new Error(`${source} is read in Node; give the address of its folder`)
    const [{ builtinFolder }, { folderFiles }] = await Promise.all([
      import('../io/builtin.node.ts'),
      import('../io/folder.node.ts'),
    ])
    return folderFiles(await builtinFolder(source))
  }
  if (isNode()) {
    const { folderFiles, isFolder, recoverFolder } = await import('../io/folder.node.ts')
    // one that was being replaced when its writer was killed
    if ((await isFolder(source)) || (await recoverFolder(source))) return folderFiles(source)
    const { hubFiles, isHubId } = await import('../io/hub.node.ts')
    if (!isHubId(source))
      throw new Error(`there is no folder '${source}', and it is no hub id (org/name) and no preset (preset:NAME)`)
    return hubFiles(source, { ...common, revision, endpoint, token })
  }
  if (/^[./]/.test(source)) return fetchedFiles(source, common)
  const { hubPageFiles } = await import('../io/hub-page.ts')
  return hubPageFiles(source, { ...common, revision, endpoint, token })
}

/** Reads a model from its files. */
export async function loadModelFiles(files: ModelFiles, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const { close, weights: stored, ...rest } = await openModelFrom(files, { ...options, readOnce: true })
  let weights: ModelWeights
  try {
    weights = await readModel(stored)
  } finally {
    await close()
  }
  options.progress?.({ status: 'ready', file: rest.where })
  return { ...rest, weights }
}

/** As `openModel`, from files that were found or that the caller has. */
export async function openModelFrom(files: ModelFiles, options: OpenModelOptions = {}): Promise<OpenedModel> {
  const { where } = files
  const configText = await files.text('config.json')
  if (configText === null) throw new Error(`${where}: config.json is missing; expected a Hugging Face model folder`)
  const parsed = await parseConfig(configText, `${where}: config.json`)
  const tokenizerFiles = await readTokenizerFiles(files, parsed.shape.config.family ?? 'bert')
  parsed.shape.config.lowercase = isLowercase(tokenizerFiles, parsed.family, where)

  const parts = await openParts(files, options)
  let isClosed = false
  const close = async (): Promise<void> => {
    if (isClosed) return
    isClosed = true
    for (const part of parts) await part.source.close()
  }
  let weights: StoredModel
  try {
    weights = await new TensorIndex(parts, parsed, options).model()
  } catch (error) {
    await close()
    throw error
  }
  return {
    weights,
    close,
    tokenizerFiles,
    fileBytes: parts.reduce((sum, part) => sum + part.source.size, 0),
    headerBytes: parts.reduce((sum, part) => sum + part.headerBytes, 0),
    where,
    filesBeside: async (isTokenizerNew = false) => {
      const { readFilesBeside } = await import('./beside.ts')
      return readFilesBeside(files, Object.keys(tokenizerFiles), isTokenizerNew)
    },
  }
}

/** do_lower_case of tokenizer_config.json; else what tokenizer.json's normalizer does; else the family's default. */
function isLowercase(tokenizerFiles: Record<string, string>, family: Family, where: string): boolean {
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
  return typeof normalizer.lowercase === 'boolean' ? normalizer.lowercase : family.tokenizer.lowercase
}
