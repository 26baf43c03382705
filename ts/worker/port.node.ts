// Both ends of a worker thread in Node, in a file by itself so that no bundle for pages names node:worker_threads.

import { parentPort, Worker } from 'node:worker_threads'
import type { Answer, Port, Request, RunningWorker } from './protocol.ts'

/** In the worker: the thread that started it. */
export function parentOfThread(): Port<Answer, Request> {
  if (!parentPort) throw new Error('compact-kernels/worker/thread is imported outside of a worker')
  const port = parentPort
  return {
    post: (message, transfer) => port.postMessage(message, transfer),
    receive: (take) => port.on('message', take),
  }
}

export function startThread(address: URL): RunningWorker {
  const worker = new Worker(address, { execArgv: [] })
  let waiting = 0
  worker.unref()
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    receive: (take) => worker.on('message', take),
    fail: (take) => {
      worker.on('error', (error: Error) => take(error.message))
      worker.on('exit', (code) => take(`it ended with code ${code}`))
    },
    // the process stays while an answer is awaited, and no longer
    hold: (by) => {
      waiting += by
      if (waiting > 0) worker.ref()
      else worker.unref()
    },
    terminate: async () => void (await worker.terminate()),
  }
}
