// Every family is trained: what training computes is what the float64 references compute (families.test.ts holds them to
// PyTorch), a task is learned, and what is saved opens as the same model.
import { describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { largest } from '../../kernels/testing/train-sessions.ts'
import { lossOf, type LossTarget } from '../../kernels/train/batch.ts'
import { tensorOf, tableWidthOf } from '../../kernels/train/layout.ts'
import { referenceStep } from '../../kernels/train/reference.ts'
import { TrainSession } from '../../kernels/train/session.ts'
import { packBatch } from '../../ts/inference/batches.ts'
import { memoryFiles } from '../../ts/io/folder.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { loadModel, loadModelFiles } from '../../ts/model/load.ts'
import { encodeModel } from '../../ts/model/save.ts'
import { appliedLayers, type ModelWeights } from '../../ts/model/weights.ts'
import { joinExamples } from '../../ts/train/batches.ts'
import { modelOf, parametersOf, shapeOfModel } from '../../ts/train/convert.ts'
import { uniformLayerMap } from '../../ts/train/hidden.ts'
import { initializeModel } from '../../ts/train/initialize.ts'
import { trainClassifier } from '../../ts/train/loop.ts'
import type { TrainExample } from '../../ts/train/options.ts'
import { studentFrom } from '../../ts/train/student.ts'
import { FIXTURES } from './fixtures.ts'

const fixture = (name: string) => FIXTURES.find((found) => found.name === name)!

/** One of each family, and of each problem type. */
const TRAINED = [
  ...['bert-classification', 'bert-pruned', 'distilbert-classification', 'distilbert-regression'],
  ...['roberta-classification', 'camembert-classification', 'xlm-roberta-classification', 'mpnet-classification'],
  ...['electra-classification', 'albert-classification', 'albert-groups'],
]

/** Training takes tables by vectors of four; the tables of these fixtures are 6 wide: fresh weights, one size larger. */
const TABLE_WIDTH = 8

interface Opened {
  weights: ModelWeights
  examples: TrainExample[]
  /** PyTorch's, or the float64 reference's of fresh weights */
  logits: ArrayLike<number>
}

const logitsOf = (weights: ModelWeights, examples: readonly TrainExample[]): Float64Array => {
  const ids = examples.map((example) => example.ids)
  const types = examples.map((example) => example.types!)
  return runReference(buildProgram(weights, 'logits'), packBatch(ids, types))
}

/** Its texts, pairs too, without those with padding tokens among the others; labels and targets are made up. */
async function opened(name: string): Promise<Opened> {
  const { folder, expected } = fixture(name)
  const { weights: read } = await loadModel(folder)
  const { config } = read
  const isFresh = (config.embeddingSize ?? TABLE_WIDTH) % 4 !== 0
  const weights = isFresh ? initializeModel({ ...config, embeddingSize: TABLE_WIDTH }, 1) : read
  const inputs = expected.inputs.filter(({ ids }) => !ids.includes(config.paddingId ?? -1))
  const labels = config.labels.length
  const examples = inputs.map(({ ids, type_ids }, i): TrainExample => {
    const tokens = { ids: Int32Array.from(ids), types: Int32Array.from(type_ids ?? ids.map(() => 0)) }
    if (!config.problemType || config.problemType === 'single_label_classification')
      return { ...tokens, label: i % labels }
    return { ...tokens, label: -1, targets: Float32Array.from({ length: labels }, (_, c) => (i >> c) & 1) }
  })
  const logits = isFresh ? logitsOf(weights, examples) : inputs.flatMap(({ logits64 }) => logits64 as number[])
  return { weights, examples, logits }
}

function goalOf({ weights, examples }: Opened): LossTarget {
  const { labels, problemType } = weights.config
  const rows = examples.map(({ label, targets }) => targets ?? Float32Array.from(labels, (_, c) => Number(c === label)))
  const target = Float32Array.from(rows.flatMap((row) => [...row]))
  const links = { regression: 'identity', multi_label_classification: 'sigmoid' } as const
  const link = problemType && problemType !== 'single_label_classification' ? links[problemType] : 'softmax'
  return { link, target, teacher: null, alpha: 1, temperature: 1 }
}

const all = (examples: TrainExample[]) =>
  joinExamples(
    examples,
    examples.map((_, i) => i),
  )

describe.each(TRAINED)('%s', (name) => {
  it('has the logits of PyTorch in training and the gradients of the float64 step, and comes back as it went in', async () => {
    const given = await opened(name)
    const { weights, examples, logits } = given
    const session = await TrainSession.create(shapeOfModel(weights), { threads: 1, guard: true })
    try {
      const { layout } = session
      const parameters = parametersOf(weights, layout)
      session.setParameters(parameters)
      const [batch, goal] = [all(examples), goalOf(given)]
      const step = await session.step(batch, goal, null, null)
      expect(Math.max(...Array.from(step.logits, (x, i) => Math.abs(x - logits[i])))).toBeLessThan(1e-4)
      const [words, rest] = [parameters.words, parameters.rest].map((values) => Float64Array.from(values))
      const expected = referenceStep(layout, { words, rest }, batch, goal)
      expect(Math.abs(lossOf(step.logits, layout.shape.labels, goal) - expected.loss)).toBeLessThan(1e-5)
      const found = session.gradients()
      // as kernels/train/train.test.ts derives it, for deeper models: more layers round
      const most = largest(expected.gradients.rest)
      assertWithin(found.words, expected.gradients.words, 3e-5 * largest(expected.gradients.words), `${name}: words`)
      for (const tensor of layout.places.keys()) {
        const slope = tensorOf(layout, expected.gradients.rest, tensor)
        assertWithin(
          tensorOf(layout, found.rest, tensor),
          slope,
          3e-5 * largest(slope) + 1e-7 * most,
          `${name}: ${tensor}`,
        )
      }
      expect(found.words.length).toBe(weights.config.vocabSize * tableWidthOf(layout.shape))
      expect(modelOf(weights, layout, parameters)).toEqual(weights)
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })

  it('learns, and opens from what is saved with the same logits, as its own family', async () => {
    const { weights, examples } = await opened(name)
    const { model, losses } = await trainClassifier(weights, examples, {
      epochs: 40,
      learningRate: 0.02,
      dropout: 0,
      batch: examples.length,
      seed: 1,
      threads: 1,
    })
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2)
    const files = encodeModel(model)
    const { model_type, problem_type } = JSON.parse(files['config.json'] as string) as Record<string, string>
    expect(model_type).toBe(fixture(name).expected.family)
    expect(problem_type ?? null).toBe(fixture(name).expected.problem_type)
    const { weights: again } = await loadModelFiles(memoryFiles(files, 'folder'))
    expect(again).toEqual(model)
    const session = await TrainSession.create(shapeOfModel(again), { threads: 1, isForwardOnly: true })
    session.setParameters(parametersOf(again, session.layout))
    const logits = await session.forward(all(examples))
    await session.dispose()
    assertWithin(logits, logitsOf(again, examples), 1e-4, `${name}: logits`)
  })

  it('teaches a smaller one of its own, by hidden states too', async () => {
    const { weights, examples } = await opened(name)
    const { hiddenSize, heads, vocabSize } = weights.config
    for (const width of [hiddenSize, hiddenSize / 2 >= 8 ? hiddenSize / 2 : 4]) {
      const size = { layers: 1, hiddenSize: width, heads: width % heads === 0 ? heads : 2, intermediateSize: 8 }
      const { model: student } = studentFrom(weights, size, {
        seed: 1,
        frequencies: new Float64Array(vocabSize).fill(1),
      })
      const layers = uniformLayerMap(appliedLayers(student).length, appliedLayers(weights).length)
      const { model, losses } = await trainClassifier(
        student,
        examples.map(({ ids, types }) => ({ ids, types, label: -1 })),
        {
          ...{ epochs: 40, learningRate: 0.01, batch: examples.length, dropout: 0, threads: 1 },
          teacherLogits: Float32Array.from(logitsOf(weights, examples)),
          ...{ alpha: 0, hidden: { teacher: weights, layers, weight: 1 } },
        },
      )
      expect(losses.at(-1)).toBeLessThan(losses[0])
      const files = encodeModel(model)
      expect((await loadModelFiles(memoryFiles(files, 'folder'))).weights).toEqual(model)
    }
  })
})

it('a text with a padding token among the others is refused', async () => {
  const { weights, examples } = await opened('roberta-classification')
  const padded = { ids: Int32Array.of(0, 8, 1, 41, 2), label: 0 }
  const training = trainClassifier(weights, [...examples, padded], { epochs: 1, learningRate: 0.01 })
  await expect(training).rejects.toThrow(/holds the padding token \(id 1\)/)
})

it.each([
  ['bert-token', /labels tokens; training knows labels and numbers of whole texts/],
  ['electra-classification', /embedding size 6 is no multiple of 4/],
])('%s says why it is not trained', async (name, words) => {
  const { weights } = await loadModel(fixture(name).folder)
  const training = trainClassifier(weights, [{ ids: Int32Array.of(1, 2), label: 0 }])
  await expect(training).rejects.toThrow(words)
})
