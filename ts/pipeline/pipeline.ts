// The high-level API: texts in, labels or vectors out. Option names are those of transformers.js.

import {
  deviceOptionsOf,
  openWithDevice,
  type DeviceChoice,
  type DeviceForModel,
  type DeviceOptions,
} from '../inference/devices.ts'
import { openTextModel, type ModelInMemory, type TextModel } from '../inference/text-model.ts'
import { runOn, type RunningModel } from '../inference/running-model.ts'
import { packBatch, type TextInput } from '../inference/batches.ts'
import type { Features } from '../inference/embedder.ts'
import type { GpuSession } from '../../kernels/webgpu/device.ts'
import type { Device, DeviceInfo } from '../../kernels/program/device.ts'
import type { HeldAsync } from '../../kernels/program/disposable.ts'
import type { ModelFiles, Progress } from '../io/folder.ts'
import type { ModelOutput } from '../model/bert.ts'

import { isSignal, type TaskContext } from './call.ts'
import { extractorOf, type ExtractOptions } from './feature-extraction.ts'
import {
  anObject,
  boolean,
  callable,
  checkOptions,
  oneOf,
  text,
  whole,
  type Known,
  type WithoutMeaning,
} from './options.ts'
import { classifierOf, type Classification, type ClassifyOptions } from './text-classification.ts'
import type { EntityGroup, TokenClassifyOptions, TokenEntity } from './token-classification.ts'
import type { ZeroShotOptions, ZeroShotResult } from './zero-shot.ts'

export type { TextInput, TextPair } from '../inference/batches.ts'
export type { Features } from '../inference/embedder.ts'
export type { CallOptions } from './call.ts'
export type { ExtractOptions } from './feature-extraction.ts'
export type { Classification, ClassifyOptions } from './text-classification.ts'
export type { EntityGroup, TokenClassifyOptions, TokenEntity } from './token-classification.ts'
export type { ZeroShotOptions, ZeroShotResult } from './zero-shot.ts'

export interface PipelineOptions {
  /**
   * 'auto' (default): the faster of WebAssembly and a real GPU for this model, measured in at most 200 ms and remembered
   * (docs/guide-devices.md); 'cpu' = 'wasm', 'gpu' = 'webgpu'; or a device that the caller made and keeps
   */
  device?: DeviceChoice | Device
  /** WebAssembly threads; the cores, at most 4, if not given */
  threads?: number
  /**
   * true: WebAssembly kernels for 256-bit vectors, in a Node that was started with --experimental-wasm-revectorize; an error
   * where the engine does not run them so (docs/wasm-wide.md)
   */
  wide?: boolean
  /** pages only: the address of the package's dist/thread.js, for policies that forbid workers from blob: addresses */
  workerUrl?: string | URL
  /** whether an adapter that emulates a GPU will do: 'allow', the default of 'gpu'; or 'never', that of 'auto' */
  software?: DeviceOptions['software']
  /** what was fetched or read, file by file; `status: 'ready'` at the end */
  progress_callback?: Progress
  /** branch, tag or commit on the hub */
  revision?: string
  /** address of another hub than the public one; in Node HF_ENDPOINT too */
  endpoint?: string
  /** for private repositories of the hub; in Node HF_TOKEN too */
  token?: string
  /** nothing from the network */
  local_files_only?: boolean
  /** the caller's own GPUDevice */
  gpuDevice?: GPUDevice
  /** ends the loading and frees what it took; its reason is thrown */
  signal?: AbortSignal
}

/** A model that is in memory already, or files that were found, such as `memoryFiles` gives. */
export type PipelineModel = ModelInMemory | ModelFiles

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

interface TaskPipeline extends HeldAsync {
  /**
   * Runs one batch of that size and drops its result: buffers are reserved, and drivers that compile a kernel when it
   * first runs have done so before the first call.
   */
  warmup(options?: WarmupOptions): Promise<void>
  /** device, threads, and in `notes` every fall-back and cut text */
  info(): PipelineInfo
}

export interface TextClassifier extends TaskPipeline {
  (text: TextInput, options?: ClassifyOptions & { top_k?: number | null }): Promise<Classification[]>
  (texts: readonly TextInput[], options: ClassifyOptions & { top_k: null }): Promise<Classification[][]>
  (texts: readonly TextInput[], options?: ClassifyOptions): Promise<Classification[] | Classification[][]>
}

