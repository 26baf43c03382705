// What a fuzzer counts, and what it calls a fault.

export interface FuzzReport {
  cases: number
  /** opened, read or computed, and right as far as it can be told */
  taken: number
  /** refused by a sentence */
  refused: number
  /** each with the seed and the case that give it again */
  faults: string[]
  slowestMs: number
}

export type Outcome = 'taken' | 'refused'

/** A case that takes more of the processor is a fault: nothing here is large. Not by the clock: other processes run too. */
const MOST_MS = 5000

/** What an engine says of code that did not expect its input. */
const INNER_WORDS =
  /cannot read prop|is not a function|is not iterable|of undefined|of null|invalid (array|typed array) length|out of bounds|unreachable|is not defined|circular|maximum call stack|cannot convert|cannot mix|reduce of empty|invalid time value/i

/** Whether an error is a refusal in words. */
export const isSentence = (error: unknown): boolean =>
  error instanceof Error && error.message.length > 15 && !INNER_WORDS.test(error.message)

/** Runs the cases of a fuzzer and gathers what came of them. */
export async function runCases(
  cases: number,
  seed: number,
  run: (index: number) => Outcome | Promise<Outcome>,
  progress?: (done: number) => void,
  mostMs = MOST_MS,
): Promise<FuzzReport> {
  const report: FuzzReport = { cases, taken: 0, refused: 0, faults: [], slowestMs: 0 }
  for (let index = 0; index < cases; index++) {
    const began = process.cpuUsage()
    try {
      report[await run(index)]++
    } catch (error) {
      if (isSentence(error) && !(error instanceof Fault)) report.refused++
      else report.faults.push(`seed ${seed}, case ${index}: ${String(error).slice(0, 300)}`)
    }
    const { user, system } = process.cpuUsage(began)
    const ms = (user + system) / 1000
    report.slowestMs = Math.max(report.slowestMs, ms)
    if (ms > mostMs) report.faults.push(`seed ${seed}, case ${index}: took ${ms.toFixed(0)} ms of the processor`)
    progress?.(index + 1)
  }
  return report
}

/** What a fuzzer found by itself: taken and wrong. */
export class Fault extends Error {}
