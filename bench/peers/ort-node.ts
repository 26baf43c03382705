// onnxruntime-node: native code with whatever vector units the CPU has.

import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'
import { packageVersion } from './packages.ts'

const packageName: string = 'onnxruntime-node'

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-node',
    engineVersion: packageVersion(packageName),
    device: 'cpu',
    read: async (onnxPath) => onnxPath,
    notes: ['native CPU provider, graph optimization all'],
    async open({ threads }) {
      const module = (await import(packageName)) as Ort & { default?: Ort }
      const ort = module.default ?? module
      ort.env.logLevel = 'error'
      return { ort, options: { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 } }
    },
  })
}