export interface FeatureExtractor extends TaskPipeline {
  (texts: string | readonly string[], options?: ExtractOptions): Promise<Features>
}

export interface ZeroShotClassifier extends TaskPipeline {
  (text: string, labels: string | readonly string[], options?: ZeroShotOptions): Promise<ZeroShotResult>
  (texts: readonly string[], labels: string | readonly string[], options?: ZeroShotOptions): Promise<ZeroShotResult[]>
}

export interface TokenClassifier extends TaskPipeline {
  (text: string, options: TokenClassifyOptions & { aggregation_strategy: 'simple' | 'first' }): Promise<EntityGroup[]>
  (text: string, options?: TokenClassifyOptions & { aggregation_strategy?: 'none' }): Promise<TokenEntity[]>
  (
    texts: readonly string[],
    options: TokenClassifyOptions & { aggregation_strategy: 'simple' | 'first' },
  ): Promise<EntityGroup[][]>
  (
    texts: readonly string[],
    options?: TokenClassifyOptions & { aggregation_strategy?: 'none' },
  ): Promise<TokenEntity[][]>
}

const OPTIONS: Known<PipelineOptions> = {
  // which names there are, openDevice says
  device: (value) => (typeof value === 'string' ? null : anObject(value) && 'a name such as cpu, or a device'),
  threads: whole(1),
  wide: boolean,
  workerUrl: (value) => (typeof value === 'string' || value instanceof URL ? null : 'an address'),
  software: oneOf('allow', 'never'),
  progress_callback: callable,
  revision: text,
  endpoint: text,
  token: text,
  local_files_only: boolean,
  gpuDevice: anObject,
  signal: isSignal,
}
const STORED = 'a model runs in the formats that its files have; compress it for others'
const ONE_LAYOUT = 'a model is its folder’s config.json, model.safetensors and tokenizer'
const WITHOUT_MEANING: WithoutMeaning = {
  dtype: STORED,
  quantized: STORED,
  subfolder: ONE_LAYOUT,
  model_file_name: ONE_LAYOUT,
  use_external_data_format: ONE_LAYOUT,
  config: ONE_LAYOUT,
  cache_dir: 'HF_HUB_CACHE names the cache',
  session_options: 'nothing runs in ONNX Runtime',
}

type Callable = (...args: never[]) => Promise<unknown>

interface Task {
  /** the output that is made ready before the first call */
  output: (context: TaskContext) => ModelOutput
  /** other outputs may be asked for later, so that the weights stay at hand */
  keepsWeights?: true
  needsClassifier?: true
  make: (context: TaskContext) => Callable | Promise<Callable>
}

