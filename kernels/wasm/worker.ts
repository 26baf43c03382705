// The worker thread: its source as a string, so that any bundler keeps it, and how it is started in Node and in pages.

import * as abi from './abi.ts'
import type { WorkerEvents, WorkerMessage, WorkerThread } from './worker-thread.ts'

/** Looks of a worker at the job word before it sleeps, some 30 us: the next text of a loop comes sooner than it would wake. */
const SPINS = 50_000

/**
 * What a worker does: takes a message { memory, thread, threads } and { module } messages, each answered with 'ready', and
 * between messages waits for jobs in the control block. A trap makes all threads leave the tape and is reported.
 */
const LOOP = `
const instances = []
let memory, words, thread, threads, seen = 0
function waitForJobs() {
  for (;;) {
    for (let i = 0; i < ${SPINS} && Atomics.load(words, ${abi.JOB_WORD}) === seen; i++);
    Atomics.wait(words, ${abi.JOB_WORD}, seen)
    seen = Atomics.load(words, ${abi.JOB_WORD})
    if (words[${abi.JOB_KIND_WORD}] === ${abi.JOB.listen}) return
    try {
      const scratch = (words[${abi.JOB_SCRATCH_WORD}] >>> 0) + thread * (words[${abi.JOB_SCRATCH_BYTES_WORD}] >>> 0)
      instances[words[${abi.JOB_MODULE_WORD}]].exports.run(words[${abi.JOB_TAPE_WORD}], thread, threads, scratch)
    } catch (error) {
      port.postMessage({ trap: String(error), record: words[${abi.THREADS_WORD} + ${abi.THREAD_WORDS} * thread] })
      Atomics.store(words, ${abi.ABORT_WORD}, 1)
      Atomics.add(words, ${abi.GENERATION_WORD}, 1)
      Atomics.notify(words, ${abi.GENERATION_WORD})
    }
    Atomics.add(words, ${abi.RETURNED_WORD}, 1)
  }
}
function take(message) {
  if (message.memory) {
    memory = message.memory
    thread = message.thread
    threads = message.threads
    words = new Int32Array(memory.buffer, 0, ${abi.ARENA_ADDRESS >> 2})
    seen = message.seen
    words[${abi.THREADS_WORD} + ${abi.THREAD_WORDS} * thread + 1] = 1
  }
  try {
    instances.push(new WebAssembly.Instance(message.module, { env: { memory } }))
    port.postMessage('ready')
  } catch (error) {
    port.postMessage({ failure: String(error) })
  }
  waitForJobs()
}
`

/** dist/thread.js holds the same text. */
export const PAGE_SOURCE = `const port = self${LOOP}self.onmessage = (event) => take(event.data)\n`

/** What a page's worker that never started tells of itself is nothing: these are the causes that there are. */
const CAUSES = {
  blob: "a content security policy without worker-src blob: forbids it; give workerUrl, the address of the package's dist/thread.js",
  url: "expected the package's dist/thread.js there, of the page's own origin, with the page's Cross-Origin-Embedder-Policy",
}

/**
 * Starts one worker. Rejects where the engine has none, or refuses it.
 * @param workerUrl pages only: where dist/thread.js is served, for policies that forbid blob: addresses
 */
export async function startWorker(events: WorkerEvents, workerUrl?: string | URL): Promise<WorkerThread> {
  if (typeof process !== 'undefined' && process.versions?.node) {
    const { startNodeWorker } = await import('./worker.node.ts')
    return startNodeWorker(LOOP, events)
  }
  const blob = workerUrl ? null : URL.createObjectURL(new Blob([PAGE_SOURCE], { type: 'text/javascript' }))
  const worker = new Worker(workerUrl ?? blob!)
  worker.onmessage = (event: MessageEvent<WorkerMessage>) => events.message(event.data)
  worker.onerror = (event) => {
    const why =
      event.message ??
      `${workerUrl ? String(workerUrl) : 'a blob: address'} did not start: ${CAUSES[workerUrl ? 'url' : 'blob']}`
    events.death(`a worker thread failed: ${why}`)
  }
  return {
    post: (message) => worker.postMessage(message),
    hold: () => {},
    terminate: async () => {
      worker.terminate()
      if (blob) URL.revokeObjectURL(blob)
    },
  }
}
