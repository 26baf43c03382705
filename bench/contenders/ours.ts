// compact-kernels as a contender: the model's program on our own devices.

import type { GpuSession } from '../../kernels/webgpu/device.ts'
import type { Device, Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { packBatch } from '../../ts/inference/batches.ts'
import { openDevice } from '../../ts/inference/devices.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { openModel } from '../../ts/model/load.ts'
import type { Contender, ModelInput, Task } from '../lib/contender.ts'

/** Sequences of equal length as a ragged batch. */
export const batchOf = ({ batch, tokens, ids }: ModelInput): Batch =>
  packBatch(Array.from({ length: batch }, (_, b) => ids.subarray(b * tokens, (b + 1) * tokens)))

/**
 * @param version of this package
 * @param wide its kernels for 256-bit vectors
 */
export function oursContender(version: string, wide = false): Contender {
  let device: Device | null = null
  let session: Session | null = null
  let batch: Batch | null = null
  let logits = new Float32Array(0)
  return {
    async prepare(task: Task) {
      const { threads, precision } = task
      device = (await openDevice({ device: task.device, threads, precision, wide })).device
      const model = await openModel(task.folder, { readOnce: true })
      session = await device.load(buildProgram(model.weights, 'logits'))
      await model.close()
    },
    async feed(input) {
      batch = batchOf(input)
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
        engine: wide ? 'compact-kernels wide' : 'compact-kernels',
        engineVersion: version,
        device: info.kind,
        ...(info.kind === 'gpu' ? { adapter: info.name, software: info.software, precision: info.precision } : {}),
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