const classification: Task = { output: () => 'logits', needsClassifier: true, make: classifierOf as Task['make'] }
const tokens: Task = {
  output: () => 'token-logits',
  needsClassifier: true,
  make: async (context) => (await import('./token-classification.ts')).tokenClassifierOf(context) as Callable,
}
const TASKS: Record<string, Task> = {
  'text-classification': classification,
  'sentiment-analysis': classification,
  'zero-shot-classification': {
    ...classification,
    make: async (context) => (await import('./zero-shot.ts')).zeroShotOf(context) as Callable,
  },
  'token-classification': tokens,
  ner: tokens,
  'feature-extraction': {
    output: ({ sentence }) => (!sentence || sentence.pooling === 'mean' ? 'embeddings' : 'hidden'),
    keepsWeights: true,
    make: extractorOf as Task['make'],
  },
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
export function pipeline(
  task: 'zero-shot-classification',
  model: string | PipelineModel,
  options?: PipelineOptions,
): Promise<ZeroShotClassifier>
export function pipeline(
  task: 'token-classification' | 'ner',
  model: string | PipelineModel,
  options?: PipelineOptions,
): Promise<TokenClassifier>
export async function pipeline(name: string, model: string | PipelineModel, given?: PipelineOptions): Promise<unknown> {
  return (await startPipeline(name, model, given)).pipe
}

/** A pipeline, and the model that it runs, for other interfaces to it. */
export async function startPipeline(
  name: string,
  model: string | PipelineModel,
  given?: PipelineOptions,
): Promise<{ pipe: Callable & TaskPipeline; model: RunningModel }> {
  if (!Object.hasOwn(TASKS, name))
    throw new Error(`task '${name}' is not known; expected ${Object.keys(TASKS).join(', ')}`)
  const task = TASKS[name]
  const notes = new Set<string>()
  const options = checkOptions('pipeline', given, OPTIONS, WITHOUT_MEANING, notes)
  const report = options.progress_callback
  let isReady = false
  const opening = openTextModel(model, {
    // the files of a feature extractor are read again for its other outputs, of which nobody waits to hear
    progress: report && ((event) => event.status !== 'ready' && !isReady && report(event)),
    revision: options.revision,
    endpoint: options.endpoint,
    token: options.token,
    localFilesOnly: options.local_files_only,
    signal: options.signal,
    readOnce: !task.keepsWeights,
    readsSentenceSettings: name === 'feature-extraction',
  })
  const { device: choice } = options
  const { opened, found } =
    typeof choice === 'object'
      ? await onDevice(choice, opening)
      : await openWithDevice(opening, deviceOptionsOf({ ...options, device: choice }))
  try {
    const made = await startTask(name, opened, found, options, notes)
    isReady = true
    report?.({ status: 'ready', file: opened.where })
    return made
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** On the caller's own device. */
async function onDevice(
  device: Device,
  opening: Promise<TextModel>,
): Promise<{ opened: TextModel; found: Omit<DeviceForModel, 'decision'> }> {
  const opened = await opening
  return { opened, found: { device, notes: [], model: opened } }
}

/** Loads the task's output, so that the first call is not slower than the others; where it fails, its own device is gone. */
async function startTask(
  name: string,
  opened: TextModel,
  { device, notes: found, model: measured }: Omit<DeviceForModel, 'decision'>,
  options: PipelineOptions,
  notes: Set<string>,
): Promise<{ pipe: Callable & TaskPipeline; model: RunningModel }> {
  const { device: choice, signal } = options
  const isOwn = typeof choice !== 'object'
  const task = TASKS[name]
  // files that stay open are read again, so that nothing of them is held
  const model = runOn(device, task.keepsWeights ? opened : measured)
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
  const context = { open, notes, sentence: opened.sentence }
  const output = task.output(context)
  try {
    signal?.throwIfAborted()
    if (task.needsClassifier && !opened.weights.classifier)
      throw new Error(
        `${opened.where}: this model has no classifier; use the task feature-extraction, or train one first`,
      )
    const call = await task.make(context)
    await model.session(output, { signal })
    if (!task.keepsWeights) await model.releaseWeights()
    signal?.throwIfAborted()
    const pipe = Object.assign(call, {
      warmup: async (warmupOptions?: WarmupOptions) => warmup(open(), output, warmupOptions),
      info: () => ({ ...infoOf(model, [...found, ...notes]), task: name, model: opened.where }),
      dispose,
      [Symbol.asyncDispose]: dispose,
    })
    return { pipe, model }
  } catch (error) {
    await dispose()
    throw error
  }
}

function infoOf({ device, encoded: { texts, truncated } }: RunningModel, notes: string[]): DeviceInfo {
  const info = device.info()
  const cut = truncated > 0 ? [`${truncated} of ${texts} texts were too long and lost their end`] : []
  return { ...info, notes: [...notes, ...info.notes, ...cut] }
}

const WARMUP: Known<WarmupOptions> = { batch_size: whole(1), tokens: whole(1), tune: boolean }

async function warmup(model: RunningModel, output: ModelOutput, given?: WarmupOptions): Promise<void> {
  const { batch_size = 1, tokens = 128, tune = false } = checkOptions('warmup', given, WARMUP, {}, new Set())
  const length = Math.min(tokens, model.config.maxPositions)
  const session = await model.session(output)
  const batch = packBatch(Array.from({ length: batch_size }, () => new Int32Array(length)))
  // the CPU's sessions have nothing to choose
  if (tune && 'tune' in session) await (session as GpuSession).tune(batch)
  await session.run(batch)
}
