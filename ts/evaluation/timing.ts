// Latency: all variants in turns, round after round, so that a computer that slows down slows them all alike.

import type { Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { sampleRuns } from './sampling.ts'
import { summarize } from './statistics.ts'

export interface Contender {
  id: string
  session: Session
  /** one text; rows with another vocabulary have it in their own tokens */
  batch: Batch
}

export interface Times {
  medianMs: number
  madMs: number
  p95Ms: number
  n: number
}

export interface TimingOptions {
  /** time to spend on all of them together */
  seconds: number
  /** most runs of each */
  maxRuns?: number
  signal?: AbortSignal
  progress?: (done: number, total: number) => void
}

const WARM_RUNS = 3
/** Timed runs in a row before the next one's turn, after one that brings its weights into the cache again, as in use. */
const BURST = 4
const MIN_ROUNDS = 2

/**
 * Times every session on its batch.
 * @returns milliseconds by id, without the first run of every burst, which finds a cold cache
 */
export async function timeInTurns(contenders: Contender[], options: TimingOptions): Promise<Map<string, Times>> {
  const { seconds, maxRuns = 400, signal, progress } = options
  const samples = new Map<string, number[]>(contenders.map(({ id }) => [id, []]))
  for (const { session, batch } of contenders) for (let i = 0; i < WARM_RUNS; i++) await session.run(batch)
  const began = performance.now()
  const maxRounds = Math.ceil(maxRuns / BURST)
  for (let round = 0; round < maxRounds; round++) {
    const share = (performance.now() - began) / 1000 / seconds
    if (round >= MIN_ROUNDS && share >= 1) break
    progress?.(Math.max(share, round / maxRounds), 1)
    // who goes first changes from round to round
    for (let turn = 0; turn < contenders.length; turn++) {
      signal?.throwIfAborted()
      const { id, session, batch } = contenders[(turn + round) % contenders.length]
      await session.run(batch)
      const burst = await sampleRuns(() => session.run(batch), { minMs: 0, minRuns: BURST })
      samples.get(id)!.push(...burst)
    }
  }
  return new Map(
    [...samples].map(([id, values]) => {
      const { median, mad, p95, n } = summarize(values)
      return [id, { medianMs: median, madMs: mad, p95Ms: p95, n }]
    }),
  )
}
