import { beforeAll, describe, expect, it } from 'vitest'
import { TrainSession } from '../../kernels/train/session.ts'
import { assertExact } from '../../kernels/testing/compare.ts'
import type { ModelWeights } from '../model/weights.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { joinExamples } from './batches.ts'
import { parametersOf, shapeOfModel } from './convert.ts'
import { initializeModel, trainClassifier, uniformLayerMap, type TrainExample, type TrainOptions } from '../train.ts'
import { layoutOf } from '../../kernels/train/layout.ts'
import { TOY } from '../../testing/toy-task.ts'

const SMALLER = { ...TOY, hiddenSize: 16, layers: 1, intermediateSize: 32 }

/** Label 1: token 9 stands somewhere among others; label 0: token 7 does. */
function toy(count: number, seed: number): TrainExample[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const middle = Array.from({ length: 4 + random.int(8) }, () => 10 + random.int(40))
    middle[random.int(middle.length)] = i % 2 ? 9 : 7
    return { ids: Int32Array.from([2, ...middle, 3]), label: i % 2 }
  })
}

const examples = toy(192, 1)
const held = toy(128, 2)
const unlabelled = examples.map(({ ids }) => ({ ids, label: -1 }))
const FAST: TrainOptions = { learningRate: 3e-3, dropout: 0, threads: 2 }

async function withSession<T>(model: ModelWeights, use: (session: TrainSession) => Promise<T>): Promise<T> {
  const session = await TrainSession.create(shapeOfModel(model), { threads: 1 })
  try {
    session.setParameters(parametersOf(model, session.layout))
    return await use(session)
  } finally {
    await session.dispose()
  }
}

const all = joinExamples(
  examples,
  examples.map((_, i) => i),
)
const numbersOf = (model: ModelWeights): Float32Array => parametersOf(model, layoutOf(shapeOfModel(model))).rest

describe('uniformLayerMap', () => {
  it('pairs embeddings with embeddings, last with last, the others evenly', () => {
    expect(uniformLayerMap(4, 12)).toEqual([0, 1, 2, 3, 4].map((m) => [m, 3 * m]))
    expect(uniformLayerMap(2, 5).at(-1)).toEqual([2, 5])
    expect(uniformLayerMap(3, 3)).toEqual([0, 1, 2, 3].map((m) => [m, m]))
    expect(() => uniformLayerMap(3, 2)).toThrow('3 layers of a student cannot be spread over 2')
  })
})

