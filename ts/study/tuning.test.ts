import { expect, it } from 'vitest'
import { TrainSession } from '../../kernels/train/session.ts'
import { meanInterval, rowCosines } from '../evaluation/vectors.ts'
import { applyRecipe } from '../recipe/apply.ts'
import type { ModelWeights } from '../model/weights.ts'
import { joinExamples } from '../train/batches.ts'
import { parametersOf, shapeOfModel } from '../train/convert.ts'
import { withoutHead } from '../train/embedder.ts'
import { initializeModel } from '../train/initialize.ts'
import { toy, TOY } from '../../testing/toy-task.ts'
import { SILENT } from '../inference/reporter.ts'
import type { StudySettings } from '../report/results.ts'
import type { TrainExample } from '../train/options.ts'
import { scaleFor } from './settings.ts'
import type { Base, BaseVectors } from './bases.ts'
import { partsOf, shapeByRecipe, shapeWeights, type Shaping } from './tuning.ts'

const model = initializeModel(TOY, 1)
const examples = toy(64, 2)

function shaping(settings: Pick<StudySettings, 'passes' | 'hiddenWeight'>): Shaping {
  const teacherLogits = (): Promise<Float32Array> => Promise.resolve(new Float32Array(2 * examples.length))
  const context = {
    scale: scaleFor({ minutes: 9, quick: false, tokens: 128 }),
    reporter: SILENT,
    threads: 1,
    tuneSeconds: () => 600,
    tuneRate: () => 1e-3,
  }
  return {
    base: { id: 'baseline', model, examples, isTrained: true, teacherLogits } as Partial<Base> as Base,
    apply: (from, recipe) => applyRecipe(from, recipe, { seed: 1 }),
    context: { ...context, settings: { seed: 1, ...settings } } as unknown as Shaping['context'],
  }
}

/** Mean square between the last hidden states of a model and those of the base. */
async function distance(other: ModelWeights): Promise<number> {
  const batch = joinExamples(examples, [0, 1, 2, 3])
  const states: Float32Array[] = []
  for (const of of [model, other]) {
    const session = await TrainSession.create(shapeOfModel(of), { isForwardOnly: true, threads: 1 })
    session.setParameters(parametersOf(of, session.layout))
    states.push(...(await session.hiddenStates(batch, [TOY.layers])))
    await session.dispose()
  }
  return states[0].reduce((sum, x, i) => sum + (x - states[1][i]) ** 2, 0) / states[0].length
}

it.each<{ shape: string; passes: number | null; steps: number }>([
  { shape: 'sp50x4', passes: null, steps: 4 },
  { shape: 'sp50x4', passes: 5, steps: 10 },
  { shape: 'tucker:0.5', passes: null, steps: 2 },
  { shape: 'tucker:0.5', passes: 3, steps: 6 },
])('trains $shape for so many passes as asked: $passes', async ({ shape, passes, steps }) => {
  const { notes } = await shapeWeights(shape, true, shaping({ passes, hiddenWeight: 0 }))
  expect(notes.join()).toContain(`: ${steps} steps of 32 texts`)
})

it.each(['heads1-ffn32', 'svd:0.5'])(
  'keeps the hidden states of %s near those of its base where asked to',
  async (shape) => {
    const [alone, near] = await Promise.all(
      [0, 100].map(async (hiddenWeight) => {
        const { model } = await shapeWeights(shape, true, shaping({ passes: 20, hiddenWeight }))
        return distance(model)
      }),
    )
    expect(near).toBeLessThan(alone / 2)
  },
)

it('trains a row of an embedder by the vectors of its base', async () => {
  const embedder = withoutHead(model)
  const vectors = async (of: ModelWeights): Promise<Float32Array> => {
    const shape = { ...shapeOfModel(of), vectors: { width: TOY.hiddenSize, isProjected: false } }
    const session = await TrainSession.create(shape, { isForwardOnly: true, threads: 1 })
    session.setParameters(parametersOf(of, session.layout))
    const found = await session.vectors(joinExamples(examples, [...examples.keys()]))
    await session.dispose()
    return found
  }
  const wanted = await vectors(embedder)
  const far = async (of: ModelWeights): Promise<number> => {
    const [first, second] = [wanted, await vectors(of)].map((data) => ({
      data,
      dims: [examples.length, TOY.hiddenSize],
    }))
    return 1 - meanInterval(rowCosines(first, second), { seed: 1 }).mean
  }
  const { base, apply, context } = shaping({ passes: 20, hiddenWeight: 0 })
  const ofVectors = { teacher: () => Promise.resolve(wanted) } as Partial<BaseVectors> as BaseVectors
  const teacherLogits = (): Promise<null> => Promise.resolve(null)
  const given = { base: { ...base, model: embedder, vectors: ofVectors, teacherLogits }, apply, context }
  const [cut, trained] = [await apply(embedder, 'svd:0.25'), await shapeByRecipe('svd:0.25', true, given)]
  expect(trained.model.classifier).toBeNull()
  expect(await far(trained.model)).toBeLessThan((await far(cut.model)) / 2)
})

it.each([
  ['wtucker:R', 'wsvd:0.25', [0.0625, 0.125, 0.1875, 0.25, 0.375].map((R) => `wtucker:${R}`).concat('wsvd:0.25')],
  ['svd:R', 'svd:0.4375', [0.0625, 0.125, 0.1875, 0.25, 0.375, 0.4375].map((R) => `svd:${R}`)],
])('tries %s up to where factors take more multiplications than the matrix', async (shape, chosen, ranks) => {
  const { base, context } = shaping({ passes: null, hiddenWeight: 0 })
  const tried: string[] = []
  const f1Of = new Map<ModelWeights, number>([[model, 0.9]])
  const apply: Shaping['apply'] = (from, recipe) => {
    tried.push(recipe)
    const shaped = { ...from }
    f1Of.set(shaped, recipe === chosen ? 0.897 : 0.7)
    return Promise.resolve({ model: shaped, recipe, notes: [recipe] })
  }
  const validate = (of: ModelWeights): Promise<number> => Promise.resolve(f1Of.get(of)!)
  const { recipe } = await shapeWeights(shape, true, { base: { ...base, validate }, apply, context })
  expect(recipe).toBe(chosen)
  expect(tried).toEqual(ranks)
})

it('long single texts are read in parts, and neither short texts, pairs nor an embedder’s', () => {
  const of = (length: number, more = {}) => ({ ids: new Int32Array(length), label: 0, ...more })
  const base = (...examples: TrainExample[]) => ({ examples }) as unknown as Parameters<typeof partsOf>[0]
  expect(partsOf(base(of(20), of(300)))).toMatchObject({ crop: { rate: 0, longer: { rate: 0.9 } } })
  expect(partsOf(base(of(20), of(128)))).toEqual({})
  expect(partsOf(base(of(20), of(300, { types: new Uint8Array(300) })))).toEqual({})
  expect(partsOf({ ...base(of(300)), vectors: {} } as Parameters<typeof partsOf>[0])).toEqual({})
})
