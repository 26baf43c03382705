// Times sequences of dispatches that write the same buffers: some passes of repeats each, in turns, by the timestamps of
// the passes.

import type { GpuContext } from './context.ts'
import { LEAST_PASS_US, MOST_REPEATS, REPEATS, ROUNDS } from './tune.ts'

export interface Timer {
  set: GPUQuerySet
  buffer: GPUBuffer
}

export interface ReadyDispatch {
  pipeline: GPUComputePipeline
  bindGroup: GPUBindGroup
  workgroups: [number, number, number]
}

export interface Timed {
  /** least microseconds of one run of all its dispatches */
  us: number
  outputs: Float32Array[]
}

export async function timeDispatches(
  { device, readback, software }: GpuContext,
  { set, buffer }: Timer,
  sequences: ReadyDispatch[][],
  written: { buffer: GPUBuffer; offset: number; size: number }[],
): Promise<Timed[]> {
  // emulations are timed by tests alone, which need no precision
  let repeats = software ? 2 : REPEATS
  const run = async (sequence: ReadyDispatch[], count: number): Promise<number> => {
    const encoder = device.createCommandEncoder()
    const timestampWrites = { querySet: set, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 }
    const pass = encoder.beginComputePass({ timestampWrites })
    for (let i = 0; i < count; i++)
      for (const { pipeline, bindGroup, workgroups } of sequence) {
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, bindGroup)
        pass.dispatchWorkgroups(...workgroups)
      }
    pass.end()
    encoder.resolveQuerySet(set, 0, 2, buffer, 0)
    const [start, end] = new BigUint64Array(await readback.submitAndRead(encoder, buffer, 0, 16))
    return Number(end - start) / 1e3 / count
  }
  const timed: Timed[] = []
  for (const sequence of sequences) {
    // what another variant wrote must not pass for this one's: NaN in every element before it
    for (const { buffer, offset, size } of written)
      device.queue.writeBuffer(buffer, offset, new Uint32Array(size / 4).fill(0x7fc00000))
    await run(sequence, 1)
    const outputs: Float32Array[] = []
    for (const { buffer, offset, size } of written)
      outputs.push(new Float32Array(await readback.submitAndRead(device.createCommandEncoder(), buffer, offset, size)))
    timed.push({ us: Infinity, outputs })
  }
  while (!software && repeats < MOST_REPEATS && (await run(sequences[0], repeats)) * repeats < LEAST_PASS_US)
    repeats *= 4
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, sequence] of sequences.entries()) timed[i].us = Math.min(timed[i].us, await run(sequence, repeats))
  return timed
}