describe('a student', () => {
  let teacher: ModelWeights
  let teacherLogits: Float32Array

  beforeAll(async () => {
    const trained = await trainClassifier(initializeModel(TOY, 1), examples, { ...FAST, epochs: 15 })
    teacher = trained.model
    teacherLogits = await withSession(teacher, (session) => session.forward(all))
  })

  it('learns from texts without labels by logits and hidden states of a wider teacher', async () => {
    const hidden = { teacher, layers: uniformLayerMap(1, 2), weight: 0.5 }
    const options = { ...FAST, epochs: 15, teacherLogits, alpha: 0.5, logitMse: 0.2, hidden, validation: held }
    const result = await trainClassifier(initializeModel(SMALLER, 1), unlabelled, options)
    expect(result.losses.at(-1)!).toBeLessThan(result.losses[0] / 2)
    expect(result.validation.at(-1)!.accuracy).toBeGreaterThan(0.95)
    // projections are not part of the model
    expect(numbersOf(result.model).length).toBe(layoutOf(shapeOfModel(initializeModel(SMALLER, 1))).length)
  })

  it('comes near to the hidden states alone', async () => {
    const hidden = { teacher, layers: [[2, 2]] as [number, number][], weight: 1, isProjected: false }
    const start = initializeModel(TOY, 7)
    const state = (model: ModelWeights): Promise<Float32Array> =>
      withSession(model, async (session) => (await session.hiddenStates(all, [2]))[0])
    const wanted = await state(teacher)
    const distance = async (model: ModelWeights): Promise<number> => {
      const found = await state(model)
      return found.reduce((sum, x, i) => sum + (x - wanted[i]) ** 2, 0) / found.length
    }
    const result = await trainClassifier(start, unlabelled, { ...FAST, epochs: 10, hidden })
    expect(await distance(result.model)).toBeLessThan((await distance(start)) / 2)
    // the loss of the first step is the mean square of its batch: about that of all texts
    expect(Math.abs(result.losses[0] / (await distance(start)) - 1)).toBeLessThan(0.1)
  })

  it('brings logits together by their squares', async () => {
    const options = { ...FAST, epochs: 15, teacherLogits, alpha: 1, logitMse: 1 }
    const { model } = await trainClassifier(initializeModel(SMALLER, 1), unlabelled, options)
    const found = await withSession(model, (session) => session.forward(all))
    const rms = Math.sqrt(found.reduce((sum, z, i) => sum + (z - teacherLogits[i]) ** 2, 0) / found.length)
    const size = Math.sqrt(teacherLogits.reduce((sum, z) => sum + z * z, 0) / teacherLogits.length)
    expect(rms).toBeLessThan(0.2 * size)
  })

  it('gives the same bits on any number of threads', async () => {
    const hidden = { teacher, layers: uniformLayerMap(1, 2), weight: 1 }
    const fakeQuantize = { linears: true, embeddings: true }
    const run = (threads: number): ReturnType<typeof trainClassifier> =>
      trainClassifier(initializeModel(SMALLER, 1), [...examples, ...unlabelled], {
        steps: 5,
        threads,
        teacherLogits: Float32Array.of(...teacherLogits, ...teacherLogits),
        logitMse: 0.3,
        hidden,
        fakeQuantize,
      })
    const [first, again] = [await run(1), await run(2)]
    expect(again.losses).toEqual(first.losses)
    assertExact(numbersOf(again.model), numbersOf(first.model), 'weights on two threads')
  })

  it('says what does not fit', async () => {
    const start = initializeModel(SMALLER, 1)
    const train = (options: TrainOptions, given = unlabelled): Promise<unknown> =>
      trainClassifier(start, given, { steps: 1, ...options })
    const hidden = { teacher, layers: uniformLayerMap(1, 2), weight: 1 }
    await expect(train({})).rejects.toThrow('has no label (-1); that needs a teacher')
    await expect(train({ hidden, validation: unlabelled })).rejects.toThrow('validation example 0 has no label')
    await expect(train({ logitMse: 1 })).rejects.toThrow('needs teacherLogits')
    await expect(train({ teacherLogits, logitMse: -1 })).rejects.toThrow('logitMse = -1; it must be 0 or more')
    await expect(train({ hidden: { ...hidden, weight: NaN } })).rejects.toThrow('hidden.weight = NaN')
    await expect(train({ hidden: { ...hidden, layers: [] } })).rejects.toThrow('uniformLayerMap() makes one')
    await expect(train({ hidden: { ...hidden, layers: [[2, 0]] } })).rejects.toThrow(
      'state 2 of the student, which has 0 to 1',
    )
    await expect(train({ hidden: { ...hidden, layers: [[0, 3]] } })).rejects.toThrow(
      'state 3 of the teacher, which has 0 to 2',
    )
    await expect(train({ hidden: { ...hidden, isProjected: false } })).rejects.toThrow('32 wide and the student 16')
    const foreign = initializeModel({ ...TOY, vocabSize: 51 }, 1)
    await expect(train({ hidden: { ...hidden, teacher: foreign } })).rejects.toThrow('has 51 words and the student 50')
    const short = initializeModel({ ...TOY, maxPositions: 8 }, 1)
    await expect(train({ hidden: { ...hidden, teacher: short } })).rejects.toThrow('8 positions')
  })
})
