// pipeline() with what transformers.js gives beside answers: tensors, tokenizer, model and task; over ts/pipeline.

import type { HeldAsync } from '../../kernels/program/disposable.ts'
import type { TextInput } from '../inference/batches.ts'
import type { ModelFiles } from '../io/folder.ts'
import type { CallOptions } from '../pipeline/call.ts'
import { startPipeline } from '../pipeline/pipeline.ts'
import type {
  Classification,
  ClassifyOptions,
  EntityGroup,
  Features,
  PipelineInfo,
  TokenClassifyOptions,
  TokenEntity,
  ZeroShotOptions,
  ZeroShotResult,
} from '../pipeline/pipeline.ts'
import { withDtype } from './dtype.ts'
import { env } from './env.ts'
import { findFiles } from './files.ts'
import { quantize_embeddings } from './maths.ts'
import { callable, configOf, type PreTrainedModel } from './models.ts'
import { fileOptions, type ModelOptions } from './options.ts'
import { Tensor } from './tensor.ts'
import { tokenizerOf, type PreTrainedTokenizer } from './tokenizer.ts'

/** Options that name what is always so here. */
interface AlwaysSo {
  padding?: boolean
  truncation?: boolean
}

interface PipelineParts extends HeldAsync {
  readonly task: string
  readonly tokenizer: PreTrainedTokenizer
  readonly model: PreTrainedModel<Record<string, Tensor>>
  /** device, threads, and in `notes` every fall-back and cut text */
  info(): PipelineInfo
}

export interface TextClassificationOptions extends ClassifyOptions, AlwaysSo {
  /** second texts of pairs: one for one text, a list for a list */
  text_pair?: string | readonly string[]
}

export interface TextClassificationPipeline extends PipelineParts {
  (text: TextInput, options?: TextClassificationOptions): Promise<Classification[]>
  (texts: readonly TextInput[], options: TextClassificationOptions & { top_k: null }): Promise<Classification[][]>
  (texts: readonly TextInput[], options?: TextClassificationOptions): Promise<Classification[] | Classification[][]>
}

export interface FeatureExtractionOptions extends CallOptions, AlwaysSo {
  /** 'none' if not given */
  pooling?: 'none' | 'mean' | 'cls' | 'first_token' | 'max'
  /** vectors of length 1; false if not given */
  normalize?: boolean
  /** to bits, as `precision` says; false if not given */
  quantize?: boolean
  precision?: 'binary' | 'ubinary'
}

export interface FeatureExtractionPipeline extends PipelineParts {
  (texts: string | readonly string[], options?: FeatureExtractionOptions): Promise<Tensor>
}

export interface ZeroShotClassificationPipeline extends PipelineParts {
  (text: string, labels: string | readonly string[], options?: ZeroShotOptions): Promise<ZeroShotResult>
  (texts: readonly string[], labels: string | readonly string[], options?: ZeroShotOptions): Promise<ZeroShotResult[]>
}

export interface TokenClassificationPipeline extends PipelineParts {
  (text: string, options?: TokenClassifyOptions & { aggregation_strategy?: 'none' }): Promise<TokenEntity[]>
  (text: string, options: TokenClassifyOptions): Promise<EntityGroup[]>
  (texts: readonly string[], options?: TokenClassifyOptions): Promise<(TokenEntity | EntityGroup)[][]>
}

const ALIASES: Record<string, string> = {
  'sentiment-analysis': 'text-classification',
  ner: 'token-classification',
  embeddings: 'feature-extraction',
}
const KINDS = {
  'text-classification': 'logits',
  'zero-shot-classification': 'logits',
  'token-classification': 'token-logits',
  'feature-extraction': 'hidden',
} as const

/** The model of this repository's page; the package does not hold it. */
const DEFAULT_MODELS: Record<string, string> = { 'text-classification': 'sentiment' }

/** Tasks that transformers.js has and this package does not compute. */
const ABSENT =
  /^(fill-mask|question-answering|summarization|translation|text.*generation|image|audio|automatic|object|depth|document|zero-shot-.+|text-to)/

/**
 * Opens a model for a task.
 * @param model a name under env.localModelPath or on the host, a folder or an address; the sentiment model of this
 *   repository where a text classifier names none
 * @throws where the task is not computed here or the model cannot be found or run
 * @example
 * const classify = await pipeline('sentiment-analysis', 'org/name', { dtype: 'q8' })
 * await classify('I love it', { top_k: null })
 */
