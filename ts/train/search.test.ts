import { describe, expect, it, vi } from 'vitest'
import { Diverged, initializeModel, type TrainOptions } from '../train.ts'
import { bestTrial } from './tune.ts'
import { Stopped } from '../inference/stopped.ts'
import { tuneTraining, type TuneOptions } from './search.ts'

/** Above this every training is made to diverge; the toy would not by itself. */
const TOO_FAST = 0.3

const trainedOn = vi.hoisted(() => new Set<unknown>())
const trainedWith = vi.hoisted((): unknown[] => [])
vi.mock(import('./loop.ts'), async (original) => {
  const real = await original()
  return {
    ...real,
    trainClassifier: async (model, examples, options: TrainOptions = {}) => {
      for (const example of examples) trainedOn.add(example)
      trainedWith.push(options)
      if (options.learningRate! > TOO_FAST) throw new Diverged('no number')
      return real.trainClassifier(model, examples, options)
    },
  }
})

const model = initializeModel(
  {
    vocabSize: 12,
    hiddenSize: 32,
    layers: 1,
    heads: 1,
    intermediateSize: 32,
    maxPositions: 8,
    typeVocabSize: 2,
    layerNormEpsilon: 1e-12,
    labels: ['no', 'yes'],
    recipe: '',
    lowercase: true,
  },
  1,
)
/** The label is whether token 5 or 6 stands among others. */
const examples = Array.from({ length: 120 }, (_, i) => ({
  ids: Int32Array.of(2, 7 + (i % 5), 5 + (i % 2), 7 + (i % 3), 3),
  label: i % 2,
}))
const tune = (options: Partial<TuneOptions>, signal?: AbortSignal) =>
  tuneTraining(model, examples, {
    trials: 5,
    usual: { learningRate: 3e-5, epochs: 6, dropout: 0.1, batch: 8 },
    seconds: 60,
    seed: 1,
    threads: 1,
    signal,
    ...options,
  })

describe('tuneTraining', () => {
  it('finds a faster learning rate where the usual one is too slow, the same in every run', async () => {
    trainedOn.clear()
    const tuned = await tune({})
    expect(tuned.scale).toBe(1)
    expect(tuned.development).toBe(24)
    // the development examples are scored alone: no trial has learned from them
    expect(trainedOn.size).toBe(96)
    expect(tuned.trials).toHaveLength(7)
    const usual = tuned.trials.find(({ number }) => number === 0)!
    const best = bestTrial(tuned.trials)
    expect(best.loss).toBeLessThan(usual.loss - 0.01)
    expect(best.score).toBeGreaterThanOrEqual(usual.score)
    expect(tuned.chosen.learningRate).toBeGreaterThan(4e-5)
    expect(await tune({})).toEqual(tuned)
  })
  it('counts a training that diverges as worth nothing', async () => {
    const { trials, chosen } = await tune({ usual: { learningRate: 0.2, epochs: 1, dropout: 0, batch: 8 } })
    const diverged = trials.filter(({ setting }) => setting.learningRate > TOO_FAST)
    expect(diverged.length).toBeGreaterThan(0)
    for (const { score } of diverged) expect(score).toBe(0)
    expect(chosen.learningRate).toBeLessThanOrEqual(TOO_FAST)
  })
  it('shortens the trials to the time, and says where there is none', async () => {
    const { scale } = await tune({ seconds: 1, usual: { learningRate: 1e-3, epochs: 1000, dropout: 0, batch: 8 } })
    expect(scale).toBeLessThan(1)
    await expect(tune({ seconds: 1e-6 })).rejects.toThrow(/no trial was finished; give more minutes/)
  })
  it('trains as the training after it will', async () => {
    trainedWith.length = 0
    const fakeQuantize = { linears: true, embeddings: false }
    const usual = { learningRate: 1e-3, epochs: 2, dropout: 0, batch: 8 }
    await tune({ trials: 1, usual, more: { accumulate: 3, fakeQuantize } })
    // 96 examples twice, 24 an update; the first training measures a step
    expect(trainedWith).toHaveLength(2)
    expect(trainedWith[1]).toMatchObject({ accumulate: 3, fakeQuantize, steps: 8 })
  })
  it('stops with the signal', async () => {
    await expect(tune({}, AbortSignal.abort())).rejects.toThrow(Stopped)
  })
})
