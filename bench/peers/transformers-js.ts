// transformers.js in Node, on onnxruntime-node: its own tokenizer, padding, mean and norm, on the ONNX of the same weights.

import { dirname, basename } from 'node:path'
import type { Contender, TextsInput, TextsTask } from '../lib/contender.ts'
import { callsOf, joined } from '../lib/texts.ts'
import { packageVersion } from './packages.ts'

/** A name that TypeScript does not resolve, since the bench installs it. */
const TRANSFORMERS: string = '@huggingface/transformers'

type Extractor = {
  (texts: string[], options: { pooling: 'mean'; normalize: boolean }): Promise<{ data: Float32Array }>
  dispose(): Promise<void>
}

interface Transformers {
  env: { allowRemoteModels: boolean; localModelPath: string }
  pipeline(task: 'feature-extraction', model: string, options: object): Promise<Extractor>
}

export function createContender(): Contender<TextsTask, TextsInput> {
  let extract: Extractor | null = null
  let calls: string[][] = []
  let vectors: Float32Array[] = []
  let threads = 1
  return {
    async prepare(task) {
      const { env, pipeline } = (await import(TRANSFORMERS)) as Transformers
      env.allowRemoteModels = false
      env.localModelPath = dirname(task.folder)
      threads = task.threads
      extract = await pipeline('feature-extraction', basename(task.folder), {
        device: 'cpu',
        // names the file onnx/model.onnx, whatever the types in it are
        dtype: 'fp32',
        session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
      })
    },
    async feed(input) {
      calls = callsOf(input)
    },
    async run() {
      vectors = []
      for (const texts of calls) vectors.push((await extract!(texts, { pooling: 'mean', normalize: true })).data)
    },
    finish: async () => joined(vectors),
    async dispose() {
      await extract?.dispose()
    },
    describe: () => ({
      engine: 'transformers-js',
      engineVersion: packageVersion(TRANSFORMERS),
      device: 'cpu',
      threads,
      notes: [
        `onnxruntime-node ${packageVersion('onnxruntime-node')}, native CPU provider; int8 by DynamicQuantizeLinear`,
      ],
    }),
  }
}
