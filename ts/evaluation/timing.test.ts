import { describe, expect, it } from 'vitest'
import type { Session } from '../../kernels/program/device.ts'
import { packBatch } from '../inference/batches.ts'
import { timeInTurns } from './timing.ts'

const session: Session = {
  run: async () => Float32Array.of(0, 0),
  stats: () => ({ weightBytes: 0, arenaBytes: 0, calls: 0 }),
  checkGuards: async () => [],
  dispose: () => {},
}

describe('timeInTurns', () => {
  it('gives every contender the same number of runs', async () => {
    const batch = packBatch([Int32Array.of(2, 5, 3)])
    const contenders = ['a', 'b', 'c'].map((id) => ({ id, session, batch }))
    const times = await timeInTurns(contenders, { seconds: 0.01, maxRuns: 40 })
    const counts = [...times.values()].map(({ n }) => n)
    expect(counts).toHaveLength(3)
    expect(new Set(counts).size).toBe(1)
    expect(counts[0]).toBeGreaterThanOrEqual(8)
    for (const { medianMs, p95Ms } of times.values()) expect(p95Ms).toBeGreaterThanOrEqual(medianMs)
  })
})
