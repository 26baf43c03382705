// Pages without a bundler: the single files of dist/, by script, in workers, under policies.

import type { PageOptions } from './project.ts'
import { PROBE, TELL } from './project.ts'

export interface PageKind {
  name: string
  page: Record<string, string>
  options: PageOptions
  /** threads that must have run */
  threads: number
}

/** dist/ is served as dist/. */
const html = (script: string): Record<string, string> => ({
  'index.html': `<!doctype html><meta charset="utf-8"><title>compact-kernels</title><script type="module" src="${script}"></script>`,
  'probe.js': PROBE,
  'tell.js': TELL,
})

const IMPORTS = `import { pipeline } from './dist/compact-kernels.js'
import { disposeWasm, int8Matmul, quantizeWeight } from './dist/wasm.js'
import * as webgpu from './dist/webgpu.js'
import { probe } from './probe.js'
if (typeof webgpu.createGpuLinear !== 'function') throw new Error('dist/webgpu.js has no createGpuLinear')
const model = new URL('model/', self.location.href).href
const run = (options) => probe({ pipeline, int8Matmul, quantizeWeight, disposeWasm }, model, options)
`

const script = (options: string): Record<string, string> => ({
  ...html('main.js'),
  'main.js': `${IMPORTS}import { tell } from './tell.js'\ntell(run(${options}))`,
})

const THROUGH_WORKER = `${IMPORTS}
onmessage = async () => {
  try { postMessage({ found: await run({ threads: 2 }) }) } catch (error) { postMessage({ failed: error.stack }) }
}`

const THROUGH_SERVICE_WORKER = `${IMPORTS}
addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('message', (event) => event.waitUntil(
  run().then((found) => event.ports[0].postMessage({ found }), (error) => event.ports[0].postMessage({ failed: error.stack }))))`

/** No source but the page's own, WebAssembly allowed by name, nothing of blob:. */
const POLICY = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'",
}

export const PAGES: PageKind[] = [
  { name: 'script, not isolated', page: script('{ threads: 2 }'), options: {}, threads: 1 },
  { name: 'script, isolated', page: script('{ threads: 2 }'), options: { isolated: true }, threads: 2 },
  {
    name: 'script, isolated, strict policy, thread.js by address',
    page: script('{ threads: 2, workerUrl: new URL("dist/thread.js", location.href) }'),
    options: { isolated: true, headers: POLICY },
    threads: 2,
  },
  {
    name: 'script, isolated, strict policy, no address',
    page: script('{ threads: 2 }'),
    options: { isolated: true, headers: POLICY },
    threads: 1,
  },
  {
    name: 'module worker, isolated',
    page: {
      ...html('main.js'),
      'worker.js': THROUGH_WORKER,
      'main.js': `const worker = new Worker('worker.js', { type: 'module' })
worker.onmessage = ({ data }) => Object.assign(globalThis, data)
worker.onerror = (event) => { globalThis.failed = event.message ?? 'the worker did not start' }
worker.postMessage('go')`,
    },
    options: { isolated: true },
    threads: 2,
  },
  {
    name: 'pipeline in the package’s worker, isolated, strict policy',
    page: {
      ...html('main.js'),
      'main.js': `import { pipeline } from './dist/worker.js'
import { disposeWasm, int8Matmul, quantizeWeight } from './dist/wasm.js'
import { probe } from './probe.js'
import { tell } from './tell.js'
const options = { threads: 2, workerUrl: 'dist/thread.js' }
tell(probe({ pipeline, disposeWasm, int8Matmul, quantizeWeight }, './model/', options))`,
    },
    options: { isolated: true, headers: POLICY },
    threads: 2,
  },
  {
    name: 'module service worker',
    page: {
      ...html('main.js'),
      'sw.js': THROUGH_SERVICE_WORKER,
      'main.js': `try {
  await navigator.serviceWorker.register('sw.js', { type: 'module' })
  const { active } = await navigator.serviceWorker.ready
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = ({ data }) => Object.assign(globalThis, data)
  active.postMessage('go', [port2])
} catch (error) { globalThis.failed = error.stack }`,
    },
    options: {},
    threads: 1,
  },
]
