// A pipeline from nothing to its first answer, in a process or page that has done nothing before.

import type { FeatureExtractor, pipeline } from '../../ts/index.ts'
import type { Contender, TextsInput, TextsTask } from './contender.ts'

/** @param load this package */
export function startContender(
  version: string,
  load: () => Promise<{ pipeline: typeof pipeline }>,
): Contender<TextsTask, TextsInput> {
  let pipe: FeatureExtractor | null = null
  let texts: string[] = []
  let vectors: Float32Array = new Float32Array(0)
  return {
    async prepare({ folder, threads }) {
      const made = await load()
      pipe = await made.pipeline('feature-extraction', folder, { device: 'cpu', threads })
    },
    async feed(input) {
      texts = input.texts
    },
    async run() {
      vectors = (await pipe!(texts, { pooling: 'mean', normalize: true })).data
    },
    finish: async () => vectors,
    async dispose() {
      await pipe?.dispose()
    },
    describe: () => ({
      engine: 'compact-kernels',
      engineVersion: version,
      device: 'cpu',
      threads: pipe!.info().threads,
      notes: [],
    }),
  }
}
