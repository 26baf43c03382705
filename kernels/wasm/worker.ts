// The worker thread: its source as a string, so that any bundler keeps it, and one way to start it in Node and pages.

import * as control from './control.ts'

/**
 * What the worker does: takes a message { memory, thread, threads } and { module } messages, each answered with 'ready',
 * and between messages waits for jobs in the control block. A trap makes all threads leave the tape and is reported.
 */
const SOURCE = `
const port = typeof importScripts === 'function' ? self : require('node:worker_threads').parentPort
const instances = []
let memory, words, thread, threads, seen = 0
function waitForJobs() {
  for (;;) {
    Atomics.wait(words, ${control.JOB}, seen)
    seen = Atomics.load(words, ${control.JOB})
    if (words[${control.JOB_KIND}] === ${control.KIND_LISTEN}) return
    try {
      const scratch = (words[${control.JOB_SCRATCH}] >>> 0) + thread * (words[${control.JOB_SCRATCH_BYTES}] >>> 0)
      instances[words[${control.JOB_MODULE}]].exports.run(words[${control.JOB_TAPE}], thread, threads, scratch)
    } catch (error) {
      port.postMessage({ trap: String(error), record: words[${control.THREADS} + 16 * thread] })
      Atomics.store(words, ${control.ABORT}, 1)
      Atomics.add(words, ${control.GENERATION}, 1)
      Atomics.notify(words, ${control.GENERATION})
    }
    Atomics.add(words, ${control.RETURNED}, 1)
  }
}
function take(message) {
  if (message.memory) {
    memory = message.memory
    thread = message.thread
    threads = message.threads
    words = new Int32Array(memory.buffer, 0, ${control.ARENA_BEGIN >> 2})
    seen = message.seen
    words[${control.THREADS} + 16 * thread + 1] = 1
  }
  try {
    instances.push(new WebAssembly.Instance(message.module, { env: { memory } }))
    port.postMessage('ready')
  } catch (error) {
    port.postMessage({ failure: String(error) })
  }
  waitForJobs()
}
if (typeof importScripts === 'function') self.onmessage = (event) => take(event.data)
else port.on('message', take)
`

export type WorkerMessage = 'ready' | { trap: string; record: number } | { failure: string }

/** A running worker, whatever the engine. */
export interface WorkerThread {
  post(message: unknown): void
  /** keeps the process alive (Node) while an answer is awaited */
  hold(isHeld: boolean): void
  terminate(): Promise<void>
}

export interface WorkerEvents {
  message: (message: WorkerMessage) => void
  /** the worker is gone, or about to be */
  death: (reason: string) => void
}

/** Starts one worker. Rejects where the engine has none, or refuses it (a content security policy without blob:). */
export async function startWorker(events: WorkerEvents): Promise<WorkerThread> {
  if (typeof process !== 'undefined' && process.versions?.node) {
    const { startNodeWorker } = await import('./worker.node.ts')
    return startNodeWorker(SOURCE, events)
  }
  const url = URL.createObjectURL(new Blob([SOURCE], { type: 'text/javascript' }))
  const worker = new Worker(url)
  worker.onmessage = (event: MessageEvent<WorkerMessage>) => events.message(event.data)
  worker.onerror = (event) => events.death(`a worker thread failed: ${event.message}`)
  return {
    post: (message) => worker.postMessage(message),
    hold: () => {},
    terminate: async () => {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}
