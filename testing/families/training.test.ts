// Which families are trained, that training computes them as PyTorch does, and what the others are told.
import { describe, expect, it } from 'vitest'
import { TrainSession } from '../../kernels/train/session.ts'
import { loadModel } from '../../ts/model/load.ts'
import { encodeModel } from '../../ts/model/save.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'
import { joinSequences } from '../../ts/train/batches.ts'
import { modelOf, parametersOf, shapeOfModel } from '../../ts/train/convert.ts'
import { studentFrom } from '../../ts/train/student.ts'
import { trainClassifier } from '../../ts/train/loop.ts'
import { FIXTURES } from './fixtures.ts'

const fixture = (name: string) => FIXTURES.find((found) => found.name === name)!
const TRAINED = ['bert-classification', 'roberta-classification', 'xlm-roberta-classification']

/** What each of the others lacks. */
const REFUSED: [name: string, words: RegExp][] = [
  ['distilbert-classification', /head with relu of distilbert models is not trained/],
  ['electra-classification', /layer after the embedding tables of electra models is not trained/],
  ['albert-classification', /layer after the embedding tables of albert models is not trained/],
  ['mpnet-classification', /bias by distance of mpnet models is not trained/],
  ['bert-token', /labels tokens; training knows one label per text/],
]

/** Its texts without padding tokens among the others. */
async function opened(name: string): Promise<{ weights: ModelWeights; ids: Int32Array[]; logits: number[] }> {
  const { folder, expected } = fixture(name)
  const { weights } = await loadModel(folder)
  const inputs = expected.inputs.filter(
    ({ ids, type_ids }) => !ids.includes(weights.config.paddingId ?? -1) && !type_ids?.some((type) => type !== 0),
  )
  return {
    weights,
    ids: inputs.map(({ ids }) => Int32Array.from(ids)),
    logits: inputs.flatMap(({ logits64 }) => logits64 as number[]),
  }
}

describe.each(TRAINED)('%s', (name) => {
  it('has the logits of PyTorch in training, and comes back as it went in', async () => {
    const { weights, ids, logits } = await opened(name)
    const session = await TrainSession.create(shapeOfModel(weights), { threads: 1 })
    try {
      const parameters = parametersOf(weights, session.layout)
      session.setParameters(parameters)
      const found = await session.forward(joinSequences(ids))
      expect(Math.max(...Array.from(found, (x, i) => Math.abs(x - logits[i])))).toBeLessThan(1e-4)
      expect(modelOf(weights, session.layout, parameters)).toEqual(weights)
    } finally {
      await session.dispose()
    }
  })

  it('learns, and is saved as its own family', async () => {
    const { weights, ids } = await opened(name)
    const examples = ids.map((sequence, i) => ({ ids: sequence, label: i % 3 }))
    const { model, losses } = await trainClassifier(weights, examples, {
      epochs: 30,
      learningRate: 0.01,
      batch: examples.length,
      seed: 1,
      threads: 1,
    })
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2)
    const { model_type } = JSON.parse(encodeModel(model)['config.json'] as string) as { model_type: string }
    expect(model_type).toBe(fixture(name).expected.family)
  })
})

it('a text with a padding token among the others is refused', async () => {
  const { weights, ids } = await opened('roberta-classification')
  const examples = [...ids, Int32Array.of(0, 8, 1, 41, 2)].map((sequence) => ({ ids: sequence, label: 0 }))
  await expect(trainClassifier(weights, examples, { epochs: 1, learningRate: 0.01 })).rejects.toThrow(
    /holds the padding token \(id 1\)/,
  )
})

it('a student of RoBERTa is one', async () => {
  const { weights } = await opened('roberta-classification')
  const { model } = studentFrom(
    weights,
    { layers: 1, hiddenSize: 6, heads: 2, intermediateSize: 8 },
    { seed: 1, frequencies: new Float64Array(48).fill(1) },
  )
  expect(model.embeddings.before).toMatchObject({ rows: 2, width: 6 })
  expect(Object.keys(encodeModel(model))).toContain('model.safetensors')
})

it.each(REFUSED)('%s says why it is not trained', async (name, words) => {
  const { weights } = await loadModel(fixture(name).folder)
  expect(() => shapeOfModel(weights)).toThrow(words)
})
