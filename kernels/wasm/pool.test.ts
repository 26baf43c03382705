import { afterEach, describe, expect, it } from 'vitest'
import { WASM } from '../generated/wasm.ts'
import { WasmMemory } from './memory.ts'
import { DENSE_MATMUL, FIRST_TOKEN } from './abi.ts'
import { ThreadPool, type Job } from './pool.ts'
import { TapeWriter } from './tape.ts'
import type { WorkerThread } from './worker-thread.ts'
import { startWorker } from './worker.ts'

const pools: ThreadPool[] = []
const workers: WorkerThread[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.dispose()))
  workers.length = 0
})

async function makePool(threads: number, stallSeconds?: number): Promise<ThreadPool> {
  const isShared = threads > 1
  const module = await WebAssembly.compile(WASM[isShared ? 'baseline-shared' : 'baseline']())
  const pool = await ThreadPool.create(new WasmMemory(isShared), module, threads, stallSeconds, async (events) => {
    const worker = await startWorker(events)
    workers.push(worker)
    return worker
  })
  pools.push(pool)
  return pool
}

function jobOf(pool: ThreadPool, tape: TapeWriter): Job {
  const words = tape.finish()
  const address = pool.memory.allocate(words.byteLength)
  pool.memory.i32(address, words.length).set(words)
  return { tape: address, scratch: pool.memory.allocate(8192 * pool.threads), scratchBytes: 8192 }
}

/** Copies one row of `value`, `times` times, each copy reading the one before. */
function copyJob(pool: ThreadPool, value: number, times: number): { job: Job; result: number } {
  const { memory } = pool
  const offsets = memory.allocate(64)
  memory.i32(offsets, 3).set([0, 1, 2])
  let from = memory.allocate(64)
  memory.f32(from, 2).fill(value)
  const tape = new TapeWriter()
  for (let i = 0; i < times; i++) {
    const to = memory.allocate(64)
    tape.record(FIRST_TOKEN, { B: 2, C: 1, isBlocked: 0, x: from, offsets, y: to }, [from], [to])
    from = to
  }
  return { job: jobOf(pool, tape), result: from }
}

describe.each([1, 2, 3])('a pool of %i threads', (threads) => {
  it('runs a long chain of dependent records, many times over', async () => {
    const pool = await makePool(threads)
    const { job, result } = copyJob(pool, 5, 300)
    for (let round = 0; round < 20; round++) {
      pool.memory.f32(result, 2).fill(0)
      await pool.enqueue(() => pool.run(0, job))
      expect([...pool.memory.f32(result, 2)]).toEqual([5, 5])
    }
  })

  it('rejects a tape that traps, names the record, and runs on', async () => {
    const pool = await makePool(threads)
    const bad = new TapeWriter()
    bad.record({ opcode: 999, integers: [], addresses: [] }, {}, [], [])
    const failure = pool.enqueue(() => pool.run(0, jobOf(pool, bad), (record) => `the ${record}st`))
    await expect(failure).rejects.toThrow(/thread 0 failed in record 1 \(the 1st\): RuntimeError: unreachable/)
    const { job, result } = copyJob(pool, 3, 5)
    await pool.enqueue(() => pool.run(0, job))
    expect([...pool.memory.f32(result, 2)]).toEqual([3, 3])
  })

  it('takes a second module', async () => {
    const pool = await makePool(threads)
    const name = threads > 1 ? 'relaxed-shared' : 'relaxed'
    const number = await pool.addModule(await WebAssembly.compile(WASM[name]()))
    const { job, result } = copyJob(pool, 4, 5)
    await pool.enqueue(() => pool.run(number, job))
    expect([...pool.memory.f32(result, 2)]).toEqual([4, 4])
  })
})

it('rejects where only the worker traps, and runs on', async () => {
  const pool = await makePool(2)
  const { memory } = pool
  // thread 1 owns the second panel, whose weights lie past the end of the memory
  const end = memory.memory.buffer.byteLength
  const [x, y] = [memory.allocate(64), memory.allocate(64)]
  const bad = new TapeWriter()
  const none = { tile: 0, activation: 0, bias: 0, residual: 0 }
  bad.record(DENSE_MATMUL, { M: 1, K: 1, N: 16, x, w: end - 32, y, ...none }, [x], [y])
  bad.record(DENSE_MATMUL, { M: 1, K: 1, N: 8, x: y, w: x, y: x, ...none }, [y], [x])
  const job = jobOf(pool, bad)
  expect(memory.memory.buffer.byteLength).toBe(end)
  await expect(pool.enqueue(() => pool.run(0, job))).rejects.toThrow(
    /thread 1 failed in record 1: RuntimeError: memory access out of bounds/,
  )
  const good = copyJob(pool, 2, 50)
  await pool.enqueue(() => pool.run(0, good.job))
  expect([...pool.memory.f32(good.result, 2)]).toEqual([2, 2])
})

it('rejects, and does not hang, where a worker died unseen', async () => {
  const pool = await makePool(2, 1)
  const { job } = copyJob(pool, 1, 3)
  void workers[0].terminate()
  // the run begins in this turn of the event loop: the worker's death is not known yet
  await expect(pool.run(0, job)).rejects.toThrow(/the run failed.*worker thread/)
  await expect(pool.run(0, job)).rejects.toThrow(/this device is broken .*; create a new one/)
})

it('rejects where a worker died before the run', async () => {
  const pool = await makePool(2)
  const { job } = copyJob(pool, 1, 3)
  await workers[0].terminate()
  await new Promise((resolve) => setTimeout(resolve, 20))
  await expect(pool.run(0, job)).rejects.toThrow(/this device is broken \(a worker thread ended/)
})

it('refuses threads without shared memory, and too many', async () => {
  const module = await WebAssembly.compile(WASM.baseline())
  await expect(ThreadPool.create(new WasmMemory(false), module, 2)).rejects.toThrow('need a shared memory')
  await expect(ThreadPool.create(new WasmMemory(false), module, 0)).rejects.toThrow('1 to 64')
})

it('gives up at once where a worker cannot start', async () => {
  const began = performance.now()
  const start: typeof startWorker = async (events) => {
    setTimeout(() => events.death('a worker thread failed: refused'), 10)
    return { post: () => {}, hold: () => {}, terminate: async () => {} }
  }
  const shared = await WebAssembly.compile(WASM['baseline-shared']())
  await expect(ThreadPool.create(new WasmMemory(true), shared, 2, 5, start)).rejects.toThrow(/did not start.*refused/)
  expect(performance.now() - began).toBeLessThan(10_000)
})
