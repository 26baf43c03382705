import { describe, expect, it } from 'vitest'
import type { Session } from '../../kernels/program/device.ts'
import { planBatches } from './batches.ts'
import { predict, runLogits, softmaxRow } from './logits.ts'

/** Logits [id of the first word, 0]: what came from where can be told. */
const echo: Session = {
  run: async ({ offsets, ids }) =>
    Float32Array.from({ length: (offsets.length - 1) * 2 }, (_, i) => (i % 2 ? 0 : ids![offsets[i >> 1] + 1])),
  runToInt8: () => Promise.reject(new Error('f32 results alone')),
  stats: () => ({ weightBytes: 0, arenaBytes: 0, calls: 0 }),
  checkGuards: async () => [],
  dispose: () => {},
  [Symbol.dispose]: () => {},
}

describe('runLogits', () => {
  it('keeps the order of the texts whatever the batches are', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => new Int32Array(3 + ((i * 7) % 20)).fill(i))
    const batches = planBatches(ids.map(({ length }) => length))
    expect(batches.length).toBeGreaterThan(1)
    expect(batches.flat().sort((a, b) => a - b)).toEqual(ids.map((_, i) => i))
    const logits = await runLogits(echo, ids, 2)
    expect(Array.from({ length: 300 }, (_, i) => logits[2 * i])).toEqual(ids.map((_, i) => i))
  })
  it('refuses logits that are no numbers', async () => {
    const broken = { ...echo, run: async () => Float32Array.of(1, NaN) }
    await expect(runLogits(broken, [Int32Array.of(2, 3)], 2)).rejects.toThrow(/text 0 hold NaN.*damaged/)
  })
  it('stops where the signal says so', async () => {
    const signal = AbortSignal.abort()
    await expect(runLogits(echo, [Int32Array.of(2, 3)], 2, { signal })).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('predict and softmaxRow', () => {
  it('take the largest logit; shares add up to one without overflow', () => {
    const logits = Float32Array.of(1, 2, 2, 1000, -1000, 0)
    expect([...predict(logits, 3)]).toEqual([1, 0])
    expect([...softmaxRow(logits, 1, 3)]).toEqual([1, 0, 0])
    expect(softmaxRow(logits, 0, 3).reduce((a, b) => a + b)).toBeCloseTo(1, 12)
  })
})
