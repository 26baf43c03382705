// The thread pool: runs a tape with a module on all threads. Thread 0 is the caller's own; the others are workers that
// sleep in Atomics.wait between jobs, so that a run costs no message.

import * as abi from './abi.ts'
import type { WasmMemory } from './memory.ts'
import type { WorkerMessage, WorkerThread } from './worker-thread.ts'
import { startWorker } from './worker.ts'

/** How long a worker may take to start or to take a module. */
const START_SECONDS = 20
/** How long workers may take to come back after a failed run. */
const RETURN_SECONDS = 5
const DEFAULT_STALL_SECONDS = 60

interface RunExports extends WebAssembly.Exports {
  run: (tape: number, thread: number, threads: number, scratch: number) => number
}

interface Trap {
  thread: number
  /** 1-based number of the record it was in */
  record: number
  trap: string
}

/** Address of a tape and of the threads' scratch, `scratchBytes` per thread. */
export interface Job {
  tape: number
  scratch: number
  scratchBytes: number
  /** 1: the caller's thread alone runs it and wakes nobody; otherwise, and where not given, all do */
  threads?: number
}

/** True where this thread may sleep: everywhere but on a page's main thread. */
export function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0)
    return true
  } catch {
    return false
  }
}

export class ThreadPool {
  readonly memory: WasmMemory
  readonly threads: number
  #modules: RunExports[] = []
  #workers: WorkerThread[] = []
  #words: () => Int32Array
  #queue: Promise<unknown> = Promise.resolve()
  #traps: Trap[] = []
  #answers: ((message: WorkerMessage) => void)[] = []
  #jobs = 0
  /** why no run can succeed any more; null while all is well */
  #broken: string | null = null

  private constructor(memory: WasmMemory, threads: number) {
    this.memory = memory
    this.threads = threads
    this.#words = () => this.memory.i32(0, abi.ARENA_ADDRESS >> 2)
  }

