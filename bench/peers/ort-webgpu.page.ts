// onnxruntime-web's WebGPU provider in a page: the package's own files, served beside it.

import { describeAdapter, findAdapter } from '../../kernels/webgpu/adapter.ts'
import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-webgpu',
    engineVersion: ENGINE_VERSION,
    device: 'gpu',
    notes: ['WebGPU provider, graph optimization all'],
    read: async (onnxPath) => new Uint8Array(await (await fetch(onnxPath)).arrayBuffer()),
    async open() {
      const { adapter, software } = await findAdapter('allow')
      const entry = new URL('package/ort.webgpu.min.mjs', location.href).href
      const ort = (await import(entry)) as Ort
      ort.env.wasm.wasmPaths = new URL('package/', location.href).href
      ort.env.wasm.numThreads = 1
      ort.env.logLevel = 'error'
      return {
        ort,
        options: { executionProviders: ['webgpu'] },
        adapter: { name: describeAdapter(adapter.info), software },
      }
    },
  })
}
