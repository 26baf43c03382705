// onnxruntime-web's WebAssembly backend in a page: the package's own files, served beside it.

import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-web',
    engineVersion: ENGINE_VERSION,
    device: 'cpu',
    notes: ['WebAssembly backend, graph optimization all'],
    read: async (onnxPath) => new Uint8Array(await (await fetch(onnxPath)).arrayBuffer()),
    async open({ threads }) {
      const entry = new URL('package/ort.wasm.min.mjs', location.href).href
      const ort = (await import(entry)) as Ort
      ort.env.wasm.wasmPaths = new URL('package/', location.href).href
      ort.env.wasm.numThreads = threads
      ort.env.logLevel = 'error'
      return { ort, options: { executionProviders: ['wasm'] } }
    },
  })
}
