// The high-level API: texts in, labels or vectors out. Option names are those of transformers.js.

import { openDevice, type DeviceChoice } from '../inference/devices.ts'
import { openTextModel, type ModelInMemory, type TextModel } from '../inference/text-model.ts'
import { runOn, type RunningModel } from '../inference/running-model.ts'
import { packBatch, type BatchLimits } from '../inference/batches.ts'
import { embed, type Features, type Pooling } from '../inference/embedder.ts'
import { rankLabels, type LabelScore } from '../inference/classifier.ts'
import type { GpuSession } from '../../kernels/webgpu/device.ts'
import type { Device, DeviceInfo } from '../../kernels/program/device.ts'
import type { Progress } from '../io/folder.ts'
import type { ModelOutput } from '../model/bert.ts'

export type { Features } from '../inference/embedder.ts'

export interface PipelineOptions {
  /**
   * 'auto' (default): the GPU where there is a real one, else WebAssembly; 'cpu' = 'wasm', 'gpu' = 'webgpu'; or a device
   * that the caller made and keeps
   */
  device?: DeviceChoice | Device
  /** WebAssembly threads; the cores, at most 4, if not given */
  threads?: number
  /** what was fetched or read, file by file; `status: 'ready'` at the end */
  progress_callback?: Progress
  /** branch, tag or commit on the hub */
  revision?: string
  /** nothing from the network */
  local_files_only?: boolean
  /** the caller's own GPUDevice */
  gpuDevice?: GPUDevice
}

/** A model that is in memory already. */
export type PipelineModel = ModelInMemory

export interface CallOptions {
  /** most texts in one run, 32 if not given */
  batch_size?: number
  /** most tokens of a text; the model's positions if not given */
  max_length?: number
}

export interface ClassifyOptions extends CallOptions {
  /** labels per text, best first; 1 if not given, null for all */
  top_k?: number | null
}

export type Classification = LabelScore

export interface ExtractOptions extends CallOptions {
  /** 'mean' or 'cls': one vector a text; 'none' (default): one a token */
  pooling?: Pooling
  /** divide each vector by its L2 norm; false if not given */
  normalize?: boolean
}

export interface PipelineInfo extends DeviceInfo {
  task: string
  /** where the model came from */
  model: string
}

export interface WarmupOptions {
  /** texts in a batch; 1 if not given */
  batch_size?: number
  /** tokens of each, at most the model's positions; 128 if not given */
  tokens?: number
  /** on a real GPU: time the kernels that may do each layer and keep the fastest, for later starts in the same browser too */
  tune?: boolean
}

