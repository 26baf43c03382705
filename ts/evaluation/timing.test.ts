import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Session } from '../../kernels/program/device.ts'
import { packBatch } from '../inference/batches.ts'
import { disturbedRounds, summarizeRounds, timeInTurns } from './timing.ts'

const session: Session = {
  run: async () => Float32Array.of(0, 0),
  runToInt8: () => Promise.reject(new Error('f32 results alone')),
  stats: () => ({ weightBytes: 0, arenaBytes: 0, calls: 0 }),
  checkGuards: async () => [],
  dispose: () => {},
  [Symbol.dispose]: () => {},
}

describe('timeInTurns', () => {
  it('gives every contender the same number of runs and rounds', async () => {
    const batch = packBatch([Int32Array.of(2, 5, 3)])
    const contenders = ['a', 'b', 'c'].map((id) => ({ id, session, batch }))
    const { times, rounds } = await timeInTurns(contenders, { seconds: 0.01, maxRuns: 40 })
    const counts = [...times.values()].map(({ n }) => n)
    expect(counts).toHaveLength(3)
    expect(new Set(counts).size).toBe(1)
    expect(counts[0]).toBeGreaterThanOrEqual(8)
    for (const { medianMs, lowMs, highMs, p95Ms, rounds: medians } of times.values()) {
      expect(p95Ms).toBeGreaterThanOrEqual(medianMs)
      expect(highMs).toBeGreaterThanOrEqual(lowMs)
      expect(medians).toHaveLength(rounds)
    }
  })
})

describe('the seconds of timeInTurns', () => {
  afterEach(() => void vi.useRealTimers())

  it('hold rounds that are run again', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    let runs = 0
    // every third hundred of runs is disturbed
    const slow: Session = {
      ...session,
      run: () => {
        vi.advanceTimersByTime(Math.floor(runs++ / 100) % 3 === 2 ? 30 : 10)
        return Promise.resolve(new Float32Array(2))
      },
    }
    const batch = packBatch([Int32Array.of(2, 5, 3)])
    const contenders = ['a', 'b'].map((id) => ({ id, session: slow, batch }))
    const began = performance.now()
    const { rounds, disturbed } = await timeInTurns(contenders, { seconds: 6 })
    expect(performance.now() - began).toBeLessThan(6500)
    expect(rounds).toBeGreaterThan(20)
    expect(disturbed.length).toBeGreaterThan(0)
  })
})

describe('disturbed rounds', () => {
  const round = (factor: number): Map<string, number[]> =>
    new Map([
      ['a', [2 * factor, 2.1 * factor]],
      ['b', [1 * factor, 1.1 * factor]],
    ])
  const rounds = [1, 1.02, 1.5, 0.98, 3, 1, 1].map(round)
  const ids = [{ id: 'a' }, { id: 'b' }]

  it('are found by what all contenders took together, and left out where there are others', () => {
    expect(disturbedRounds(rounds).map(({ round: number }) => number)).toEqual([5, 3])
    const { times, disturbed, kept, rounds: good } = summarizeRounds(ids, rounds, 5)
    expect(disturbed.map(({ round: number, factor }) => [number, Math.round(10 * factor)])).toEqual([
      [5, 30],
      [3, 15],
    ])
    expect([good, kept]).toEqual([5, 0])
    expect(times.get('a')!.p95Ms).toBeLessThan(2.2)
  })
  it('count where their repetition was disturbed too, the mildest first', () => {
    const { disturbed, kept, rounds: good } = summarizeRounds(ids, rounds, 6)
    expect(disturbed.map(({ round: number }) => number)).toEqual([5])
    expect([good, kept]).toEqual([6, 1])
  })
})
