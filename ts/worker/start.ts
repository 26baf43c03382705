// Starts the worker that the package ships, or takes the caller's.

import type { Answer, RunningWorker } from './protocol.ts'

const isNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string'

export async function startWorker(): Promise<RunningWorker> {
  if (isNode()) {
    const { startThread } = await import('./port.node.ts')
    return startThread(new URL('./main.ts', import.meta.url))
  }
  // in these words bundlers find the worker's file
  return ofWorker(new Worker(new URL('./main.ts', import.meta.url), { type: 'module' }))
}

/** @param worker runs compact-kernels/worker/thread */
export const ofWorker = (worker: Worker): RunningWorker => ({
  post: (message, transfer) => worker.postMessage(message, transfer),
  receive: (take) => worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => take(data)),
  fail: (take) =>
    worker.addEventListener('error', (event) =>
      take(event.message || "it did not start: expected the package's worker at its address, of the page's own origin"),
    ),
  hold: () => {},
  terminate: async () => worker.terminate(),
})
