// The control block at the bottom of every memory, in i32 words. assembly/tape.ts has the same numbers in bytes.

/** Address of word 0. */
const CONTROL = 1024 >> 2

/** Threads that wait in the current barrier. */
export const ARRIVED = CONTROL
/** Counts barriers; what waiting threads watch. */
export const GENERATION = CONTROL + 16
/** 1 where a thread trapped or stalled: all leave the tape. */
export const ABORT = CONTROL + 32
/** Seconds without progress of any thread after which a waiting one gives up. */
export const STALL_SECONDS = CONTROL + 48
/** The job, JavaScript's own: number (what idle workers watch), kind, module, tape, scratch, scratch bytes per thread. */
export const JOB = CONTROL + 64
export const JOB_KIND = JOB + 1
export const JOB_MODULE = JOB + 2
export const JOB_TAPE = JOB + 3
export const JOB_SCRATCH = JOB + 4
export const JOB_SCRATCH_BYTES = JOB + 5
/** How often a worker came back from a job, all workers together. */
export const RETURNED = JOB + 6
/** 16 words per thread from here on: record count, may-wait flag. */
export const THREADS = CONTROL + 80

export const KIND_RUN = 1
/** Leave the wait for jobs and take messages. */
export const KIND_LISTEN = 2

export const MAX_THREADS = 64
/** First byte that the arena hands out. */
export const ARENA_BEGIN = 8192
