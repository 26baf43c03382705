// onnxruntime-node: native code with whatever vector units the CPU has.

import type { Contender } from '../lib/contender.ts'
import { ortContender, type Ort } from './onnx-session.ts'
import { packageVersion } from './packages.ts'

/** Its package; a name that TypeScript does not resolve, since the bench installs it. */
export const ORT_NODE: string = 'onnxruntime-node'

export async function importOrtNode(): Promise<Ort> {
  const module = (await import(ORT_NODE)) as Ort & { default?: Ort }
  const ort = module.default ?? module
  ort.env.logLevel = 'error'
  return ort
}

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-node',
    engineVersion: packageVersion(ORT_NODE),
    device: 'cpu',
    read: async (onnxPath) => onnxPath,
    notes: ['native CPU provider, graph optimization all'],
    async open({ threads }) {
      const ort = await importOrtNode()
      return { ort, options: { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 } }
    },
  })
}
