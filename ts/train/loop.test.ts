// Long runs: micro-batches, early stopping, rewinds, mask schedules, checkpoints.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bert } from '../families/bert.ts'
import { linearStem } from '../families/names.ts'
import { type ModelWeights } from '../model/weights.ts'
import { fingerprint } from './fingerprint.ts'
import {
  initializeModel,
  openCheckpoint,
  scheduleAt,
  trainClassifier,
  type TrainExample,
  type TrainOptions,
} from '../train.ts'
import type { TrainProgress, TrainState } from '../train.ts'
import { maskStageAt, maskStages } from './schedule.ts'
import { TOY, numbersOf, toy } from '../../testing/toy-task.ts'

const CONFIG = { ...TOY, layers: 1 }

const examples = toy(96, 1)
const held = toy(64, 2)
const start = initializeModel(CONFIG, 1)
const STEM = linearStem(bert, 0, 'key')

/** Zeros the share `done` / 2 of the smallest weights of one layer. */
const prune = (done: number, model: ModelWeights): Record<string, Uint8Array> => {
  const { data } = model.layers[0].key.weight as { data: Float32Array }
  const threshold = data.map(Math.abs).toSorted()[Math.floor((done / 2) * data.length)]
  return { [STEM]: Uint8Array.from(data, (w) => (Math.abs(w) >= threshold ? 1 : 0)) }
}

/** Everything at once: what an interruption could lose. */
const EVERYTHING: TrainOptions = {
  steps: 24,
  batch: 8,
  accumulate: 2,
  learningRate: 3e-3,
  cycles: 3,
  floor: 0.1,
  validation: held,
  validateEvery: 5,
  keep: 'best',
  maskSchedule: { every: 3, until: 0.5, masks: prune },
  // another spelling in each step, whichever run makes it
  pieceDropout: {
    rate: 0.3,
    pairs: Array.from({ length: CONFIG.vocabSize }, (_, id) => (id > 8 ? Int32Array.of(6, 7) : new Int32Array(0))),
  },
  crop: { rate: 0.5, least: 2 },
  // its projection is learned, and so a part of the state
  hidden: { teacher: initializeModel({ ...CONFIG, hiddenSize: 16 }, 7), layers: [[1, 1]], weight: 0.1 },
}

describe('accumulated batches', () => {
  it('learn as one large batch does, within rounding', async () => {
    const shared = { steps: 4, dropout: 0, learningRate: 1e-3 }
    const whole = await trainClassifier(start, examples, { ...shared, batch: 24 })
    const parts = await trainClassifier(start, examples, { ...shared, batch: 6, accumulate: 4 })
    // losses of the same 24 examples; each forward pass rounds by some 2^-20
    parts.losses.forEach((loss, i) => expect(Math.abs(loss - whole.losses[i])).toBeLessThan(1e-5))
    // an update is at most the rate of 1e-3, whatever the gradient: four of them
    const [a, b] = [numbersOf(whole.model)[1], numbersOf(parts.model)[1]]
    const far = a.filter((x, i) => Math.abs(x - b[i]) > 1e-5).length
    // Adam turns rounding into a step where a gradient is near 0
    expect(far / a.length).toBeLessThan(0.01)
    expect(numbersOf(start)[1].filter((x, i) => Math.abs(x - b[i]) > 1e-5).length / a.length).toBeGreaterThan(0.9)
  })

  it('count as one step each time', async () => {
    const { steps } = await trainClassifier(start, examples, { epochs: 2, batch: 8, accumulate: 3 })
    expect(steps).toBe(8)
  })
})

describe('the learning rate', () => {
  it('is rewound to its peak in equal stages', () => {
    const at = (done: number): number => scheduleAt(done, 0.25, 3, 0.1)
    expect([0, 0.125, 0.25].map(at)).toEqual([0, 0.5, 1])
    // stages end at 0.5, 0.75 and 1
    for (const begin of [0.25, 0.5, 0.75]) {
      expect(at(begin)).toBeCloseTo(1, 12)
      expect(at(begin + 0.125)).toBeCloseTo(0.55, 12)
      expect(at(begin + 0.25 - 1e-9)).toBeCloseTo(0.1, 6)
    }
    expect(at(1)).toBeCloseTo(0.1, 12)
    // one stage is what it always was, to the bit
    for (const done of [0.1, 0.3, 0.77, 0.999]) expect(scheduleAt(done, 0.1)).toBe((1 - done) / (1 - 0.1))
  })
})

