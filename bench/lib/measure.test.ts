import { describe, expect, it } from 'vitest'
import { burst, fastestCalibration, rotated, timing, type Burst } from './measure.ts'

const at = (calibrationMs: number, ...samplesMs: number[]): Burst => ({
  round: 0,
  calibrationMs,
  cpuShare: 1,
  samplesMs,
})

describe('timing', () => {
  it('leaves out bursts beside a slow calibration loop and counts them', () => {
    const result = timing([at(1, 10, 11, 12), at(1.1, 11), at(1.9, 30, 31)], 1, true)
    expect(result).toMatchObject({ medianMs: 11, n: 4, disturbedBursts: 1, bursts: 3, noisy: false, minMs: 10 })
  })

  it('takes all bursts and says noisy where most are disturbed', () => {
    const result = timing([at(1, 10), at(2, 20), at(2, 22), at(2, 24)], 1, true)
    expect(result).toMatchObject({ medianMs: 21, n: 4, disturbedBursts: 3, noisy: true })
  })

  it('leaves out bursts of one thread that had to share its core', () => {
    const bursts = [at(1, 10), { ...at(1, 30), cpuShare: 0.6 }]
    expect(timing(bursts, 1, true)).toMatchObject({ medianMs: 10, disturbedBursts: 1, cpuMs: 14 })
    expect(timing(bursts, 1, false)).toMatchObject({ medianMs: 20, disturbedBursts: 0 })
  })

  it('refuses no bursts', () => {
    expect(() => timing([], 1, true)).toThrow('no burst')
  })
})

describe('burst', () => {
  it('makes one sample of several runs where the clock is coarse', async () => {
    let runs = 0
    const { samplesMs } = await burst(0, async () => void runs++, { minMs: 0, minRuns: 2, sampleMs: 3 })
    expect(samplesMs).toHaveLength(2)
    expect(runs).toBeGreaterThan(20)
    expect(samplesMs.reduce((sum, ms) => sum + ms, 0) * (runs / 2)).toBeGreaterThanOrEqual(3)
  })

  it('runs at least as often and as long as asked', async () => {
    let runs = 0
    const result = await burst(3, async () => void runs++, { minMs: 5, minRuns: 4 })
    expect(result.round).toBe(3)
    expect(result.samplesMs.length).toBe(runs)
    expect(runs).toBeGreaterThanOrEqual(4)
    expect(result.samplesMs.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(1000)
    expect(result.calibrationMs).toBeGreaterThan(0)
  })
})

it('finds the fastest calibration of all contenders', () => {
  expect(fastestCalibration([[at(3, 1), at(2, 1)], [at(2.5, 1)]])).toBe(2)
})

it('rotates the order, so that each contender comes first once', () => {
  const firsts = [0, 1, 2].map((round) => rotated(['a', 'b', 'c'], round)[0])
  expect(firsts).toEqual(['a', 'b', 'c'])
  expect(rotated(['a', 'b', 'c'], 4)).toEqual(['b', 'c', 'a'])
})
