// The high-level API: texts in, labels or vectors out. Option names are those of transformers.js.

import type { GpuSession } from '../../kernels/webgpu/device.ts'
import type { Device, DeviceInfo, Session } from '../../kernels/program/device.ts'
import type { Progress } from '../io/folder.ts'
import { buildProgram, type ModelOutput } from '../model/bert.ts'
import type { BertConfig } from '../model/config.ts'
import { scoresOf } from '../model/scores.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { encodeTexts, groupByLength, packBatch } from '../inference/batches.ts'
import { openDevice, type DeviceChoice } from '../inference/device.ts'
import { modelOf, type PipelineSource } from '../inference/source.ts'

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
export interface PipelineModel {
  weights: ModelWeights
  /** a tokenizer, or the text of its files; texts are prepared before it as `weights.config.preparation` says */
  tokenizer: Tokenizer | Record<string, string>
}

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

export interface Classification {
  label: string
  score: number
}

export interface ExtractOptions extends CallOptions {
  /** 'mean' or 'cls': one vector a text; 'none' (default): one a token */
  pooling?: 'none' | 'mean' | 'cls'
  /** divide each vector by its L2 norm; false if not given */
  normalize?: boolean
}

/** Row-major f32. */
export interface Features {
  data: Float32Array
  /** [texts, C], or [texts, longest, C] without pooling: rows past a text's end are 0 */
  dims: number[]
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
  const opened = await modelOf(model, options, task !== 'feature-extraction')
  try {
    return await pipelineOf(task, opened, options)
  } catch (error) {
    await opened.close()
    throw error
  }
}

async function pipelineOf(
  task: string,
  opened: PipelineSource,
  options: PipelineOptions,
): Promise<TextClassifier | FeatureExtractor> {
  const { weights, where } = opened
  if (task !== 'feature-extraction' && !weights.classifier)
    throw new Error(`${where}: this model has no classifier; use the task feature-extraction, or train one first`)
  const isOwn = typeof options.device !== 'object'
  const { device, notes } = isOwn
    ? await openDevice({ ...options, device: options.device as DeviceChoice | undefined })
    : { device: options.device as Device, notes: [] }
  const output = task === 'feature-extraction' ? 'embeddings' : 'logits'
  const runner = new Runner(opened, { device, isOwn, notes, task })
  try {
    // the default output is made ready here, so that the first call is not slower than the others
    await runner.session(output)
    if (task !== 'feature-extraction') await runner.releaseWeights()
  } catch (error) {
    await runner.dispose()
    throw error
  }
  opened.ready()
  const call = task === 'feature-extraction' ? extractorOf(runner) : classifierOf(runner, weights.config)
  return Object.assign(call, {
    warmup: (warmupOptions?: WarmupOptions) => runner.warmup(output, warmupOptions),
    info: () => runner.info(),
    dispose: () => runner.dispose(),
    [Symbol.asyncDispose]: () => runner.dispose(),
  }) as TextClassifier | FeatureExtractor
}

interface RunnerContext {
  device: Device
  /** dispose the device with the pipeline */
  isOwn: boolean
  notes: string[]
  task: string
}

/** A model on a device: one session per output that was asked for. */
class Runner {
  private readonly config: BertConfig
  private model: PipelineSource | null
  private readonly tokenizer: Tokenizer
  private readonly where: string
  private readonly context: RunnerContext
  private readonly sessions = new Map<ModelOutput, Promise<Session>>()
  private isDisposed = false
  private texts = 0
  private cut = 0

  constructor(model: PipelineSource, context: RunnerContext) {
    this.config = model.weights.config
    this.model = model
    this.tokenizer = model.tokenizer
    this.where = model.where
    this.context = context
  }

  session(output: ModelOutput): Promise<Session> {
    let session = this.sessions.get(output)
    if (!session) {
      if (!this.model) throw new Error(`the weights for ${output} are no longer at hand`)
      session = this.context.device.load(buildProgram(this.model.weights, output, { normalize: false }))
      this.sessions.set(output, session)
      // the next call may try again
      session.catch(() => this.sessions.delete(output))
    }
    return session
  }

  /** The device has its own copy: with no other output to make ready, weights in memory can go, files be closed. */
  async releaseWeights(): Promise<void> {
    await this.model?.close()
    this.model = null
  }

