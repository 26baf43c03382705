// One linear layer on our own WebAssembly device in a page.

import { createWasmDevice } from '../../kernels/wasm/device.ts'
import type { Device, Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { caseOf } from '../kernels/linear-task.ts'
import type { Contender, LinearTask } from '../lib/contender.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export function createContender(): Contender<LinearTask, null> {
  let device: Device | null = null
  let session: Session | null = null
  let batch: Batch | null = null
  let rows: Float32Array = new Float32Array(0)
  return {
    async prepare(task) {
      const kernel = caseOf(task)
      batch = kernel.batch
      device = await createWasmDevice({ threads: task.threads, keepsSparse: true })
      session = await device.load(kernel.program)
    },
    feed: async () => {},
    async run() {
      rows = await session!.run(batch!)
    },
    finish: async () => rows,
    async dispose() {
      session?.dispose()
      await device?.dispose()
    },
    describe() {
      const { name, threads, variants, notes } = device!.info()
      const words = Object.entries(variants).map((pair) => pair.join(' '))
      return {
        engine: 'compact-kernels',
        engineVersion: ENGINE_VERSION,
        device: 'cpu',
        threads,
        notes: [`${name}: ${words.join(', ')}`, ...notes],
        calls: session!.stats().calls,
      }
    },
  }
}
