// `bench load`: what a pipeline does before its first answer, stage by stage, each time in a new process.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { medianAbsoluteDeviation, median } from '../ts/evaluation/statistics.ts'
import { formatTable, short } from './lib/results.ts'

/** In the order of a start. */
export const STAGES = ['import', 'read', 'parse', 'compile', 'workers', 'self-test', 'pack', 'first run'] as const
export type Stage = (typeof STAGES)[number]

export interface StageTimes {
  stage: Stage | 'whole'
  medianMs: number
  madMs: number
  minMs: number
}

export interface LoadBenchOptions {
  /** folder with a tokenizer */
  folder: string
  threads: number
  /** processes */
  rounds: number
}

/** Tokens of the first run. */
const TOKENS = 16

/** @throws where there is no such folder, or a process fails */
export function benchLoad({ folder, threads, rounds }: LoadBenchOptions): StageTimes[] {
  const file = join(folder, 'model.safetensors')
  if (!existsSync(file)) throw new Error(`bench load: there is no ${file}; give the folder of a model`)
  const args = [fileURLToPath(import.meta.url), folder, String(threads)]
  const samples = Array.from(
    { length: rounds },
    () => JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Record<Stage, number>,
  )
  const row = (stage: StageTimes['stage'], times: number[]): StageTimes => ({
    stage,
    medianMs: median(times),
    madMs: medianAbsoluteDeviation(times),
    minMs: Math.min(...times),
  })
  return [
    ...STAGES.map((stage) =>
      row(
        stage,
        samples.map((sample) => sample[stage]),
      ),
    ),
    row(
      'whole',
      samples.map((sample) => STAGES.reduce((sum, stage) => sum + sample[stage], 0)),
    ),
  ]
}

export const loadTable = (rows: StageTimes[]): string =>
  formatTable(
    ['stage', 'median ms', 'MAD', 'min'],
    rows.map(({ stage, medianMs, madMs, minMs }) => [stage, short(medianMs), short(madMs), short(minMs)]),
  )

/**
 * Times the stages in this process, which has done nothing before. `compile` and `workers` are the times that the engine's
 * own calls take inside the making of the device; `self-test` is what is left of it. `read` is a read of the whole file, which
 * brings it into the system's cache, so that `parse` and `pack` do not wait for a disk.
 */
async function stagesOf(folder: string, threads: number): Promise<Record<Stage, number>> {
  const times = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>
  const timed = async <T>(stage: Stage, work: () => T | Promise<T>): Promise<T> => {
    const began = performance.now()
    const made = await work()
    times[stage] += performance.now() - began
    return made
  }
  const { createWasmDevice, ThreadPool, openTextModel, runOn } = await timed('import', async () => ({
    ...(await import('../kernels/wasm/device.ts')),
    ...(await import('../kernels/wasm/pool.ts')),
    ...(await import('../ts/inference/text-model.ts')),
    ...(await import('../ts/inference/running-model.ts')),
  }))
  await timed('read', () => readFileSync(join(folder, 'model.safetensors')))
  const opened = await timed('parse', () => openTextModel(folder, {}))
  const compile = WebAssembly.compile.bind(WebAssembly)
  WebAssembly.compile = (bytes) => timed('compile', () => compile(bytes as BufferSource))
  const start = ThreadPool.create.bind(ThreadPool)
  ThreadPool.create = (...given) => timed('workers', () => start(...given))
  const device = await timed('self-test', () => createWasmDevice({ threads }))
  times['self-test'] -= times.compile + times.workers
  const model = runOn(device, opened)
  const session = await timed('pack', () => model.session('embeddings'))
  await timed('first run', () =>
    session.run({ offsets: Int32Array.of(0, TOKENS), ids: new Int32Array(TOKENS), types: new Int32Array(TOKENS) }),
  )
  await model.dispose()
  await device.dispose()
  return times
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, threads] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(await stagesOf(folder, Number(threads))))
}
