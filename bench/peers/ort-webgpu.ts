// onnxruntime-web's WebGPU provider, in Node on the same Dawn adapter that our own device takes.

import { readFile } from 'node:fs/promises'
import { requestNodeAdapter } from '../../kernels/webgpu/adapter.node.ts'
import { describeAdapter, isSoftware } from '../../kernels/webgpu/adapter.ts'
import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'
import { packageVersion } from './packages.ts'

const packageName: string = 'onnxruntime-web'

/** Gives the provider what it expects of a browser: navigator.gpu and the WebGPU constants. */
async function imitateBrowser(): Promise<{ name: string; software: boolean }> {
  const { globals } = await import('webgpu')
  const tried: string[] = []
  const adapter = await requestNodeAdapter('allow', tried)
  if (!adapter) throw new Error(`no WebGPU adapter found. Tried: ${tried.join('; ')}`)
  Object.assign(globalThis, globals)
  const gpu = {
    requestAdapter: () => requestNodeAdapter('allow', []),
    getPreferredCanvasFormat: () => 'bgra8unorm',
    wgslLanguageFeatures: new Set<string>(),
  }
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true })
  return { name: describeAdapter(adapter.info), software: isSoftware(adapter.info) }
}

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-webgpu',
    engineVersion: packageVersion(packageName),
    device: 'gpu',
    read: readFile,
    notes: ['WebGPU provider, graph optimization all'],
    async open() {
      const adapter = await imitateBrowser()
      const ort = (await import(`${packageName}/webgpu`)) as Ort
      ort.env.logLevel = 'error'
      ort.env.wasm.numThreads = 1
      return { ort, options: { executionProviders: ['webgpu'] }, adapter }
    },
  })
}
