// onnxruntime-web's WebAssembly backend, in Node.

import { readFile } from 'node:fs/promises'
import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'
import { packageVersion } from './packages.ts'

const packageName: string = 'onnxruntime-web'

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-web',
    engineVersion: packageVersion(packageName),
    device: 'cpu',
    read: readFile,
    notes: ['WebAssembly backend, graph optimization all'],
    async open({ threads }) {
      const ort = (await import(packageName)) as Ort
      ort.env.wasm.numThreads = threads
      ort.env.logLevel = 'error'
      return { ort, options: { executionProviders: ['wasm'] } }
    },
  })
}