  /** Runs texts in batches; `take` gets each batch's output with the texts' indices and their token offsets. */
  async run(
    texts: readonly string[],
    output: ModelOutput,
    { batch_size = 32, max_length }: CallOptions,
    take: (output: Float32Array, indices: readonly number[], offsets: Int32Array) => void,
    prepare: (lengths: readonly number[]) => void = () => {},
  ): Promise<void> {
    if (this.isDisposed) throw new Error('this pipeline was disposed of')
    if (!Number.isInteger(batch_size) || batch_size < 1)
      throw new Error(`batch_size is ${batch_size}, expected a whole number from 1`)
    const positions = this.config.maxPositions
    const limit = Math.min(positions, max_length ?? positions)
    if (!Number.isInteger(limit) || limit < 2)
      throw new Error(`max_length is ${max_length}, expected a whole number from 2`)
    const { ids, cut } = encodeTexts(texts, this.tokenizer, limit)
    this.texts += texts.length
    this.cut += cut
    const lengths = ids.map(({ length }) => length)
    prepare(lengths)
    const session = await this.session(output)
    for (const indices of groupByLength(lengths, batch_size)) {
      const batch = packBatch(indices.map((i) => ids[i]))
      take(await session.run(batch), indices, batch.offsets)
    }
  }

  async warmup(output: ModelOutput, { batch_size = 1, tokens = 128, tune = false }: WarmupOptions = {}): Promise<void> {
    if (this.isDisposed) throw new Error('this pipeline was disposed of')
    for (const [name, value] of Object.entries({ batch_size, tokens }))
      if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is ${value}, expected a whole number from 1`)
    const length = Math.min(tokens, this.config.maxPositions)
    const session = await this.session(output)
    const batch = packBatch(Array.from({ length: batch_size }, () => new Int32Array(length)))
    // the CPU's sessions have nothing to choose
    if (tune && 'tune' in session) await (session as GpuSession).tune(batch)
    await session.run(batch)
  }

  get hiddenSize(): number {
    return this.config.hiddenSize
  }

  info(): PipelineInfo {
    const { device, notes, task } = this.context
    const info = device.info()
    const cut = this.cut > 0 ? [`${this.cut} of ${this.texts} texts were too long and lost their end`] : []
    return { ...info, task, model: this.where, notes: [...notes, ...info.notes, ...cut] }
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    for (const session of this.sessions.values()) await session.then((s) => s.dispose()).catch(() => {})
    await this.releaseWeights()
    this.sessions.clear()
    if (this.context.isOwn) await this.context.device.dispose()
  }
}

function classifierOf(runner: Runner, config: BertConfig) {
  const { labels } = config
  const toScores = scoresOf(config)
  return async (texts: string | string[], options: ClassifyOptions = {}) => {
    const { top_k = 1 } = options
    if (top_k !== null && (!Number.isInteger(top_k) || top_k < 1))
      throw new Error(`top_k is ${top_k}, expected a whole number from 1, or null for all`)
    const list = Array.isArray(texts) ? texts : [texts]
    const ranked = new Array<Classification[]>(list.length)
    await runner.run(list, 'logits', options, (logits, indices) => {
      for (const [b, i] of indices.entries()) {
        const scores = toScores(logits.subarray(b * labels.length, (b + 1) * labels.length))
        ranked[i] = labels
          .map((label, n) => ({ label, score: scores[n] }))
          .sort((a, b) => b.score - a.score)
          .slice(0, top_k ?? undefined)
      }
    })
    // as in transformers.js: a list for one text; for several, one each with top_k 1, else a list each
    if (top_k === 1) return ranked.flat()
    return Array.isArray(texts) ? ranked : ranked[0]
  }
}

function extractorOf(runner: Runner) {
  return async (texts: string | string[], options: ExtractOptions = {}): Promise<Features> => {
    const { pooling = 'none', normalize = false } = options
    if (!['none', 'mean', 'cls'].includes(pooling))
      throw new Error(`pooling is '${pooling}', expected mean, cls or none`)
    const list = Array.isArray(texts) ? texts : [texts]
    const C = runner.hiddenSize
    let data = new Float32Array(list.length * C)
    if (pooling !== 'none') {
      await runner.run(list, pooling === 'mean' ? 'embeddings' : 'hidden', options, (rows, indices, offsets) => {
        for (const [b, i] of indices.entries()) {
          const row = pooling === 'mean' ? b : offsets[b]
          data.set(rows.subarray(row * C, (row + 1) * C), i * C)
        }
      })
      if (normalize) normalizeRows(data, C)
      return { data, dims: [list.length, C] }
    }
    let longest = 0
    await runner.run(
      list,
      'hidden',
      options,
      (rows, indices, offsets) => {
        for (const [b, i] of indices.entries())
          data.set(rows.subarray(offsets[b] * C, offsets[b + 1] * C), i * longest * C)
      },
      (lengths) => {
        longest = Math.max(0, ...lengths)
        data = new Float32Array(list.length * longest * C)
      },
    )
    if (normalize) normalizeRows(data, C)
    return { data, dims: [list.length, longest, C] }
  }
}

/** Rows of zeros stay as they are. */
function normalizeRows(data: Float32Array, C: number): void {
  for (let from = 0; from < data.length; from += C) {
    let sum = 0
    for (let c = from; c < from + C; c++) sum += data[c] * data[c]
    if (sum === 0) continue
    const inverse = 1 / Math.sqrt(sum)
    for (let c = from; c < from + C; c++) data[c] *= inverse
  }
}
