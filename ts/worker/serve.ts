// The worker's side: opens pipelines and answers their calls, numbers in results handed over, not copied.

import { memoryFiles } from '../io/folder.ts'
import { startPipeline, type PipelineInfo, type PipelineModel, type PipelineOptions } from '../pipeline/pipeline.ts'
import type { Answer, Port, Request, SentModel } from './protocol.ts'

type Pipe = Awaited<ReturnType<typeof startPipeline>>['pipe']

const modelOf = (model: SentModel): string | PipelineModel =>
  typeof model === 'object' && 'files' in model ? memoryFiles(model.files, 'the given files') : model

/** Buffers of typed arrays in a result. */
function buffersOf(result: unknown): ArrayBuffer[] {
  if (typeof result !== 'object' || result === null) return []
  if (ArrayBuffer.isView(result)) return [result.buffer as ArrayBuffer]
  // results without numbers in arrays are many small objects: their own fields tell
  return Array.isArray(result)
    ? []
    : Object.values(result).flatMap((value) => (ArrayBuffer.isView(value) ? buffersOf(value) : []))
}

export function serve(port: Port<Answer, Request>): void {
  const pipes = new Map<number, Pipe>()
  const running = new Map<number, AbortController>()

  const work = async (
    request: Exclude<Request, { kind: 'abort' }>,
    signal: AbortSignal,
  ): Promise<[unknown, PipelineInfo | null]> => {
    const { id } = request
    if (request.kind === 'open') {
      const options = { ...request.options, signal } as PipelineOptions
      if (request.hasProgress) options.progress_callback = (event) => port.post({ kind: 'progress', id, event }, [])
      const { pipe } = await startPipeline(request.task, modelOf(request.model), options)
      pipes.set(id, pipe)
      return [null, pipe.info()]
    }
    const pipe = pipes.get(request.pipeline)
    if (request.kind === 'dispose') {
      pipes.delete(request.pipeline)
      await pipe?.dispose()
      return [null, null]
    }
    if (!pipe) throw new Error('this pipeline was disposed of')
    const given = request.given
    const last = given.at(-1)
    const call = pipe as unknown as (...given: unknown[]) => Promise<unknown>
    const result =
      request.kind === 'warmup'
        ? await pipe.warmup(given[0] as never)
        : await call(...given.slice(0, -1), { ...(last as object), signal })
    return [result, pipe.info()]
  }

  port.receive((request) => {
    if (request.kind === 'abort') return running.get(request.id)?.abort()
    const control = new AbortController()
    running.set(request.id, control)
    void work(request, control.signal)
      .then(
        ([result, info]) => port.post({ kind: 'done', id: request.id, result, info }, buffersOf(result)),
        (error: Error) => port.post({ kind: 'failed', id: request.id, name: error.name, message: error.message }, []),
      )
      .finally(() => running.delete(request.id))
  })
}
