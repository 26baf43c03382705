// compact-kernels as a contender of `bench texts`: the pipeline as a user calls it.

import { planBatches, packBatch } from '../../ts/inference/batches.ts'
import type { RunningModel } from '../../ts/inference/running-model.ts'
import { startPipeline, type FeatureExtractor } from '../../ts/pipeline/pipeline.ts'
import type { Contender, TextsInput, TextsTask } from '../lib/contender.ts'
import { callsOf, joined } from '../lib/texts.ts'

/** Passes of which the least is taken, for each part. */
const PASSES = 3

/**
 * @param version of this package
 * @param wide its kernels for 256-bit vectors
 */
export function oursTexts(version: string, wide = false): Contender<TextsTask, TextsInput> {
  let pipe: FeatureExtractor | null = null
  let model: RunningModel | null = null
  let calls: string[][] = []
  let vectors: Float32Array[] = []
  let partsMs: Record<string, number> = {}
  const run = async (): Promise<void> => {
    vectors = []
    for (const texts of calls) vectors.push((await pipe!(texts, { pooling: 'mean', normalize: true })).data)
  }
  return {
    async prepare({ folder, threads }) {
      const started = await startPipeline('feature-extraction', folder, { device: 'cpu', threads, wide })
      model = started.model
      pipe = started.pipe as unknown as FeatureExtractor
    },
    async feed(input) {
      calls = callsOf(input)
    },
    run,
    async finish() {
      partsMs = await partsOf(model!, calls, run)
      return joined(vectors)
    },
    async dispose() {
      await pipe?.dispose()
    },
    describe: () => ({
      engine: wide ? 'compact-kernels wide' : 'compact-kernels',
      engineVersion: version,
      device: 'cpu',
      threads: model!.device.info().threads,
      notes: model!.device.info().notes,
      partsMs,
    }),
  }
}

/** Least ms of each part of all calls, and of the whole, which pools, normalizes and yields too. */
async function partsOf(
  model: RunningModel,
  calls: string[][],
  run: () => Promise<void>,
): Promise<Record<string, number>> {
  const least = { tokenize: Infinity, pack: Infinity, model: Infinity, whole: Infinity }
  const session = await model.session('embeddings')
  for (let pass = 0; pass < PASSES; pass++) {
    const now = { tokenize: 0, pack: 0, model: 0, whole: 0 }
    let began = performance.now()
    const lap = (part: keyof typeof now): void => {
      const ended = performance.now()
      now[part] += ended - began
      began = ended
    }
    for (const texts of calls) {
      began = performance.now()
      const { ids } = model.encode(texts)
      lap('tokenize')
      const plan = planBatches(
        ids.map(({ length }) => length),
        { sequences: 32 },
      )
      const batches = plan.map((positions) => packBatch(positions.map((i) => ids[i])))
      lap('pack')
      for (const batch of batches) await session.run(batch)
      lap('model')
    }
    began = performance.now()
    await run()
    lap('whole')
    for (const part of Object.keys(least) as (keyof typeof least)[]) least[part] = Math.min(least[part], now[part])
  }
  return least
}
