// What runs in the worker: import it in a worker's file of yours where a bundler does not find the package's own.

import type { Answer, Request } from './protocol.ts'
import { serve } from './serve.ts'

const scope = globalThis as unknown as {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  addEventListener(kind: 'message', take: (event: { data: Request }) => void): void
}

const isNode = typeof process !== 'undefined' && typeof process.versions?.node === 'string'
// messages wait until somebody listens
if (isNode) void import('./port.node.ts').then(({ parentOfThread }) => serve(parentOfThread()))
else
  serve({
    post: (message: Answer, transfer) => scope.postMessage(message, transfer),
    receive: (take) => scope.addEventListener('message', ({ data }) => take(data)),
  })
