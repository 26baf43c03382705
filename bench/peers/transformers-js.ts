// transformers.js in Node, on onnxruntime-node.

import { packageVersion } from './packages.ts'
import { transformersTexts, type Transformers } from './transformers-texts.ts'

/** A name that TypeScript does not resolve, since the bench installs it. */
const TRANSFORMERS: string = '@huggingface/transformers'

export const createContender = () =>
  transformersTexts({
    engineVersion: packageVersion(TRANSFORMERS),
    note: `onnxruntime-node ${packageVersion('onnxruntime-node')}, native CPU provider; int8 by DynamicQuantizeLinear`,
    open: async ({ threads }) => ({
      library: (await import(TRANSFORMERS)) as Transformers,
      options: { device: 'cpu', session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 } },
    }),
  })
