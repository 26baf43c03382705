// The worker thread in Node: in a separate file, so that no bundle for pages names node:worker_threads.

import { Worker } from 'node:worker_threads'
import type { WorkerEvents, WorkerThread } from './worker-thread.ts'

/** @param loop what a worker does, between the port that it listens to and the listening */
export function startNodeWorker(loop: string, events: WorkerEvents): WorkerThread {
  const source = `const port = require('node:worker_threads').parentPort${loop}port.on('message', take)`
  const worker = new Worker(source, { eval: true, execArgv: [] })
  worker.on('message', events.message)
  worker.on('error', (error: Error) => events.death(`a worker thread failed: ${error.message}`))
  worker.on('exit', (code) => events.death(`a worker thread ended with code ${code}`))
  return {
    post: (message) => worker.postMessage(message),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    terminate: async () => void (await worker.terminate()),
  }
}
