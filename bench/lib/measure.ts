// Timing on machines that slow by up to two times for seconds: short bursts, a calibration loop before and after each,
// and medians of the bursts that ran at the machine's own pace.

import { sampleRuns } from '../../ts/evaluation/sampling.ts'
import { median as medianOf, summarize } from '../../ts/evaluation/statistics.ts'

/** One burst of runs of one contender. */
export interface Burst {
  round: number
  /** calibration loop around the burst, ms: the slower of before and after */
  calibrationMs: number
  /** CPU time of the process as a share of the burst: below 1 another process had the core, or the threads slept; for a page it is that of its browser */
  cpuShare: number
  samplesMs: number[]
}

export interface Timing {
  medianMs: number
  madMs: number
  p95Ms: number
  minMs: number
  /** CPU time of the process per run: what is left to compare by where other processes held the core */
  cpuMs: number
  /** samples that the median is taken over */
  n: number
  /** bursts left out since the calibration loop beside them was slow */
  disturbedBursts: number
  bursts: number
  /** true where most bursts were disturbed: then the numbers are over all of them */
  noisy: boolean
}

/** A burst is disturbed where its calibration loop took this much longer than the fastest of the session … */
export const DISTURBED = 1.15
/** … or where a CPU contender of one thread got less than this share of its core. */
export const PREEMPTED = 0.95

const isNode = typeof process !== 'undefined' && typeof process.cpuUsage === 'function'

const CALIBRATION_STEPS = 200_000
/** 8 MB: past the private caches, into what neighbours share */
const CALIBRATION_DOUBLES = 2 ** 20
let stream: Float64Array | null = null
let sink = 0

/** Fixed work of about a millisecond, half arithmetic, half memory; the least of three, so that one interrupt does not count. */
export function calibrate(): number {
  stream ??= new Float64Array(CALIBRATION_DOUBLES).fill(1)
  let least = Infinity
  for (let repeat = 0; repeat < 3; repeat++) {
    const start = performance.now()
    let x = 1
    for (let i = 0; i < CALIBRATION_STEPS; i++) x = Math.imul(x ^ (x >>> 13), 0x5bd1e995) + i
    let sum = 0
    // one load per cache line
    for (let i = 0; i < CALIBRATION_DOUBLES; i += 8) sum += stream[i]
    sink ^= x + sum
    least = Math.min(least, performance.now() - start)
  }
  return least
}

/** Lets the engine compile the calibration loop before its times count. */
export function warmCalibration(): number {
  for (let i = 0; i < 20; i++) calibrate()
  return sink
}

/** A page's clock has steps of 5 us where it is isolated, else of 0.1 ms; its samples are means over 100 of them. */
const SAMPLE_MS = isNode ? 0 : globalThis.crossOriginIsolated ? 0.5 : 10

/**
 * Runs `run` until both `minMs` and `minRuns` samples are reached.
 * @param sampleMs least length of one sample, which is then the mean of several runs
 */
export async function burst(
  round: number,
  run: () => Promise<unknown>,
  { minMs, minRuns, sampleMs = SAMPLE_MS }: { minMs: number; minRuns: number; sampleMs?: number },
): Promise<Burst> {
  const before = calibrate()
  const cpu = isNode ? process.cpuUsage() : null
  const start = performance.now()
  const samplesMs = await sampleRuns(run, { minMs, minRuns, sampleMs })
  const elapsedMs = performance.now() - start
  let cpuShare = 1
  if (cpu) {
    const { user, system } = process.cpuUsage(cpu)
    cpuShare = (user + system) / 1000 / elapsedMs
  }
  return { round, calibrationMs: Math.max(before, calibrate()), cpuShare, samplesMs }
}

/**
 * Median, MAD and p95 of the undisturbed bursts.
 * @param fastestMs least calibration time of all contenders of the session
 * @param ownsCore true for a CPU contender of one thread, which should have its core all the time
 * @throws where there is no burst
 */
export function timing(bursts: Burst[], fastestMs: number, ownsCore: boolean): Timing {
  if (bursts.length === 0) throw new Error('bench: no burst was run')
  const calm = bursts.filter((b) => b.calibrationMs <= fastestMs * DISTURBED && (!ownsCore || b.cpuShare >= PREEMPTED))
  const noisy = calm.length * 3 < bursts.length
  const samples = (noisy ? bursts : calm).flatMap((b) => b.samplesMs)
  const { median, mad, p95, n } = summarize(samples)
  return {
    medianMs: median,
    madMs: mad,
    p95Ms: p95,
    minMs: Math.min(...samples),
    cpuMs: medianOf(
      bursts.map((b) => (b.cpuShare * b.samplesMs.reduce((sum, ms) => sum + ms, 0)) / b.samplesMs.length),
    ),
    n,
    disturbedBursts: bursts.length - calm.length,
    bursts: bursts.length,
    noisy,
  }
}

export function fastestCalibration(all: Burst[][]): number {
  return Math.min(...all.flat().map((b) => b.calibrationMs))
}

/** `items` rotated by `round`, so that no contender always runs first or after the same one. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  return items.map((_, i) => items[(i + round) % items.length])
}