describe('early stopping', () => {
  // every third label is wrong, so that the loss rises again once the model is sure of itself
  const noisy = held.map(({ ids, label }, i) => ({ ids, label: i % 3 ? label : 1 - label }))

  it('ends where scores get no better, with the best weights', async () => {
    const result = await trainClassifier(start, examples, {
      steps: 400,
      batch: 16,
      learningRate: 3e-3,
      validation: noisy,
      validateEvery: 4,
      patience: 3,
    })
    expect(result.ended).toBe('patience')
    expect(result.steps).toBeLessThan(400)
    const { validation, kept } = result
    const best = validation.findIndex(({ step }) => step === kept)
    expect(validation.length - 1 - best).toBe(3)
    const accuracies = validation.map(({ accuracy }) => accuracy!)
    expect(accuracies[best]).toBe(Math.max(...accuracies))
    const again = await trainClassifier(result.model, examples, { steps: 1, learningRate: 1e-12, validation: noisy })
    expect(again.validation[0].accuracy).toBe(accuracies[best])
  })

  it('scores after every so many steps beside the epochs', async () => {
    const { validation, ended } = await trainClassifier(start, examples, {
      steps: 14,
      batch: 16,
      validation: held,
      validateEvery: 5,
    })
    expect(validation.map(({ step }) => step)).toEqual([5, 6, 10, 12, 14])
    expect(ended).toBe('steps')
  })

  it('can keep the last weights', async () => {
    const options = { steps: 400, batch: 16, learningRate: 3e-3, validation: noisy, validateEvery: 4, patience: 3 }
    const { ended, kept, steps } = await trainClassifier(start, examples, { ...options, keep: 'last' })
    expect([ended, kept]).toEqual(['patience', steps])
  })
})

describe('mask schedules', () => {
  it('go from 0 to 1 at their end', () => {
    const schedule = { every: 4, until: 0.5, masks: prune }
    expect(maskStages(schedule, 40)).toBe(5)
    const stages = Array.from({ length: 41 }, (_, step) => maskStageAt(schedule, 5, step / 40))
    expect(stages.slice(0, 9)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2])
    expect(stages.slice(19)).toEqual([4, ...new Array<number>(21).fill(5)])
    expect(maskStages({ masks: prune }, 1000)).toBe(30)
  })

  it('mask the weights of now, and keep what they drop at zero', async () => {
    const calls: { done: number; zeros: number }[] = []
    const zerosOf = (model: ModelWeights): number =>
      (model.layers[0].key.weight as { data: Float32Array }).data.filter((w) => w === 0).length
    const { model, validation, kept } = await trainClassifier(start, examples, {
      ...EVERYTHING,
      maskSchedule: {
        every: 3,
        until: 0.5,
        masks: (done, now) => {
          calls.push({ done, zeros: zerosOf(now) })
          return prune(done, now)
        },
      },
    })
    expect(calls.map(({ done }) => done)).toEqual([0, 0.25, 0.5, 0.75, 1])
    // those of the mask before: 1/8, 1/4, 3/8 of 1024
    expect(calls.map(({ zeros }) => zeros)).toEqual([0, 0, 128, 256, 384])
    expect(zerosOf(model)).toBe(512)
    // scores of weights that were not masked wholly do not count
    expect(validation[0].step).toBeLessThan(12)
    expect(kept).toBeGreaterThanOrEqual(12)
  })

  it('may let weights grow again', async () => {
    const { model } = await trainClassifier(start, examples, {
      steps: 8,
      learningRate: 1e-3,
      maskSchedule: {
        every: 4,
        until: 0.5,
        masks: (done) => ({ [STEM]: Uint8Array.from({ length: 1024 }, (_, i) => (i % 2 === done ? 0 : 1)) }),
      },
    })
    const { data } = model.layers[0].key.weight as { data: Float32Array }
    expect(data.every((w, i) => (w === 0) === (i % 2 === 1))).toBe(true)
  })

  it('are whole where the clock ends the training', async () => {
    const { model, ended } = await trainClassifier(start, examples, {
      steps: 1e6,
      maxSeconds: 0.3,
      maskSchedule: { until: 1, masks: prune },
    })
    expect(ended).toBe('clock')
    const { data } = model.layers[0].key.weight as { data: Float32Array }
    expect(data.filter((w) => w === 0)).toHaveLength(512)
  })
})

