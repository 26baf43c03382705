// The tape: how kernels/wasm tells a module what to compute, and how threads meet.
//
// A tape is a list of records of i32 words in memory. Every thread makes one call `run(tape, thread, threads, scratch)`
// and walks the same tape; of each record it computes its own slice.
//
//   word 0   opcode | flags << 16          opcode 0 ends the tape
//   word 1   length of the record in words, these two included
//   word 2.. fields: counts in elements, addresses in bytes, f32; abi.ts has a class for each kind of record
//
// Flag BARRIER: all threads meet before this record, since it reads what an earlier record wrote, or writes what an
// earlier one reads. Records without it (query, key and value of one input) run on without meeting. All threads meet
// once more at the end of the tape.
//
// The training module has its own opcodes and its own `run`, with the same signature as that of index.ts. Rules for both:
// no global and no static data changes, since all threads share the memory and each thread's instantiation of the module
// writes the data segment again; a slice depends on (record, thread, threads) alone; no result depends on `threads`.
//
// `scratch` is memory of this thread alone, aligned to a cache line. The host asked the pool for its size.
//
// kernels/wasm/abi.ts says what the words of the control block mean.

import {
  ABORT_ADDRESS, ARRIVED_ADDRESS, BARRIER, GENERATION_ADDRESS, STALL_SECONDS_ADDRESS, THREAD_WORDS, THREADS_ADDRESS,
} from './abi'

/**
 * Looks at GENERATION_ADDRESS before a thread goes to sleep: 65 us at 4.4 GHz, longer than a slice of a small model lasts. Waking
 * costs a thread as long, and with a fifth of the looks every other barrier of such a model slept (docs/perf-log.md).
 */
const SPINS: i32 = 100000
/** Looks of a thread that must not sleep (a page's main thread) between two looks at the others' progress. */
const SPINS_AWAKE: i64 = 500000000
const ONE_SECOND: i64 = 1000000000

export const DONE: i32 = 0
export const ABORTED: i32 = 1

// @ts-ignore: decorator
@inline
export function opcode(record: usize): i32 {
  return load<u16>(record)
}

// @ts-ignore: decorator
@inline
export function next(record: usize): usize {
  return record + (<usize>load<u32>(record, 4) << 2)
}

/** Where the slice of `thread` begins, of `count` units shared by `threads`; its end is the next thread's begin. */
// @ts-ignore: decorator
@inline
export function sliceBegin(count: i32, thread: i32, threads: i32): i32 {
  return <i32>((<i64>count * thread) / threads)
}

// @ts-ignore: decorator
@inline
function progressOf(thread: i32): usize {
  return THREADS_ADDRESS + (<usize>(thread * THREAD_WORDS) << 2)
}

/** Called before each record: counts progress, meets the others where the record says so. False: leave the tape. */
// @ts-ignore: decorator
@inline
export function enter(record: usize, thread: i32, threads: i32): bool {
  store<i32>(progressOf(thread), load<i32>(progressOf(thread)) + 1)
  if (!ASC_FEATURE_THREADS) return true
  if (threads == 1 || (load<u16>(record, 2) & BARRIER) == 0) return true
  return barrier(thread, threads)
}

/** Called once after the last record. */
// @ts-ignore: decorator
@inline
export function leave(thread: i32, threads: i32): i32 {
  if (!ASC_FEATURE_THREADS) return DONE
  if (threads == 1) return DONE
  return barrier(thread, threads) ? DONE : ABORTED
}

function progressOfAll(threads: i32): i32 {
  let sum = 0
  for (let t = 0; t < threads; t++) sum += atomic.load<i32>(progressOf(t))
  return sum
}

function barrier(thread: i32, threads: i32): bool {
  if (!ASC_FEATURE_THREADS) return true
  const generation = atomic.load<i32>(GENERATION_ADDRESS)
  if (atomic.load<i32>(ABORT_ADDRESS) != 0) return false
  if (atomic.add<i32>(ARRIVED_ADDRESS, 1) == threads - 1) {
    atomic.store<i32>(ARRIVED_ADDRESS, 0)
    atomic.store<i32>(GENERATION_ADDRESS, generation + 1)
    atomic.notify(GENERATION_ADDRESS, threads)
    return atomic.load<i32>(ABORT_ADDRESS) == 0
  }
  for (let i = 0; i < SPINS; i++)
    if (atomic.load<i32>(GENERATION_ADDRESS) != generation) return atomic.load<i32>(ABORT_ADDRESS) == 0
  return sleep(generation, thread, threads)
}

/** The slow half of the barrier: waits, and gives up where no thread moves any more. */
function sleep(generation: i32, thread: i32, threads: i32): bool {
  if (!ASC_FEATURE_THREADS) return true
  const mayWait = load<i32>(progressOf(thread), 4) != 0
  let seen = progressOfAll(threads)
  let idleSeconds = 0
  while (true) {
    if (mayWait) {
      atomic.wait<i32>(GENERATION_ADDRESS, generation, ONE_SECOND)
    } else {
      for (let i: i64 = 0; i < SPINS_AWAKE; i++) if (atomic.load<i32>(GENERATION_ADDRESS) != generation) break
    }
    if (atomic.load<i32>(GENERATION_ADDRESS) != generation || atomic.load<i32>(ABORT_ADDRESS) != 0)
      return atomic.load<i32>(ABORT_ADDRESS) == 0
    const now = progressOfAll(threads)
    idleSeconds = now == seen ? idleSeconds + 1 : 0
    seen = now
    if (idleSeconds >= load<i32>(STALL_SECONDS_ADDRESS)) {
      atomic.store<i32>(ABORT_ADDRESS, 1)
      return false
    }
  }
}
