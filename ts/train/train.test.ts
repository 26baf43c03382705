import { describe, expect, it } from 'vitest'
import { bert } from '../families/bert.ts'
import { linearStem } from '../families/names.ts'
import { linearLayers, type ModelWeights } from '../model/weights.ts'
import { joinExamples, nextBatch, shuffled, stepsOf } from './batches.ts'
import { modelOf, parametersOf, shapeOfModel } from './convert.ts'
import { initializeModel, scheduleAt, trainClassifier, type TrainExample, type TrainProgress } from '../train.ts'
import { layoutOf } from '../../kernels/train/layout.ts'
import { settle } from './options.ts'
import { TOY, numbersOf, toy } from '../../testing/toy-task.ts'

describe('initializeModel', () => {
  it('draws truncated normal numbers, the same for the same seed', () => {
    const model = initializeModel(TOY, 3)
    expect(numbersOf(initializeModel(TOY, 3))).toEqual(numbersOf(model))
    expect(numbersOf(initializeModel(TOY, 4))).not.toEqual(numbersOf(model))
    const { data, K } = model.layers[0].intermediate.weight as { data: Float32Array; K: number }
    const wanted = 1 / Math.sqrt(K)
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(Math.fround(2 * wanted))
    const deviation = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length)
    // a normal number cut at two deviations has 0.8796 of its deviation
    expect(Math.abs(deviation / (wanted * 0.8796) - 1)).toBeLessThan(0.05)
    expect(model.layers[1].query.bias!.every((x) => x === 0)).toBe(true)
    expect(model.embeddings.norm.gamma.every((x) => x === 1)).toBe(true)
  })

  it('refuses a single label', () => {
    expect(() => initializeModel({ ...TOY, labels: ['one'] }, 1)).toThrow('at least 2 labels')
  })
})

