// CPU ceilings: what one thread's vector unit and memory give to WebAssembly here and now, and so many threads at once.

import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import type { Ceilings } from '../lib/results.ts'
import {
  ACCUMULATORS,
  WIDE_ACCUMULATORS,
  OPS_PER_STEP,
  READ_BYTES,
  READ_PAGES,
  arithmeticProbe,
  readProbe,
} from './module.ts'
import type { ArithmeticProbe } from './module.ts'

type Rates = Omit<Ceilings, 'threads'>

const PROBE_MS = 200

/** Best of many runs of a few milliseconds: a ceiling is what the machine can do, not what it did on average. */
function bestRate(run: () => void, work: number): number {
  let best = Infinity
  const end = performance.now() + PROBE_MS
  while (performance.now() < end) {
    const start = performance.now()
    run()
    best = Math.min(best, performance.now() - start)
  }
  return work / best / 1e6
}

function instantiate(bytes: Uint8Array<ArrayBuffer>, pages: number): (count: number) => void {
  const memory = new WebAssembly.Memory({ initial: pages })
  // 0.5 in every lane keeps f32 chains normal (x * 0.5 + 0.5 tends to 1); any bytes do for the integer ones. All of it
  // is written: pages never touched are one and the same page of zeros to the system, and read from cache.
  new Float32Array(memory.buffer).fill(0.5)
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
  return instance.exports.run as (count: number) => void
}

function arithmeticRate(kind: ArithmeticProbe, accumulators: number): number {
  const bytes = arithmeticProbe(kind, accumulators)
  if (!WebAssembly.validate(bytes)) return 0
  const steps = 500_000
  const run = instantiate(bytes, 1)
  run(100_000)
  return bestRate(() => run(steps), steps * accumulators * OPS_PER_STEP[kind])
}

/**
 * Rates of this thread; about a second.
 * @param wide in 256 bits, which takes twice the accumulators
 */
export function probeThread(wide = false): Rates {
  const accumulators = wide ? WIDE_ACCUMULATORS : ACCUMULATORS

  const read = instantiate(readProbe(), READ_PAGES)
  const lines = READ_BYTES / 128
  read(lines)
  return {
    f32MulAdd: arithmeticRate('f32MulAdd', accumulators),
    f32RelaxedMadd: arithmeticRate('f32RelaxedMadd', accumulators),
    int8DotI16: arithmeticRate('int8DotI16', accumulators),
    int8RelaxedDot: arithmeticRate('int8RelaxedDot', accumulators),
    readGBs: bestRate(() => read(lines), READ_BYTES),
  }
}

/** Rates of `threads` threads that run at the same time, added up. */
export async function probeCpu(threads: number, wide = false): Promise<Ceilings> {
  const parts = await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(new URL(import.meta.url), { workerData: wide })
      try {
        return await new Promise<Rates>((resolve, reject) => {
          worker.once('message', resolve)
          worker.once('error', reject)
        })
      } finally {
        await worker.terminate()
      }
    }),
  )
  const sum = (key: keyof Rates): number => parts.reduce((total, part) => total + part[key], 0)
  return {
    threads,
    f32MulAdd: sum('f32MulAdd'),
    f32RelaxedMadd: sum('f32RelaxedMadd'),
    int8DotI16: sum('int8DotI16'),
    int8RelaxedDot: sum('int8RelaxedDot'),
    readGBs: sum('readGBs'),
  }
}

if (!isMainThread && parentPort) parentPort.postMessage(probeThread(workerData as boolean))
