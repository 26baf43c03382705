// What a pipeline does before its first answer, stage by stage, in a process or page that has done nothing before.

import type { ThreadPool } from '../../kernels/wasm/pool.ts'
import type { createWasmDevice } from '../../kernels/wasm/device.ts'
import type { openTextModel } from '../../ts/inference/text-model.ts'
import type { RunningModel, runOn } from '../../ts/inference/running-model.ts'
import type { Contender, TextsInput, TextsTask } from './contender.ts'

/** In the order of a start. */
export const STAGES = ['import', 'read', 'parse', 'compile', 'workers', 'self-test', 'pack', 'first run'] as const
export type Stage = (typeof STAGES)[number]

export interface StageModules {
  createWasmDevice: typeof createWasmDevice
  ThreadPool: typeof ThreadPool
  openTextModel: typeof openTextModel
  runOn: typeof runOn
}

/**
 * `compile` and `workers` are the times that the engine's own calls take inside the making of the device; `self-test` is what is
 * left of it. `read` is a read of the whole file, which brings it into a cache, so that `parse` and `pack` do not wait for a disk.
 * One stage after another: a pipeline starts its threads while it reads, so that its whole is less (start.ts).
 * @param version of this package
 * @param load this package's modules
 * @param read the bytes of a file of the folder, of which none is kept
 */
export function stagesContender(
  version: string,
  load: () => Promise<StageModules>,
  read: (path: string) => Promise<unknown>,
): Contender<TextsTask, TextsInput> {
  const times = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>
  const timed = async <T>(stage: Stage, work: () => T | Promise<T>): Promise<T> => {
    const began = performance.now()
    const made = await work()
    times[stage] += performance.now() - began
    return made
  }
  let model: RunningModel | null = null
  let text = ''
  let vector = new Float32Array(0)
  return {
    async prepare({ folder, threads }) {
      const { createWasmDevice, ThreadPool, openTextModel, runOn } = await timed('import', load)
      await timed('read', () => read(`${folder}/model.safetensors`))
      const opened = await timed('parse', () => openTextModel(folder, {}))
      const compile = WebAssembly.compile.bind(WebAssembly)
      WebAssembly.compile = (bytes) => timed('compile', () => compile(bytes as BufferSource))
      const start = ThreadPool.create.bind(ThreadPool)
      ThreadPool.create = (...given) => timed('workers', () => start(...given))
      const device = await timed('self-test', () => createWasmDevice({ threads }))
      times['self-test'] -= times.compile + times.workers
      model = runOn(device, opened)
      await timed('pack', () => model!.session('embeddings'))
    },
    async feed({ texts }) {
      text = texts[0]
    },
    async run() {
      await timed('first run', async () => {
        const { ids } = model!.encode([text])
        const session = await model!.session('embeddings')
        const batch = { offsets: Int32Array.of(0, ids[0].length), ids: ids[0], types: new Int32Array(ids[0].length) }
        vector = new Float32Array(await session.run(batch))
      })
    },
    finish: async () => vector,
    async dispose() {
      await model?.dispose()
      await model?.device.dispose()
    },
    describe: () => ({
      engine: 'compact-kernels',
      engineVersion: version,
      device: 'cpu',
      threads: model!.device.info().threads,
      notes: [],
      partsMs: times,
    }),
  }
}
