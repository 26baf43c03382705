// onnxruntime-web's WebGPU provider, in Node on the same Dawn that our own device uses.

import { gpuGlobals } from '../../kernels/plan/webgpu.node.ts'
import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'

const packageName: string = 'onnxruntime-web'

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-webgpu',
    packageName,
    device: 'gpu',
    byPath: false,
    notes: ['WebGPU provider, graph optimization all'],
    async open() {
      const gpu = await gpuGlobals()
      const adapter = await gpu.requestAdapter()
      if (!adapter) throw new Error('ort-webgpu: no WebGPU adapter on this machine')
      const ort = (await import(`${packageName}/webgpu`)) as Ort
      ort.env.logLevel = 'error'
      ort.env.wasm.numThreads = 1
      return {
        ort,
        options: { executionProviders: ['webgpu'] },
        adapter: {
          name: [adapter.info.vendor, adapter.info.architecture, adapter.info.description].filter(Boolean).join(' '),
          software: adapter.info.isFallbackAdapter || adapter.info.architecture === 'swiftshader',
        },
      }
    },
  })
}
