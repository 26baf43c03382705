import { describe, expect, it } from 'vitest'
import { TrainSession } from '../../kernels/train/session.ts'
import { createRandom } from '../../kernels/program/random.ts'
import type { ModelWeights } from '../model/weights.ts'
import { TOY } from '../../testing/toy-task.ts'
import { initializeModel, trainClassifier, trainEmbedder, type Tokens, type TrainState } from '../train.ts'
import { joinExamples } from './batches.ts'
import { calibrate } from './calibrate.ts'
import { parametersOf, shapeOfModel } from './convert.ts'
import { withoutHead, type EmbedderOptions } from './embedder.ts'

const C = TOY.hiddenSize
const SMALLER = { ...TOY, hiddenSize: 16, layers: 1, intermediateSize: 32 }

/** Texts of a few tokens, and vectors that a sum of fixed directions of their tokens gives, with a share of all of them. */
function toy(count: number, seed: number, width = C): { texts: Tokens[]; vectors: Float32Array } {
  const directions = createRandom(9)
  const table = Float64Array.from({ length: 60 * width }, () => directions.normal())
  const random = createRandom(seed)
  const texts = Array.from({ length: count }, () => ({
    ids: Int32Array.from([2, ...Array.from({ length: 2 + random.int(6) }, () => 10 + random.int(20)), 3]),
  }))
  const vectors = new Float32Array(count * width)
  texts.forEach(({ ids }, i) => {
    for (const id of ids) for (let c = 0; c < width; c++) vectors[i * width + c] += table[id * width + c]
  })
  return { texts, vectors }
}

const { texts, vectors: teacherVectors } = toy(128, 1)
const FAST: EmbedderOptions = { teacherVectors, learningRate: 3e-3, dropout: 0, threads: 2, epochs: 8 }
const start = initializeModel(TOY, 1)

/** Mean of 1 - cos of the model's vectors and the teacher's, by passes of their own. */
async function distance(model: ModelWeights, of: Tokens[], wanted: Float32Array): Promise<number> {
  const session = await TrainSession.create(shapeOfModel(model), { threads: 1, isForwardOnly: true })
  session.setParameters(parametersOf(model, session.layout))
  let sum = 0
  for (const [i, { ids }] of of.entries()) {
    const [states] = await session.hiddenStates(joinExamples([{ ids }], [0]), [model.layers.length])
    const mean = Float64Array.from({ length: C }, (_, c) => {
      let total = 0
      for (let m = 0; m < ids.length; m++) total += states[m * C + c]
      return total / ids.length
    })
    const t = wanted.subarray(i * C, (i + 1) * C)
    const product = mean.reduce((all, x, c) => all + x * t[c], 0)
    sum += 1 - product / (Math.hypot(...mean) * Math.hypot(...t))
  }
  await session.dispose()
  return sum / of.length
}

describe('trainEmbedder', () => {
  it('brings vectors near a teacher’s, scores held-out texts and gives back no classifier', async () => {
    const held = toy(32, 2)
    const options = { ...FAST, validation: held.texts, validationVectors: held.vectors, keep: 'best' as const }
    const { model, losses, validation } = await trainEmbedder(start, texts, options)
    expect(losses[0]).toBeGreaterThan(0.8)
    expect(losses.at(-1)!).toBeLessThan(0.25)
    expect([model.pooler, model.classifier]).toEqual([null, null])
    const least = Math.min(...validation.map(({ loss }) => loss))
    expect(validation.every(({ accuracy }) => accuracy === null)).toBe(true)
    expect(await distance(model, held.texts, held.vectors)).toBeCloseTo(least, 5)
  })

  it('learns a projection to a teacher of another width, which is no part of the model', async () => {
    const wide = toy(128, 1, 40)
    const options = { ...FAST, teacherVectors: wide.vectors }
    const { model, losses } = await trainEmbedder(initializeModel(SMALLER, 1), wide.texts, options)
    expect(losses.at(-1)!).toBeLessThan(losses[0] / 2)
    expect(shapeOfModel(model)).toEqual(shapeOfModel(withoutHead(initializeModel(SMALLER, 1))))
  })

  it('takes vectors of any length, one array or one each, and gives the same bits on any number of threads', async () => {
    const run = async (change: Partial<EmbedderOptions>): Promise<number[]> =>
      (await trainEmbedder(start, texts, { ...FAST, steps: 4, ...change })).losses
    const expected = await run({})
    const rows = texts.map((_, i) => teacherVectors.slice(i * C, (i + 1) * C).map((x) => 4 * x))
    expect(await run({ threads: 1, teacherVectors: rows })).toEqual(expected)
  })

  it('goes on after a checkpoint with the same bits, zeros growing meanwhile', async () => {
    const known = [...(await calibrate(withoutHead(start), [texts[0].ids])).keys()]
    expect(known.some((name) => name.includes('pooler'))).toBe(false)
    const stem = known.find((name) => name.endsWith('layer.0.intermediate.dense'))!
    const length = start.layers[0].intermediate.weight.N * C
    const masks = (done: number): Record<string, Uint8Array> => ({
      [stem]: Uint8Array.from({ length }, (_, i) => (i % 10 < 8 * done ? 0 : 1)),
    })
    const options = { ...FAST, dropout: 0.1, steps: 12, maskSchedule: { masks, until: 0.5, every: 1 } }
    const states: TrainState[] = []
    const save = (state: TrainState): void => void states.push(structuredClone(state))
    const whole = await trainEmbedder(start, texts, { ...options, checkpoint: { steps: 5, save } })
    const resumed = await trainEmbedder(start, texts, { ...options, resume: states[0] })
    expect(resumed.losses).toEqual(whole.losses)
    expect(resumed.model).toEqual(whole.model)
    const { weight } = whole.model.layers[0].intermediate
    expect(weight.kind === 'f32' && weight.data.every((w, i) => (w === 0) === i % 10 < 8)).toBe(true)
    const others = toy(128, 3).vectors
    await expect(
      trainEmbedder(start, texts, { ...options, teacherVectors: others, resume: states[0] }),
    ).rejects.toThrow('other teacherVectors')
  })

  it('refuses vectors that do not fit', async () => {
    const run = (change: Partial<EmbedderOptions>): Promise<unknown> =>
      trainEmbedder(start, texts, { ...FAST, ...change })
    await expect(run({ teacherVectors: new Float32Array(7) })).rejects.toThrow(
      'one vector for each of the 128 examples',
    )
    await expect(run({ teacherVectors: new Float32Array(128 * C) })).rejects.toThrow('example 0 are all 0')
    await expect(run({ teacherVectors: teacherVectors.map(() => NaN) })).rejects.toThrow('NaN')
    await expect(run({ validation: texts })).rejects.toThrow('go together')
    const examples = texts.map((tokens) => ({ ...tokens, label: 0 }))
    await expect(trainClassifier(start, examples, { teacherVectors })).rejects.toThrow('without a classifier')
    await expect(trainClassifier(withoutHead(start), examples)).rejects.toThrow('has no classifier')
  })
})
