import { expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import { runReference } from '../../kernels/reference.ts'
import { packBatch } from '../inference/batches.ts'
import { buildProgram } from '../model/bert.ts'
import type { ModelWeights } from '../model/weights.ts'
import { TOY } from '../../testing/toy-task.ts'
import { calibrate, firstOrderImportance, initializeModel } from '../train.ts'
import { linearLayers } from '../model/weights.ts'

const random = createRandom(3)
const sequences = Array.from({ length: 12 }, () => Int32Array.from({ length: 3 + random.int(8) }, () => random.int(50)))
const classifier = initializeModel({ ...TOY, heads: 4 }, 5)
/** A bare encoder, as sentence-transformers have it. */
const encoder: ModelWeights = { ...classifier, config: { ...classifier.config, labels: [] }, classifier: null }

/** The unit vectors f64 [texts, C] of the float64 reference, with a part's output times `factor`. */
function vectors(part: { head: number } | { neuron: number }, factor: number): Float64Array {
  const model = structuredClone(encoder)
  const { attentionOutput, output, headSize: D } = model.layers[1]
  const { weight } = 'head' in part ? attentionOutput : output
  if (weight.kind !== 'f32') throw new Error('expected f32')
  const [begin, end] = 'head' in part ? [part.head * D, (part.head + 1) * D] : [part.neuron, part.neuron + 1]
  for (let n = 0; n < weight.N; n++) for (let k = begin; k < end; k++) weight.data[n * weight.K + k] *= factor
  return Float64Array.from(runReference(buildProgram(model, 'embeddings'), packBatch(sequences)))
}

/** Mean over texts of the squared slope of their vectors as the part fades, by central differences. */
function squaredSlope(part: { head: number } | { neuron: number }): number {
  const h = 0.01
  const [up, down] = [vectors(part, 1 + h), vectors(part, 1 - h)]
  return up.reduce((sum, x, i) => sum + ((x - down[i]) / (2 * h)) ** 2, 0) / sequences.length
}

it('is the squared distance that vectors move as a part fades: against differences of the float64 reference', async () => {
  const scores = await firstOrderImportance(encoder, sequences, { batch: 1, draws: 100, threads: 1 })
  // 1200 squares of sums of signs: a deviation of sqrt(2 / 1200) = 4 % at most, five of them allowed
  const expectNear = (found: number, wanted: number): void => {
    expect(Math.abs(found - wanted)).toBeLessThan(0.2 * wanted + 1e-9)
  }
  for (const head of [0, 1, 2, 3]) expectNear(scores[1].heads[head], squaredSlope({ head }))
  for (const neuron of [0, 13, 63]) expectNear(scores[1].neurons[neuron], squaredSlope({ neuron }))
  expect(Math.max(...scores[1].heads)).toBeGreaterThan(1e-6)
})

it('does not depend on how texts are batched, beyond chance, and refuses labels', async () => {
  const [one, all] = await Promise.all(
    [1, 12].map((batch) => firstOrderImportance(encoder, sequences, { batch, draws: batch * 25, threads: 1 })),
  )
  for (const layer of [0, 1])
    one[layer].heads.forEach((score, h) =>
      expect(Math.abs(score - all[layer].heads[h])).toBeLessThan(0.5 * score + 1e-9),
    )
  await expect(firstOrderImportance(encoder, sequences, { labels: sequences.map(() => 0) })).rejects.toThrow(
    'the model has none',
  )
})

it('calibration of an encoder is that of the same layers under a classifier', async () => {
  for (const pooler of [encoder.pooler, null]) {
    const bare = { ...encoder, pooler }
    const found = await calibrate(bare, sequences, { threads: 1 })
    const whole = await calibrate(classifier, sequences, { threads: 1 })
    expect([...found.keys()]).toEqual([...linearLayers(bare)].map(({ stem }) => stem))
    for (const [stem, sums] of found) expect(sums).toEqual(whole.get(stem))
  }
})
