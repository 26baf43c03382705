// Latency: all variants in turns, round after round, so that a computer that slows down slows them all alike. A round in
// which everything took longer is a disturbed one: it is left out and repeated.

import type { Session } from '../../kernels/program/device.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { sampleRuns } from './sampling.ts'
import { medianInterval } from './speed.ts'
import { median, summarize } from './statistics.ts'

export interface Contender {
  id: string
  session: Session
  /** one text; rows with another vocabulary have it in their own tokens */
  batch: Batch
}

export interface Times {
  medianMs: number
  /** 95 % interval of the median, by rounds */
  lowMs: number
  highMs: number
  madMs: number
  p95Ms: number
  /** runs */
  n: number
  /** median of each round, for comparisons round by round */
  rounds: number[]
}

/** A round that was left out. */
export interface Disturbance {
  /** in the order in which the rounds were run, from 1 */
  round: number
  /** time of all contenders together, as a multiple of the usual */
  factor: number
}

export interface TimedTurns {
  times: Map<string, Times>
  /** rounds that count */
  rounds: number
  disturbed: Disturbance[]
  /** rounds that were disturbed and count all the same, since their repetition was disturbed too */
  kept: number
}

export interface TimingOptions {
  /** time to spend on all of them together, rounds that are run again included; two rounds take what they take */
  seconds: number
  /** most runs of each */
  maxRuns?: number
  /** timed runs in a row before the next one's turn; 4 */
  burst?: number
  signal?: AbortSignal
  progress?: (done: number, total: number) => void
}

const WARM_RUNS = 3
/** Timed runs in a row before the next one's turn, after one that brings its weights into the cache again, as in use. */
const BURST = 4
const MIN_ROUNDS = 2
/** A round whose contenders together took this many times the median round is disturbed. */
const DISTURBED = 1.2
/** Rounds that may be run again, as a share of the rounds. */
const REPEATED = 0.5

/** Runs of each contender in one round. */
type Round = Map<string, number[]>

/**
 * Times every session on its batch.
 * @returns milliseconds by id, without the first run of every burst, which finds a cold cache
 */
export async function timeInTurns(contenders: Contender[], options: TimingOptions): Promise<TimedTurns> {
  const { seconds, maxRuns = 400, burst = BURST, signal, progress } = options
  const began = performance.now()
  const warm = Math.min(WARM_RUNS, burst)
  for (const { session, batch } of contenders) for (let i = 0; i < warm; i++) await session.run(batch)
  const spent = (): number => (performance.now() - began) / 1000 / seconds
  const maxRounds = Math.ceil(maxRuns / burst)
  const rounds: Round[] = []
  const runNext = async (): Promise<void> => void rounds.push(await runRound(contenders, rounds.length, burst, signal))
  while (rounds.length < maxRounds) {
    const share = spent() * (1 + REPEATED)
    if (rounds.length >= MIN_ROUNDS && share >= 1) break
    progress?.(Math.min(1, Math.max(share, rounds.length / maxRounds)), 1)
    await runNext()
  }
  const wanted = rounds.length
  const most = wanted + Math.floor(wanted * REPEATED)
  while (rounds.length < most && spent() < 1 && rounds.length - disturbedRounds(rounds).length < wanted) await runNext()
  return summarizeRounds(contenders, rounds, wanted)
}

async function runRound(contenders: Contender[], number: number, burst: number, signal?: AbortSignal): Promise<Round> {
  const round: Round = new Map()
  // who goes first changes from round to round
  for (let turn = 0; turn < contenders.length; turn++) {
    signal?.throwIfAborted()
    const { id, session, batch } = contenders[(turn + number) % contenders.length]
    await session.run(batch)
    round.set(id, await sampleRuns(() => session.run(batch), { minMs: 0, minRuns: burst }))
  }
  return round
}

/** Rounds that took much longer than the median round, the worst first. */
export function disturbedRounds(rounds: readonly Round[]): Disturbance[] {
  const sums = rounds.map((round) => [...round.values()].reduce((sum, runs) => sum + median(runs), 0))
  const usual = median(sums)
  return sums
    .map((sum, i) => ({ round: i + 1, factor: sum / usual }))
    .filter(({ factor }) => factor > DISTURBED)
    .sort((a, b) => b.factor - a.factor)
}

/** @param wanted rounds that shall count: of disturbed ones the mildest are kept where others are too few */
export function summarizeRounds(contenders: { id: string }[], rounds: readonly Round[], wanted: number): TimedTurns {
  const found = disturbedRounds(rounds)
  const disturbed = found.slice(0, Math.max(0, rounds.length - wanted))
  const out = new Set(disturbed.map(({ round }) => round))
  const good = rounds.filter((_, i) => !out.has(i + 1))
  const times = contenders.map(({ id }): [string, Times] => {
    const each = good.map((round) => round.get(id)!)
    const { median: medianMs, mad, p95, n } = summarize(each.flat())
    const medians = each.map((runs) => median(runs))
    const { low, high } = medianInterval(medians)
    return [id, { medianMs, lowMs: low, highMs: high, madMs: mad, p95Ms: p95, n, rounds: medians }]
  })
  return { times: new Map(times), rounds: good.length, disturbed, kept: found.length - disturbed.length }
}
