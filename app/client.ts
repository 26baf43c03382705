// The page's side of a worker: a request with its replies, and an end to it that needs nothing of the worker.

import type { Answered, Asked, Reply, Request } from './messages.ts'

/** The reader stopped it. */
export class StoppedError extends Error {
  override name = 'StoppedError'
}

/** The last reply to each verb. */
interface Results {
  classify: 'classified'
  inspect: 'inspected'
  verify: 'verified'
  bench: 'benched'
}
export type Final<V extends Request['verb']> = Extract<Reply, { verb: Results[V] }>

interface Waiting {
  heard: (reply: Reply) => void
  resolve: (reply: Reply) => void
  reject: (error: Error) => void
}

const FINAL = new Set<Reply['verb']>(['classified', 'inspected', 'verified', 'benched'])

/** One worker, started by the first request. `stop` ends it and all that it does: even a step that computes for seconds. */
export class Client {
  #worker: Worker | null = null
  #waiting = new Map<number, Waiting>()
  #last = 0

  /**
   * @param heard gets every reply but the last
   * @throws the worker's error in its words, or StoppedError
   */
  ask<R extends Request>(request: R, heard: (reply: Reply) => void = () => {}): Promise<Final<R['verb']>> {
    this.#worker ??= this.#start()
    const id = ++this.#last
    const answer = new Promise<Reply>((resolve, reject) => this.#waiting.set(id, { heard, resolve, reject }))
    this.#worker.postMessage({ id, request } satisfies Asked)
    return answer as Promise<Final<R['verb']>>
  }

  /** Ends what is under way; the next request starts a new worker. */
  stop(): void {
    this.#fail(new StoppedError('stopped'))
  }

  #fail(error: Error): void {
    this.#worker?.terminate()
    this.#worker = null
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    worker.addEventListener('message', ({ data: { id, reply } }: MessageEvent<Answered>) => {
      const waiting = this.#waiting.get(id)
      if (!waiting) return
      if (!FINAL.has(reply.verb) && reply.verb !== 'error') return waiting.heard(reply)
      this.#waiting.delete(id)
      if (reply.verb === 'error') waiting.reject(new Error(reply.message))
      else waiting.resolve(reply)
    })
    worker.addEventListener('error', (event) => {
      event.preventDefault()
      this.#fail(new Error(`the worker ended: ${event.message || 'its file could not be loaded'}`))
    })
    return worker
  }
}