export function pipeline(
  task: 'text-classification' | 'sentiment-analysis',
  model?: string | null,
  options?: ModelOptions,
): Promise<TextClassificationPipeline>
export function pipeline(
  task: 'feature-extraction' | 'embeddings',
  model?: string | null,
  options?: ModelOptions,
): Promise<FeatureExtractionPipeline>
export function pipeline(
  task: 'zero-shot-classification',
  model?: string | null,
  options?: ModelOptions,
): Promise<ZeroShotClassificationPipeline>
export function pipeline(
  task: 'token-classification' | 'ner',
  model?: string | null,
  options?: ModelOptions,
): Promise<TokenClassificationPipeline>
export async function pipeline(asked: string, given?: string | null, options: ModelOptions = {}): Promise<unknown> {
  const task = ALIASES[asked] ?? asked
  if (!Object.hasOwn(KINDS, task)) {
    const there = [...Object.keys(KINDS), ...Object.keys(ALIASES)].join(', ')
    throw new Error(
      `task '${asked}' is ${ABSENT.test(task) ? 'not computed by this package' : 'not known'}; expected ${there}`,
    )
  }
  const name = given ?? DEFAULT_MODELS[task]
  if (!name) throw new Error(`there is no default model for '${asked}'; name one as the second argument`)
  const report = options.progress_callback
  const files = given ? await findFiles(name, fileOptions(name, options)) : await defaultFiles(name, options)
  const { pipe, model } = await startPipeline(task, await withDtype(files, options.dtype ?? undefined), {
    device: options.device ?? undefined,
    threads: options.threads,
    workerUrl: options.workerUrl,
    signal: options.signal,
  })
  try {
    const tokenizer = await tokenizerOf(files)
    const config = configOf((await files.text('config.json'))!, model.config.labels)
    const ownModel = callable(model, KINDS[task as keyof typeof KINDS], config, pipe.dispose)
    report?.({ status: 'ready', task, model: name })
    const { info, dispose } = pipe
    const parts: PipelineParts = { task, tokenizer, model: ownModel, info, dispose, [Symbol.asyncDispose]: dispose }
    return Object.assign(callOf(task, pipe as unknown as AnyPipe), parts)
  } catch (error) {
    await pipe.dispose()
    throw error
  }
}

async function defaultFiles(name: string, options: ModelOptions): Promise<ModelFiles> {
  try {
    return await findFiles(name, fileOptions(name, { ...options, local_files_only: true }))
  } catch (cause) {
    throw new Error(
      `no model is named, and the default, '${name}', is not under env.localModelPath (${env.localModelPath}); copy app/models/${name} of this package's repository there, or name a model`,
      { cause },
    )
  }
}

type AnyPipe = (input: unknown, ...rest: unknown[]) => Promise<unknown>

function callOf(task: string, pipe: AnyPipe): AnyPipe {
  if (task === 'text-classification')
    return (texts, options) => {
      const { text_pair: second, ...rest } = (options ?? {}) as TextClassificationOptions
      return pipe(second === undefined ? texts : pairs(texts, second), rest)
    }
  if (task !== 'feature-extraction') return pipe
  return async (texts, options) => {
    const {
      pooling = 'none',
      normalize = false,
      quantize = false,
      precision = 'binary',
      ...rest
    } = (options ?? {}) as FeatureExtractionOptions
    if (typeof quantize !== 'boolean')
      throw new TypeError(`feature-extraction: quantize is ${String(quantize)}, expected true or false`)
    const own = pooling === 'first_token' ? 'cls' : pooling
    const { data, dims } = (await pipe(texts, { ...rest, pooling: own, normalize, prompt: '' })) as Features
    const vectors = new Tensor('float32', data, dims)
    return quantize ? quantize_embeddings(vectors, precision) : vectors
  }
}

function pairs(texts: unknown, second: string | readonly string[]): TextInput | TextInput[] {
  if (!Array.isArray(texts)) return { text: texts as string, text_pair: second as string }
  if (!Array.isArray(second) || second.length !== texts.length)
    throw new TypeError(`text-classification: text_pair goes with ${texts.length} texts, expected a list of as many`)
  return (texts as string[]).map((text, i) => ({ text, text_pair: second[i] as string }))
}
