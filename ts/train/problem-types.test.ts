// Regression, labels that do not exclude one another, and pairs of texts: what trainClassifier makes of them.
import { describe, expect, it } from 'vitest'
import { TOY, toy } from '../../testing/toy-task.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { memoryFiles } from '../io/folder.ts'
import type { BertConfig } from '../model/config.ts'
import { loadModelFiles } from '../model/load.ts'
import { encodeModel } from '../model/save.ts'
import { firstOrderImportance, initializeModel, trainClassifier, type TrainExample } from '../train.ts'

const CONFIG: BertConfig = { ...TOY, layers: 1 }
const OPTIONS = { epochs: 12, learningRate: 3e-3, dropout: 0, threads: 1 }

/** Texts without a label in them. */
const texts = (count: number, seed: number): Int32Array[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () =>
    Int32Array.from([2, ...Array.from({ length: 6 }, () => 5 + random.int(12)), 3]),
  )
}

/** Whether tokens 5, 6 and 7 are there, each by itself; of every eighth text the second is not known. */
const sets = (count: number, seed: number): TrainExample[] =>
  texts(count, seed).map((ids, i) => {
    const targets = Float32Array.from([5, 6, 7], (token) => Number(ids.includes(token)))
    if (i % 8 === 0) targets[1] = NaN
    return { ids, label: -1, targets }
  })

/** How often token 5 is there, and the share of token 6. */
const numbers = (count: number, seed: number): TrainExample[] =>
  texts(count, seed).map((ids) => {
    const share = (token: number): number => ids.reduce((sum, id) => sum + Number(id === token), 0)
    return { ids, label: -1, targets: Float32Array.of(2 * share(5), share(6) / 6) }
  })

/** Label 1: token 9 is in the second text; label 0: it is in the first. */
const pairs = (count: number, seed: number): TrainExample[] => {
  const random = createRandom(seed)
  const word = (): number => 10 + random.int(8)
  return Array.from({ length: count }, (_, i) => {
    const [first, second] = [3, 3].map((length) => Array.from({ length }, word))
    const label = i % 2
    ;(label ? second : first)[random.int(3)] = 9
    const types = [0, ...first.map(() => 0), 0, ...second.map(() => 1), 1]
    // no position tells the second text from the first
    const order = random.int(2) ? [first, second] : [second, first]
    if (order[0] === second) types.splice(1, 7, ...second.map(() => 1), 1, ...first.map(() => 0))
    return { ids: Int32Array.from([2, ...order[0], 3, ...order[1], 3]), types: Int32Array.from(types), label }
  })
}

async function reopened(model: Parameters<typeof encodeModel>[0]): Promise<BertConfig> {
  return (await loadModelFiles(memoryFiles(encodeModel(model), 'folder'))).weights.config
}

describe('labels that do not exclude one another', () => {
  const config: BertConfig = { ...CONFIG, labels: ['a', 'b', 'c'], problemType: 'multi_label_classification' }

  it('are learned each by itself, and the model says what they are', async () => {
    const validation = sets(64, 2)
    const start = initializeModel(config, 1)
    const { model, losses, validation: scores } = await trainClassifier(start, sets(256, 1), { ...OPTIONS, validation })
    // no better than chance at first: log 2 of each yes and no
    expect(losses[0]).toBeGreaterThan(0.5)
    expect(scores.at(-1)!.accuracy).toBeGreaterThan(0.95)
    expect(await reopened(model)).toEqual(config)
  })

  it('are learned from a teacher alone', async () => {
    const [start, examples] = [initializeModel(config, 1), sets(128, 1)]
    const teacherLogits = examples.map(({ targets }) => targets!.map((t) => (Number.isNaN(t) ? 0 : 8 * t - 4)))
    const unlabelled = examples.map(({ ids }) => ({ ids, label: -1 }))
    const { losses } = await trainClassifier(start, unlabelled, { ...OPTIONS, teacherLogits })
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2)
  })

  it('are refused where a target is none', async () => {
    const start = initializeModel(config, 1)
    const train = (example: TrainExample) => trainClassifier(start, [example], OPTIONS)
    const ids = Int32Array.of(2, 5, 3)
    await expect(train({ ids, label: 1 })).rejects.toThrow('example 0 has no targets; expected 3 numbers from 0 to 1')
    await expect(train({ ids, label: -1, targets: Float32Array.of(1, 0) })).rejects.toThrow('has 2 targets')
    await expect(train({ ids, label: -1, targets: Float32Array.of(1, 0, 2) })).rejects.toThrow('has the target 2')
    const single = trainClassifier(initializeModel(CONFIG, 1), [{ ids, label: -1, targets: Float32Array.of(1, 0) }])
    await expect(single).rejects.toThrow("one of the model's labels holds")
  })
})

describe('regression', () => {
  const config: BertConfig = { ...CONFIG, labels: ['count', 'share'], problemType: 'regression' }

  it('learns numbers, keeps the best by their squared differences, and the model says so', async () => {
    const start = initializeModel(config, 1)
    const { model, validation, kept } = await trainClassifier(start, numbers(256, 1), {
      ...OPTIONS,
      validation: numbers(64, 2),
      keep: 'best',
    })
    const losses = validation.map(({ loss }) => loss)
    expect(Math.min(...losses)).toBeLessThan(losses[0] / 5)
    expect(validation.find(({ step }) => step === kept)!.loss).toBe(Math.min(...losses))
    expect(validation.at(-1)!.accuracy).toBeNull()
    expect(await reopened(model)).toEqual(config)
  })

  it('has one output where it is asked for one', async () => {
    const start = initializeModel({ ...config, labels: ['count'] }, 1)
    const examples = numbers(128, 1).map((one) => ({ ...one, targets: one.targets!.slice(0, 1) }))
    const { losses } = await trainClassifier(start, examples, OPTIONS)
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2)
    const smoothed = trainClassifier(start, examples, { ...OPTIONS, labelSmoothing: 0.1 })
    await expect(smoothed).rejects.toThrow("the model's outputs are numbers")
  })

  it('has heads and neurons that matter', async () => {
    const [{ heads, neurons }] = await firstOrderImportance(initializeModel(config, 1), texts(16, 1), { threads: 1 })
    expect(Math.min(...heads)).toBeGreaterThan(0)
    expect(Math.max(...neurons)).toBeGreaterThan(0)
  })

  it('and one output without a problem type are told apart by the caller', () => {
    expect(() => initializeModel({ ...CONFIG, labels: ['one'] }, 1)).toThrow(/'regression', for a yes or no/)
  })
})

describe('pairs of texts', () => {
  it('are told apart by their token types', async () => {
    const start = initializeModel(CONFIG, 1)
    const { validation } = await trainClassifier(start, pairs(256, 1), { ...OPTIONS, validation: pairs(64, 2) })
    expect(validation.at(-1)!.accuracy).toBeGreaterThan(0.95)
  })

  it('stand beside single texts, and types that do not fit are refused', async () => {
    const start = initializeModel(CONFIG, 1)
    const [pair, ...others] = [...pairs(1, 1), ...toy(7, 1)]
    const { losses } = await trainClassifier(start, [pair, ...others], { ...OPTIONS, epochs: 1 })
    expect(losses[0]).toBeGreaterThan(0)
    const short = { ...pair, types: new Int32Array(3) }
    await expect(trainClassifier(start, [short], OPTIONS)).rejects.toThrow('has 9 tokens and 3 token types')
    const odd = { ...pair, types: pair.types!.map((type) => 2 * type) }
    await expect(trainClassifier(start, [odd], OPTIONS)).rejects.toThrow('token type 2 is outside the 2 types')
  })
})