describe('checkpoints', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const whole = trainClassifier(start, examples, EVERYTHING)

  it.each([1, 4, 5, 6, 12, 13, 19, 23])(
    'stopped after step %i and resumed, a run ends with the same bits',
    async (at) => {
      const path = join(folder, `${at}`)
      const controller = new AbortController()
      const cut = await trainClassifier(start, examples, {
        ...EVERYTHING,
        threads: 1,
        signal: controller.signal,
        progress: ({ step }) => step === at && controller.abort(),
        checkpoint: { save: (await openCheckpoint(path)).save },
      })
      expect([cut.ended, cut.steps]).toEqual(['signal', at])
      const events: TrainProgress[] = []
      const resume = (await openCheckpoint(path)).state!
      const result = await trainClassifier(start, examples, {
        ...EVERYTHING,
        threads: 2,
        resume,
        progress: (event) => events.push(event),
      })
      const expected = await whole
      expect(events[0].step).toBe(at + 1)
      expect(result.losses).toEqual(expected.losses)
      expect(result.validation).toEqual(expected.validation)
      expect(result.kept).toBe(expected.kept)
      expect(numbersOf(result.model)).toEqual(numbersOf(expected.model))
    },
  )

  it('are made every so many steps, and change nothing', async () => {
    const states: TrainState[] = []
    const result = await trainClassifier(start, examples, {
      ...EVERYTHING,
      checkpoint: { steps: 7, save: (state) => void states.push(state) },
    })
    expect(states.map(({ step }) => step)).toEqual([7, 14, 21])
    expect(numbersOf(result.model)).toEqual(numbersOf((await whole).model))
    // a state is the callback's own: later steps leave it alone
    const again = await trainClassifier(start, examples, { ...EVERYTHING, resume: states[0] })
    expect(again.losses).toEqual(result.losses)
    expect(states[0].losses).toHaveLength(7)
  })

  it('of another run are refused by what differs', async () => {
    const states: TrainState[] = []
    const options: TrainOptions = { steps: 4, batch: 8, seed: 3 }
    const save = (state: TrainState): void => void states.push(state)
    await trainClassifier(start, examples, { ...options, checkpoint: { steps: 2, save } })
    const resume = states[0]
    const refused = (model: ModelWeights, given: TrainExample[], other: TrainOptions): Promise<unknown> =>
      trainClassifier(model, given, { ...options, ...other, resume })
    await expect(refused(start, examples, { learningRate: 1e-3 })).rejects.toThrow(
      'of another run: learningRate was 0.0005, now 0.001. Give the same',
    )
    await expect(refused(start, toy(96, 2), {})).rejects.toThrow('of another run: other examples')
    await expect(refused(initializeModel(CONFIG, 2), examples, {})).rejects.toThrow('of another run: other model')
    await expect(refused(start, examples, { masks: { [STEM]: new Uint8Array(1024) } })).rejects.toThrow('other masks')
    // how it is watched may differ
    await expect(refused(start, examples, { threads: 2, maxSeconds: 60 })).resolves.toMatchObject({ steps: 4 })
  })

  it('damaged or foreign files are refused, a missing one is none', async () => {
    const path = join(folder, 'damaged')
    const file = await openCheckpoint(path)
    expect(file.state).toBeNull()
    const states: TrainState[] = []
    await trainClassifier(start, examples, {
      steps: 2,
      checkpoint: { steps: 1, save: (state) => void states.push(state) },
    })
    await file.save(states[0])
    expect((await openCheckpoint(path)).state).toEqual(states[0])
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, bytes.length - 100))
    await expect(openCheckpoint(path)).rejects.toThrow('is cut off: it ends inside its arrays; remove it')
    await writeFile(path, bytes.subarray(0, 50))
    await expect(openCheckpoint(path)).rejects.toThrow('is cut off: it ends inside its header')
    await writeFile(path, 'something else altogether')
    await expect(openCheckpoint(path)).rejects.toThrow('is no checkpoint; remove it')
    // one bit, wherever it is
    for (const at of [9, 40, bytes.length >> 1, bytes.length - 40, bytes.length - 1]) {
      const flipped = Uint8Array.from(bytes)
      flipped[at] ^= 16
      await writeFile(path, flipped)
      await expect(openCheckpoint(path), `byte ${at}`).rejects.toThrow(/; remove it and train anew$/)
    }
    await file.remove()
    expect((await readdir(folder)).filter((name) => /tmp|damaged/.test(name))).toEqual([])
  })
})

