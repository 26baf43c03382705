// The page's side: pipelines with the API of ts/pipeline, of which nothing runs on the calling thread.

import type {
  FeatureExtractor,
  PipelineInfo,
  PipelineOptions,
  TextClassifier,
  TokenClassifier,
  WarmupOptions,
  ZeroShotClassifier,
} from '../pipeline/pipeline.ts'
import type { Answer, Request, RunningWorker, SentModel, SentOptions } from './protocol.ts'
import { ofWorker, startWorker } from './start.ts'

export interface WorkerPipelineOptions extends Omit<PipelineOptions, 'device' | 'gpuDevice'> {
  /** 'auto' (default), 'cpu' = 'wasm', 'gpu' = 'webgpu'; a worker has devices of its own */
  device?: Extract<PipelineOptions['device'], string>
  /**
   * a module worker of yours whose file imports compact-kernels/worker/thread, for bundlers that do not find the package's
   * own; several pipelines may share it, and it stays yours to end
   */
  worker?: Worker
}

/**
 * A name, a folder or an address; a model's files by name, whose arrays are handed over; or weights in memory with a
 * tokenizer's files, which are copied.
 */
export type WorkerModel = SentModel

interface Pending {
  resolve: (answer: { result: unknown; info: PipelineInfo | null }) => void
  reject: (error: Error) => void
  progress?: PipelineOptions['progress_callback']
}

/** Answers to requests, by number. */
class Connection {
  #worker: RunningWorker
  #pending = new Map<number, Pending>()
  #last = 0
  /** why nothing will be answered any more; null while all is well */
  #gone: string | null = null