  /**
   * Starts `threads - 1` workers. Threads above 1 need a shared memory.
   *
   * @param module the first module, number 0
   * @param start how workers are started, for tests that end one
   * @param stallSeconds time without any thread moving on after which a run is given up
   */
  static async create(
    memory: WasmMemory,
    module: WebAssembly.Module,
    threads: number,
    stallSeconds = DEFAULT_STALL_SECONDS,
    start: typeof startWorker = startWorker,
  ): Promise<ThreadPool> {
    if (threads > 1 && !memory.isShared) throw new Error(`wasm: ${threads} threads need a shared memory`)
    if (!(threads >= 1 && threads <= abi.MAX_THREADS))
      throw new Error(`wasm: threads must be 1 to ${abi.MAX_THREADS}, found ${threads}`)
    const pool = new ThreadPool(memory, threads)
    pool.#words()[abi.STALL_SECONDS_WORD] = stallSeconds
    if (threads > 1) pool.#words()[abi.THREADS_WORD + 1] = mayWait() ? 1 : 0
    try {
      for (let thread = 1; thread < threads; thread++) {
        const index = thread - 1
        pool.#workers.push(
          await start({
            message: (message) => pool.#receive(index, message),
            death: (reason) => {
              pool.#broken ??= reason
              pool.#receive(index, { failure: reason })
            },
          }),
        )
      }
      await pool.#sendModule(module, (thread) => ({ memory: memory.memory, thread, threads, seen: 0 }))
    } catch (error) {
      await pool.dispose()
      throw error
    }
    return pool
  }

  /** Makes a further module known to all threads; returns its number for `run`. */
  async addModule(module: WebAssembly.Module): Promise<number> {
    return this.enqueue(async () => {
      this.#post(abi.JOB.listen)
      await this.#sendModule(module, () => ({}))
      return this.#modules.length - 1
    })
  }

  /** This thread's exports of a module: probes, and kernels called by tests. */
  exports(module: number): WebAssembly.Exports {
    return this.#modules[module]
  }

  /** Runs `work` once all earlier work is done: what a session does between two runs of the pool. */
  enqueue<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => {})
    return result
  }

  /**
   * Runs a tape on all threads; call it inside `enqueue`. Rejects where a thread trapped, stalled or died.
   *
   * @param describe says what record number n (1-based) is, for the error
   */
  async run(module: number, job: Job, describe?: (record: number) => string): Promise<void> {
    if (this.#broken) throw new Error(`wasm: this device is broken (${this.#broken}); create a new one`)
    const words = this.#words()
    const threads = job.threads === 1 ? 1 : this.threads
    for (let thread = 0; thread < this.threads; thread++) words[abi.THREADS_WORD + abi.THREAD_WORDS * thread] = 0
    words[abi.JOB_MODULE_WORD] = module
    words[abi.JOB_TAPE_WORD] = job.tape
    words[abi.JOB_SCRATCH_WORD] = job.scratch
    words[abi.JOB_SCRATCH_BYTES_WORD] = job.scratchBytes
    this.#traps = []
    if (threads > 1) {
      this.#jobs++
      this.#post(abi.JOB.run)
    }
    try {
      if (this.#modules[module].run(job.tape, 0, threads, job.scratch) === 0) return
    } catch (error) {
      this.#traps.push({ thread: 0, record: words[abi.THREADS_WORD], trap: String(error) })
      if (threads > 1) {
        Atomics.store(words, abi.ABORT_WORD, 1)
        Atomics.add(words, abi.GENERATION_WORD, 1)
        Atomics.notify(words, abi.GENERATION_WORD)
      }
    }
    await this.#recover(describe)
  }

  /** Ends the workers; runs after this reject. */
  async dispose(): Promise<void> {
    this.#broken ??= 'it was disposed'
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
    this.#workers = []
  }

  #post(kind: number): void {
    const words = this.#words()
    words[abi.JOB_KIND_WORD] = kind
    if (!this.memory.isShared) return
    Atomics.add(words, abi.JOB_WORD, 1)
    Atomics.notify(words, abi.JOB_WORD)
  }

  async #sendModule(module: WebAssembly.Module, extra: (thread: number) => object): Promise<void> {
    const instance = await WebAssembly.instantiate(module, { env: { memory: this.memory.memory } })
    this.#modules.push(instance.exports as RunExports)
    await Promise.all(
      this.#workers.map(async (worker, index) => {
        worker.hold(true)
        const answer = new Promise<WorkerMessage>((resolve) => (this.#answers[index] = resolve))
        worker.post({ module, ...extra(index + 1) })
        let handle: ReturnType<typeof setTimeout> | undefined
        const timeout = new Promise<WorkerMessage>((resolve) => {
          const failure = `no answer in ${START_SECONDS} s`
          handle = setTimeout(() => resolve({ failure }), START_SECONDS * 1000)
        })
        const message = await Promise.race([answer, timeout])
        clearTimeout(handle)
        worker.hold(false)
        if (message !== 'ready')
          throw new Error(`wasm: worker thread ${index + 1} did not start: ${this.#broken ?? JSON.stringify(message)}`)
      }),
    )
  }

  #receive(index: number, message: WorkerMessage): void {
    if (typeof message === 'object' && 'trap' in message) this.#traps.push({ thread: index + 1, ...message })
    else this.#answers[index]?.(message)
  }

  /** After a failed run: waits for the workers to come back, then throws what happened. */
  async #recover(describe: ((record: number) => string) | undefined): Promise<never> {
    const words = this.#words()
    const deadline = Date.now() + RETURN_SECONDS * 1000
    const expected = (this.#jobs * (this.threads - 1)) | 0
    while (Atomics.load(words, abi.RETURNED_WORD) !== expected && Date.now() < deadline && !this.#broken)
      await new Promise((resolve) => setTimeout(resolve, 5))
    // traps of workers come as messages: one more turn of the event loop delivers them
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (Atomics.load(words, abi.RETURNED_WORD) !== expected) this.#broken ??= 'a worker thread no longer answers'
    Atomics.store(words, abi.ARRIVED_WORD, 0)
    Atomics.store(words, abi.ABORT_WORD, 0)
    const traps = this.#traps.map(
      ({ thread, record, trap }) =>
        `thread ${thread} failed in record ${record}${describe ? ` (${describe(record)})` : ''}: ${trap}`,
    )
    if (traps.length === 0 && !this.#broken) traps.push('the threads made no progress')
    throw new Error(`wasm: the run failed: ${[...traps, ...(this.#broken ? [this.#broken] : [])].join('; ')}`)
  }
}
