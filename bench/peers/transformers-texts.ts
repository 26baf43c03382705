// transformers.js as a contender of `bench texts`, in Node and in pages: its own tokenizer, padding, mean and norm, on the
// ONNX of the same weights.

import type { Contender, TextsInput, TextsTask } from '../lib/contender.ts'
import { callsOf, joined } from '../lib/texts.ts'

type Extractor = {
  (texts: string[], options: { pooling: 'mean'; normalize: boolean }): Promise<{ data: Float32Array }>
  dispose(): Promise<void>
}

export interface Transformers {
  env: {
    allowLocalModels: boolean
    allowRemoteModels: boolean
    localModelPath: string
    backends: { onnx: { wasm?: { wasmPaths?: string; numThreads?: number } } }
  }
  pipeline(task: 'feature-extraction', model: string, options: object): Promise<Extractor>
}

/** @param open loads the library, says where models lie, and with which options the pipeline is made */
export function transformersTexts({
  engineVersion,
  note,
  open,
}: {
  engineVersion: string
  note: string
  open: (task: TextsTask) => Promise<{ library: Transformers; options: object }>
}): Contender<TextsTask, TextsInput> {
  let extract: Extractor | null = null
  let calls: string[][] = []
  let vectors: Float32Array[] = []
  let threads = 1
  return {
    async prepare(task) {
      const { library, options } = await open(task)
      threads = task.threads
      const at = task.folder.lastIndexOf('/')
      library.env.allowRemoteModels = false
      library.env.allowLocalModels = true
      library.env.localModelPath = task.folder.slice(0, at + 1)
      // fp32 names the file onnx/model.onnx, whatever the types in it are
      extract = await library.pipeline('feature-extraction', task.folder.slice(at + 1), { dtype: 'fp32', ...options })
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
    describe: () => ({ engine: 'transformers-js', engineVersion, device: 'cpu', threads, notes: [note] }),
  }
}