interface Disposable {
  /**
   * Runs one batch of that size and drops its result: buffers are reserved, and drivers that compile a kernel when it
   * first runs have done so before the first call.
   */
  warmup(options?: WarmupOptions): Promise<void>
  /** device, threads, and in `notes` every fall-back and cut text */
  info(): PipelineInfo
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface TextClassifier extends Disposable {
  (text: string, options?: ClassifyOptions & { top_k?: number | null }): Promise<Classification[]>
  (texts: string[], options: ClassifyOptions & { top_k: null }): Promise<Classification[][]>
  (texts: string[], options?: ClassifyOptions): Promise<Classification[] | Classification[][]>
}

export interface FeatureExtractor extends Disposable {
  (texts: string | string[], options?: ExtractOptions): Promise<Features>
}

/**
 * Opens a model for a task.
 *
 * @param model folder, hub id, address, or weights that are in memory
 * @throws where the model is not valid, has no classifier for 'text-classification', or the device is not there
 * @example
 * const classify = await pipeline('text-classification', './my-model', { device: 'wasm' })
 * await classify('I loved it') // [{ label: 'positive', score: 0.998 }]
 * await classify.dispose()
 */
export function pipeline(
  task: 'text-classification' | 'sentiment-analysis',
  model: string | PipelineModel,
  options?: PipelineOptions,
): Promise<TextClassifier>
export function pipeline(
  task: 'feature-extraction',
  model: string | PipelineModel,
  options?: PipelineOptions,
): Promise<FeatureExtractor>
export async function pipeline(
  task: string,
  model: string | PipelineModel,
  options: PipelineOptions = {},
): Promise<TextClassifier | FeatureExtractor> {
  if (!['text-classification', 'sentiment-analysis', 'feature-extraction'].includes(task))
    throw new Error(`task '${task}' is not known; expected text-classification or feature-extraction`)
  const isExtractor = task === 'feature-extraction'
  const report = options.progress_callback
  let isReady = false
  const opened = await openTextModel(model, {
    // the files of a feature extractor are read again for its other outputs, of which nobody waits to hear
    progress: report && ((event) => event.status !== 'ready' && !isReady && report(event)),
    revision: options.revision,
    localFilesOnly: options.local_files_only,
    readOnce: !isExtractor,
  })
  try {
    if (!isExtractor && !opened.weights.classifier)
      throw new Error(
        `${opened.where}: this model has no classifier; use the task feature-extraction, or train one first`,
      )
    const made = await startTask(task, opened, options)
    isReady = true
    report?.({ status: 'ready', file: opened.where })
    return made
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** Opens the device and loads the task's output, so that the first call is not slower than the others. */
async function startTask(
  task: string,
  opened: TextModel,
  options: PipelineOptions,
): Promise<TextClassifier | FeatureExtractor> {
  const { device: choice } = options
  const isOwn = typeof choice !== 'object'
  const { device, notes } = isOwn ? await openDevice({ ...options, device: choice }) : { device: choice, notes: [] }
  const model = runOn(device, opened)
  let isDisposed = false
  const dispose = async (): Promise<void> => {
    if (isDisposed) return
    isDisposed = true
    await model.dispose()
    if (isOwn) await device.dispose()
  }
  const open = (): RunningModel => {
    if (isDisposed) throw new Error('this pipeline was disposed of')
    return model
  }
  const isExtractor = task === 'feature-extraction'
  const output = isExtractor ? 'embeddings' : 'logits'
  try {
    await model.session(output)
    if (!isExtractor) await model.releaseWeights()
  } catch (error) {
    await dispose()
    throw error
  }
  return Object.assign(isExtractor ? extractorOf(open) : classifierOf(open), {
    warmup: async (warmupOptions?: WarmupOptions) => warmup(open(), output, warmupOptions),
    info: () => ({ ...infoOf(model, notes), task, model: opened.where }),
    dispose,
    [Symbol.asyncDispose]: dispose,
  }) as TextClassifier | FeatureExtractor
}

function infoOf({ device, encoded: { texts, truncated } }: RunningModel, notes: string[]): DeviceInfo {
  const info = device.info()
  const cut = truncated > 0 ? [`${truncated} of ${texts} texts were too long and lost their end`] : []
  return { ...info, notes: [...notes, ...info.notes, ...cut] }
}

async function warmup(
  model: RunningModel,
  output: ModelOutput,
  { batch_size = 1, tokens = 128, tune = false }: WarmupOptions = {},
): Promise<void> {
  checkWhole({ batch_size, tokens })
  const length = Math.min(tokens, model.config.maxPositions)
  const session = await model.session(output)
  const batch = packBatch(Array.from({ length: batch_size }, () => new Int32Array(length)))
  // the CPU's sessions have nothing to choose
  if (tune && 'tune' in session) await (session as GpuSession).tune(batch)
  await session.run(batch)
}

/** Most tokens of one run: larger ones gain nothing and cost memory. */
const MAX_TOKENS = 8192

/** Token ids of the texts, and how they are to be run. */
function encode(
  model: RunningModel,
  texts: string | string[],
  { batch_size = 32, max_length }: CallOptions,
): [Int32Array[], BatchLimits] {
  checkWhole({ batch_size })
  const { maxPositions } = model.config
  const limit = Math.min(maxPositions, max_length ?? maxPositions)
  if (!Number.isInteger(limit) || limit < 2)
    throw new Error(`max_length is ${max_length}, expected a whole number from 2`)
  const ids = model.encode(Array.isArray(texts) ? texts : [texts], limit)
  return [ids, { sequences: batch_size, tokens: MAX_TOKENS }]
}

function checkWhole(options: Record<string, number>): void {
  for (const [name, value] of Object.entries(options))
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is ${value}, expected a whole number from 1`)
}

function classifierOf(open: () => RunningModel) {
  return async (texts: string | string[], options: ClassifyOptions = {}) => {
    const { top_k = 1 } = options
    if (top_k !== null && (!Number.isInteger(top_k) || top_k < 1))
      throw new Error(`top_k is ${top_k}, expected a whole number from 1, or null for all`)
    const model = open()
    const [ids, limits] = encode(model, texts, options)
    const ranked = rankLabels(model.config, await model.logits(ids, limits), top_k ?? undefined)
    // as in transformers.js: a list for one text; for several, one each with top_k 1, else a list each
    if (top_k === 1) return ranked.flat()
    return Array.isArray(texts) ? ranked : ranked[0]
  }
}

function extractorOf(open: () => RunningModel) {
  return async (texts: string | string[], options: ExtractOptions = {}): Promise<Features> => {
    const { pooling = 'none', normalize = false } = options
    if (!['none', 'mean', 'cls'].includes(pooling))
      throw new Error(`pooling is '${pooling}', expected mean, cls or none`)
    const model = open()
    const [ids, limits] = encode(model, texts, options)
    return embed(model, ids, { ...limits, pooling, normalize })
  }
}