describe('schedule and batches', () => {
  it('warms up and decays in straight lines', () => {
    expect([0, 0.125, 0.25, 0.625, 1].map((done) => scheduleAt(done, 0.25))).toEqual([0, 0.5, 1, 0.5, 0])
    expect(scheduleAt(0.5, 0)).toBe(0.5)
  })

  it('visits every example once per shuffle', () => {
    const stream = shuffled(10, 1)
    const take = (): number[] => Array.from({ length: 10 }, () => stream.next().value)
    const [first, second] = [take(), take()]
    expect(first.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(second.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(second).not.toEqual(first)
  })

  it('fills batches by sequences or by tokens', () => {
    const examples = toy(20, 1)
    expect(nextBatch(shuffled(20, 1), examples, { batch: 8 })).toHaveLength(8)
    const chosen = nextBatch(shuffled(20, 1), examples, { batch: 8, batchTokens: 60 })
    const { ids, offsets } = joinExamples(examples, chosen)
    expect(ids.length).toBeGreaterThanOrEqual(60)
    expect(offsets[chosen.length - 1]).toBeLessThan(60)
    expect(stepsOf(examples, settle({ epochs: 2, batch: 8 }))).toBe(5)
  })
})

describe('trainClassifier', () => {
  const examples = toy(256, 1)
  const held = toy(128, 2)
  const start = initializeModel(TOY, 1)

  it('learns which token matters, and the last loss is far below the first', async () => {
    const events: TrainProgress[] = []
    const result = await trainClassifier(start, examples, {
      epochs: 15,
      learningRate: 3e-3,
      dropout: 0,
      threads: 2,
      validation: held,
      progress: (event) => events.push(event),
    })
    expect(result.steps).toBe(120)
    expect(result.losses[0]).toBeGreaterThan(0.6)
    expect(result.losses.at(-1)).toBeLessThan(0.1)
    expect(result.validation.at(-1)!.accuracy).toBeGreaterThan(0.95)
    expect(events.at(-1)).toMatchObject({ step: 120, steps: 120, secondsLeft: 0 })
    expect(events.every(({ loss, learningRate }) => loss > 0 && learningRate > 0)).toBe(true)
    // the model handed in is left alone
    expect(numbersOf(start)).toEqual(numbersOf(initializeModel(TOY, 1)))
  })

  it('gives the same bits for the same seed on any number of threads, others for another seed', async () => {
    const shared = { steps: 6, seed: 5, learningRate: 1e-3 }
    const [first, again, other] = [
      await trainClassifier(start, examples, { ...shared, threads: 1 }),
      await trainClassifier(start, examples, { ...shared, threads: 2 }),
      await trainClassifier(start, examples, { ...shared, threads: 1, seed: 6 }),
    ]
    expect(again.losses).toEqual(first.losses)
    expect(numbersOf(again.model)).toEqual(numbersOf(first.model))
    expect(other.losses).not.toEqual(first.losses)
  })

  it("follows a teacher's logits where alpha is 0", async () => {
    // the teacher says the opposite of the labels
    const flat = new Float32Array(examples.length * 2)
    examples.forEach(({ label }, i) => (flat[i * 2 + (1 - label)] = 6))
    const rows = examples.map((_, i) => flat.slice(i * 2, i * 2 + 2))
    const options = { epochs: 15, learningRate: 3e-3, dropout: 0, alpha: 0, temperature: 2, validation: held }
    const result = await trainClassifier(start, examples, { ...options, teacherLogits: flat })
    expect(result.losses.at(-1)!).toBeLessThan(result.losses[0] / 4)
    expect(result.validation.at(-1)!.accuracy).toBeLessThan(0.1)
    const short = { ...options, epochs: undefined, steps: 3, validation: undefined }
    const [asRows, asOne] = [rows, flat].map((teacherLogits) =>
      trainClassifier(start, examples, { ...short, teacherLogits }),
    )
    expect((await asRows).losses).toEqual((await asOne).losses)
  })

  it('keeps masked weights at zero', async () => {
    const stem = linearStem(bert, 1, 'key')
    const mask = Uint8Array.from({ length: 32 * 32 }, (_, i) => i % 2)
    const { model } = await trainClassifier(start, examples, { steps: 5, masks: { [stem]: mask } })
    const { data } = model.layers[1].key.weight as { data: Float32Array }
    expect(data.every((w, i) => (w === 0) === (mask[i] === 0))).toBe(true)
    const others = model.layers[1].value.weight as { data: Float32Array }
    expect(others.data.every((w) => w !== 0)).toBe(true)
  })

  it('stops where it is told to, with what it has learned', async () => {
    const controller = new AbortController()
    const result = await trainClassifier(start, examples, {
      steps: 500,
      signal: controller.signal,
      progress: ({ step }) => step === 3 && controller.abort(),
    })
    expect(result.steps).toBe(3)
    expect(numbersOf(result.model)).not.toEqual(numbersOf(start))
  })

  it('ends by the clock, its rate at zero', async () => {
    const rates: number[] = []
    const result = await trainClassifier(start, examples, {
      steps: 1e6,
      maxSeconds: 0.4,
      progress: ({ learningRate }) => rates.push(learningRate),
    })
    expect(result.steps).toBeLessThan(1e6)
    expect(rates.at(-1)!).toBeLessThan(Math.max(...rates))
  })

  it('gives back the best weights where asked', async () => {
    const result = await trainClassifier(start, examples, {
      epochs: 4,
      learningRate: 1e-3,
      validation: held,
      keep: 'best',
    })
    expect(result.validation).toHaveLength(4)
    const best = Math.max(...result.validation.map(({ accuracy }) => accuracy!))
    const again = await trainClassifier(result.model, examples, { steps: 1, learningRate: 1e-12, validation: held })
    expect(again.validation[0].accuracy).toBe(best)
  })

  it('converts models and back without loss, uneven layers too', () => {
    const layout = layoutOf(shapeOfModel(start))
    const back = modelOf(start, layout, parametersOf(start, layout))
    for (const [i, { stem, linear }] of [...linearLayers(start)].entries())
      expect([...linearLayers(back)][i].linear, stem).toEqual(linear)
    expect(back.embeddings).toEqual(start.embeddings)
  })

  it('says what does not fit', async () => {
    const train = (model: ModelWeights, given: TrainExample[], options = {}): Promise<unknown> =>
      trainClassifier(model, given, { steps: 1, ...options })
    const one = examples.slice(0, 1)
    await expect(train(start, [])).rejects.toThrow('there are no training examples')
    await expect(train(start, [{ ids: Int32Array.of(2, 3), label: 2 }])).rejects.toThrow('has label 2')
    await expect(train(start, [{ ids: new Int32Array(17), label: 0 }])).rejects.toThrow('has 17 tokens')
    await expect(train(start, [{ ids: Int32Array.of(50), label: 0 }])).rejects.toThrow('token id 50')
    await expect(train({ ...start, classifier: null }, one)).rejects.toThrow('has no classifier')
    await expect(train(start, one, { learningRate: 0 })).rejects.toThrow('learningRate = 0; it must be above 0')
    await expect(train(start, one, { keep: 'best' })).rejects.toThrow('needs validation examples')
    await expect(train(start, one, { masks: { nothing: new Uint8Array(1) } })).rejects.toThrow(
      'no linear layer nothing',
    )
    await expect(train(start, one, { teacherLogits: new Float32Array(3) })).rejects.toThrow('f32 [1, 2]')
    await expect(train(start, examples, { steps: 60, learningRate: 1e30, dropout: 0 })).rejects.toThrow(
      'lower the learning rate',
    )
    const broken = initializeModel(TOY, 1)
    broken.layers[0].query.bias![3] = NaN
    await expect(train(broken, one)).rejects.toThrow('NaN or infinite weights')
  })
})