  constructor(worker: RunningWorker) {
    this.#worker = worker
    worker.receive((answer) => this.#take(answer))
    worker.fail((why) => this.#end(`the worker is gone: ${why}`))
  }

  /** @param request all but its number */
  ask(
    request: (id: number) => Request,
    {
      transfer = [],
      signal,
      progress,
    }: { transfer?: ArrayBuffer[]; signal?: AbortSignal; progress?: Pending['progress'] } = {},
  ): { id: number; answer: Promise<{ result: unknown; info: PipelineInfo | null }> } {
    const id = ++this.#last
    const stop = (): void => this.#worker.post({ kind: 'abort', id }, [])
    const answer = new Promise<{ result: unknown; info: PipelineInfo | null }>((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#gone) throw new Error(this.#gone)
      // throws where an option cannot be cloned
      this.#worker.post(request(id), transfer)
      this.#pending.set(id, { resolve, reject, progress })
      this.#worker.hold(1)
      signal?.addEventListener('abort', stop)
    }).finally(() => signal?.removeEventListener('abort', stop))
    return {
      id,
      answer: answer.catch((error: unknown) => {
        // the worker has a signal of its own, whose reason is not the caller's
        signal?.throwIfAborted()
        throw error
      }),
    }
  }

  async end(): Promise<void> {
    this.#end('this pipeline was disposed of')
    await this.#worker.terminate()
  }

  #take(answer: Answer): void {
    const pending = this.#pending.get(answer.id)
    if (!pending) return
    if (answer.kind === 'progress') return pending.progress?.(answer.event)
    this.#pending.delete(answer.id)
    this.#worker.hold(-1)
    if (answer.kind === 'done') return pending.resolve(answer)
    const Kind = { TypeError, RangeError }[answer.name] ?? Error
    pending.reject(Object.assign(new Kind(answer.message), { name: answer.name }))
  }

  #end(why: string): void {
    this.#gone ??= why
    for (const { reject } of this.#pending.values()) {
      this.#worker.hold(-1)
      reject(new Error(this.#gone))
    }
    this.#pending.clear()
  }
}

/** One connection for each worker of a caller. */
const shared = new WeakMap<Worker, Connection>()

async function connect(worker: Worker | undefined): Promise<Connection> {
  if (!worker) return new Connection(await startWorker())
  if (!shared.has(worker)) shared.set(worker, new Connection(ofWorker(worker)))
  return shared.get(worker)!
}

/**
 * Opens a model for a task in a worker: the same pipeline as `compact-kernels` has, and a page that stays responsive.
 * @throws as `pipeline` of compact-kernels, and where the worker does not start
 * @example
 * import { pipeline } from 'compact-kernels/worker'
 * await using classify = await pipeline('text-classification', './my-model')
 * await classify(['one text', 'and another'])
 */
export function pipeline(
  task: 'text-classification' | 'sentiment-analysis',
  model: WorkerModel,
  options?: WorkerPipelineOptions,
): Promise<TextClassifier>
export function pipeline(
  task: 'feature-extraction',
  model: WorkerModel,
  options?: WorkerPipelineOptions,
): Promise<FeatureExtractor>
export function pipeline(
  task: 'zero-shot-classification',
  model: WorkerModel,
  options?: WorkerPipelineOptions,
): Promise<ZeroShotClassifier>
export function pipeline(
  task: 'token-classification' | 'ner',
  model: WorkerModel,
  options?: WorkerPipelineOptions,
): Promise<TokenClassifier>
export async function pipeline(task: string, model: WorkerModel, given: WorkerPipelineOptions = {}): Promise<unknown> {
  const { worker, progress_callback: progress, signal, ...rest } = given
  const options = sentOptions(rest)
  const source = sentModel(model)
  signal?.throwIfAborted()
  const connection = await connect(worker)
  const isOwn = worker === undefined
  let info: PipelineInfo
  const opened = connection.ask(
    (id) => ({ kind: 'open', id, task, model: source, options, hasProgress: progress !== undefined }),
    { transfer: buffersOf(source), signal, progress },
  )
  try {
    info = (await opened.answer).info!
  } catch (error) {
    if (isOwn) await connection.end()
    throw error
  }
  const pipeline = opened.id
  let ending: Promise<void> | null = null
  const request = async (kind: 'call' | 'warmup', parts: unknown[], signal?: AbortSignal): Promise<unknown> => {
    if (ending) throw new Error('this pipeline was disposed of')
    const { answer } = connection.ask((id) => ({ kind, id, pipeline, given: parts }), { signal })
    const { result, info: now } = await answer
    info = now ?? info
    return result
  }
  const takesLabels = task === 'zero-shot-classification'
  const call = async (...parts: unknown[]): Promise<unknown> => {
    const inputs = parts.slice(0, takesLabels ? 2 : 1)
    const { signal, ...options } = (parts[inputs.length] ?? {}) as { signal?: AbortSignal }
    return request('call', [...inputs, options], signal)
  }
  const dispose = (): Promise<void> => {
    ending ??= (async () => {
      if (isOwn) await connection.end()
      else await connection.ask((id) => ({ kind: 'dispose', id, pipeline })).answer
    })()
    return ending
  }
  return Object.assign(call, {
    warmup: async (warmupOptions?: WarmupOptions) => void (await request('warmup', [warmupOptions])),
    info: () => info,
    dispose,
    [Symbol.asyncDispose]: dispose,
  })
}

function sentOptions({ workerUrl, ...options }: Omit<WorkerPipelineOptions, 'worker'>): SentOptions {
  if ('gpuDevice' in options || typeof options.device === 'object')
    throw new TypeError('pipeline: a device cannot be handed to a worker; name one, such as cpu or gpu')
  // the worker has another place than the page
  return workerUrl ? { ...options, workerUrl: absolute(String(workerUrl)) } : options
}

function sentModel(model: WorkerModel): SentModel {
  if (typeof model === 'string') return /^[./]/.test(model) ? absolute(model) : model
  if ('weights' in model && typeof (model.tokenizer as unknown as { encode?: unknown }).encode === 'function')
    throw new TypeError('pipeline: a tokenizer object cannot be sent to a worker; give the texts of its files by name')
  return model
}

const absolute = (path: string): string => (typeof location === 'undefined' ? path : new URL(path, location.href).href)

const buffersOf = (model: SentModel): ArrayBuffer[] =>
  typeof model === 'object' && 'files' in model
    ? [...new Set(Object.values(model.files).flatMap((file) => (typeof file === 'string' ? [] : [file.buffer])))]
    : []
