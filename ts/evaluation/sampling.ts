// Samples of a run's time, taken by tinybench: for the bench, the study and the page alike.

import { Bench } from 'tinybench'

export interface SamplingOptions {
  /** at least so long … */
  minMs: number
  /** … and at least so many samples */
  minRuns: number
  /** Least length of a sample, for coarse clocks: it is then the mean of several runs. */
  sampleMs?: number
}

/**
 * Runs `run` again and again, without warming up, and times it.
 * @returns milliseconds per run, sorted
 * @throws what `run` throws
 */
export async function sampleRuns(
  run: () => Promise<unknown>,
  { minMs, minRuns, sampleMs = 0 }: SamplingOptions,
): Promise<number[]> {
  const bench = new Bench({ time: minMs, iterations: minRuns, warmup: false, retainSamples: true, throws: true })
  const several = async (): Promise<{ overriddenDuration: number; overriddenIterationCost: number }> => {
    const start = performance.now()
    let runs = 0
    let took: number
    do {
      await run()
      runs++
      took = performance.now() - start
    } while (took < sampleMs)
    return { overriddenDuration: took / runs, overriddenIterationCost: took }
  }
  bench.add('run', sampleMs > 0 ? several : run, { async: true })
  const [{ result }] = await bench.run()
  if (result.state !== 'completed')
    throw new Error(`timing: tinybench ended as '${result.state}', expected 'completed'`)
  return result.latency.samples!
}
