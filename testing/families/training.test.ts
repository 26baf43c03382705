// Every family is trained: what training computes is what the float64 references compute (families.test.ts holds them to
// PyTorch), a task is learned, and what is saved opens as the same model.
import { describe, expect, it } from 'vitest'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { jaxStep } from '../../kernels/testing/train-jax.ts'
import { largest } from '../../kernels/testing/train-sessions.ts'
import { lossOf, type LossTarget } from '../../kernels/train/batch.ts'
import { layoutOf, tableWidthOf, tensorOf } from '../../kernels/train/layout.ts'
import { referenceStep } from '../../kernels/train/reference.ts'
import { TrainSession } from '../../kernels/train/session.ts'
import { memoryFiles } from '../../ts/io/folder.ts'
import { loadModel, loadModelFiles } from '../../ts/model/load.ts'
import { encodeModel } from '../../ts/model/save.ts'
import { appliedLayers } from '../../ts/model/weights.ts'
import { joinExamples } from '../../ts/train/batches.ts'
import { modelOf, parametersOf, shapeOfModel } from '../../ts/train/convert.ts'
import { uniformLayerMap } from '../../ts/train/hidden.ts'
import { trainClassifier } from '../../ts/train/loop.ts'
import type { TrainExample } from '../../ts/train/options.ts'
import { studentFrom } from '../../ts/train/student.ts'
import { fixture, logitsOf, opened, TRAINED, type Opened } from './trained.ts'

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

it('MPNet has the gradients of jax-js', async () => {
  const name = 'mpnet-classification'
  const given = await opened(name)
  const examples = given.examples.filter(({ ids }) => ids.length < 16).slice(0, 2)
  const layout = layoutOf(shapeOfModel(given.weights))
  const parameters = parametersOf(given.weights, layout)
  const [words, rest] = [parameters.words, parameters.rest].map((values) => Float64Array.from(values))
  const [batch, goal] = [all(examples), goalOf({ ...given, examples })]
  const ours = referenceStep(layout, { words, rest }, batch, goal)
  const theirs = await jaxStep(layout, { words, rest }, batch, goal)
  // jax-js computes erfc by a formula whose error is 1.5e-7: of each tensor's largest slope, a few times that
  const most = largest(theirs.gradients.rest)
  const compare = (found: Float64Array, expected: Float64Array, what: string): void => {
    assertWithin(found, expected, 1e-6 * largest(expected) + 1e-9 * most, `${name}: ${what}`)
  }
  compare(ours.gradients.words, theirs.gradients.words, 'words')
  for (const tensor of layout.places.keys())
    compare(tensorOf(layout, ours.gradients.rest, tensor), tensorOf(layout, theirs.gradients.rest, tensor), tensor)
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