describe('a state that is none', () => {
  const states: TrainState[] = []
  const options: TrainOptions = { steps: 4, batch: 8, seed: 3, validation: examples.slice(0, 8), keep: 'best' }
  beforeAll(async () => {
    const save = (state: TrainState): void => void states.push(state)
    await trainClassifier(start, examples, { ...options, checkpoint: { steps: 2, save } })
  })
  const refused = (change: (state: Record<string, never>) => unknown, words: RegExp): Promise<void> => {
    const resume = structuredClone(states[0]) as unknown as Record<string, never>
    change(resume)
    // a state that is taken must not train for ever either
    const given = { ...options, resume: resume as unknown as TrainState, signal: AbortSignal.timeout(2000) }
    return expect(trainClassifier(start, examples, given)).rejects.toThrow(words)
  }
  const assign = (part: object) => (state: object) => Object.assign(state, part)

  it.each([
    [{ seen: 1e8 }, /checkpoint has seen 100000000, expected from 16 to 16 after 2 steps/],
    [{ step: -1e9 }, /has step -1000000000, expected a whole number of 0 or more/],
    [{ step: 3.5 }, /has step 3.5/],
    [{ step: '2' }, /has step 2, expected a whole/],
    [{ step: 3 }, /has losses a list of 2, expected one for each of 3 steps/],
    [{ sinceBest: 'x' }, /has sinceBest x/],
    [{ isClocked: 'x' }, /has isClocked x, expected true or false/],
    [{ losses: [1, null] }, /has losses a list of 2, expected a list of numbers/],
    [{ masks: { a: 1 } }, /has masks an object, expected null/],
    [{ best: 3 }, /has best 3/],
    [{ session: null }, /has session null/],
    [{ key: null }, /has key null/],
  ])('is refused: %o', (part, words) => refused(assign(part), words))

  it('is refused where its numbers are none, or too few', async () => {
    type Session = { session: Record<string, { rest: Float32Array }> }
    const rest = (kind: string, change: (numbers: Float32Array) => Float32Array) => (state: object) => {
      const { session } = state as Session
      session[kind].rest = change(session[kind].rest)
    }
    await refused(
      rest('parameters', (x) => x.fill(NaN)),
      /session.parameters.rest NaN, expected finite/,
    )
    await refused(
      rest('secondMoments', (x) => x.fill(-1)),
      /session.secondMoments.rest -1, expected no number below 0/,
    )
    await refused(
      rest('firstMoments', (x) => x.subarray(1)),
      /session.firstMoments.rest Float32Array of/,
    )
  })
})

describe('fingerprints', () => {
  it('tell values apart, and do not depend on the order of names', () => {
    const values = [
      0,
      '0',
      null,
      [],
      {},
      [1, 2],
      [2, 1],
      { a: 1 },
      { a: 2 },
      { b: 1 },
      Float32Array.of(1, 2),
      Float32Array.of(2, 1),
      Int32Array.of(1, 2),
      Uint8Array.of(1, 2),
      new Map([['a', 1]]),
    ]
    expect(new Set(values.map(fingerprint)).size).toBe(values.length)
    expect(fingerprint({ a: 1, b: 2 })).toBe(fingerprint({ b: 2, a: 1, c: undefined, d: () => 1 }))
    expect(fingerprint({ a: 1 })).toMatch(/^[0-9a-f]{16}$/)
  })
})

it('says which options do not fit', async () => {
  const refused = (options: TrainOptions, words: string): Promise<void> =>
    expect(trainClassifier(start, examples, options)).rejects.toThrow(words)
  await refused({ accumulate: 0 }, 'accumulate = 0; it must be a whole number from 1 on')
  await refused({ cycles: 1.5 }, 'cycles = 1.5')
  await refused({ floor: 1 }, 'floor = 1; it must be from 0 to below 1')
  await refused({ patience: 2 }, 'needs validation examples')
  await refused({ maskSchedule: { every: 1.5, masks: prune } }, 'every = 1.5, until = 1; every must be whole steps')
  await refused({ checkpoint: { steps: 0, save: () => {} } }, 'checkpoint has steps = 0')
})
