// compact-kernels as a contender: the model's program on our own devices.

import type { GpuSession, Precision } from '../../kernels/webgpu/device.ts'
import type { Device, Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { openModel } from '../../ts/model/load.ts'
import type { Contender, ModelInput, Task } from '../lib/contender.ts'

/** Sequences of equal length as a ragged batch. */
export function raggedBatch({ batch, tokens, ids }: ModelInput): Batch {
  return {
    offsets: Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens),
    ids,
    types: new Int32Array(ids.length),
  }
}

/** What a process of Node and a page have each their own way for. */
export interface Surroundings {
  device(kind: 'cpu' | 'gpu', threads: number, precision: Precision): Promise<Device>
  version: string
}

export function oursContender(here: Surroundings): Contender {
  let device: Device | null = null
  let session: Session | null = null
  let batch: Batch | null = null
  let logits = new Float32Array(0)
  return {
    async prepare(task: Task) {
      device = await here.device(task.device, task.threads, task.precision)
      const model = await openModel(task.folder, { readOnce: true })
      session = await device.load(buildProgram(model.weights, 'logits'))
      await model.close()
    },
    async feed(input) {
      batch = raggedBatch(input)
    },
    async run() {
      logits = new Float32Array(await session!.run(batch!))
    },
    async gpuMs() {
      return session && 'runTimed' in session ? (await (session as GpuSession).runTimed(batch!)).gpuMs : null
    },
    finish: async () => logits,
    async dispose() {
      session?.dispose()
      await device?.dispose()
    },
    describe() {
      const info = device!.info()
      const { calls, weightBytes } = session!.stats()
      return {
        engine: 'compact-kernels',
        engineVersion: here.version,
        device: info.kind,
        ...(info.kind === 'gpu'
          ? { adapter: info.name, software: info.software, precision: info.variants.precision as Precision }
          : {}),
        threads: info.threads,
        notes: [
          `${info.name}: ${Object.entries(info.variants)
            .map((pair) => pair.join(' '))
            .join(', ')}`,
          ...info.notes,
        ],
        calls,
        weightBytes,
      }
    },
  }
}
