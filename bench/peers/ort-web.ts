// onnxruntime-web's WebAssembly backend, in Node.

import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'

const packageName: string = 'onnxruntime-web'

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-web',
    packageName,
    device: 'cpu',
    byPath: false,
    notes: ['WebAssembly backend, graph optimization all'],
    async open({ threads }) {
      const ort = (await import(packageName)) as Ort
      ort.env.wasm.numThreads = threads
      ort.env.logLevel = 'error'
      return { ort, options: { executionProviders: ['wasm'] } }
    },
  })
}
