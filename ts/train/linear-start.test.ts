import { expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import type { BertConfig } from '../model/config.ts'
import { initializeModel } from './initialize.ts'
import { startLinearly } from './linear-start.ts'
import type { TrainExample } from './options.ts'

const CONFIG: BertConfig = {
  ...{ vocabSize: 40, hiddenSize: 32, layers: 1, heads: 2, intermediateSize: 32, maxPositions: 16, typeVocabSize: 2 },
  ...{ layerNormEpsilon: 1e-12, labels: ['a', 'b'], recipe: '', lowercase: true },
}
const TELLS = 10

/** Ids 10, 11, … say the class, those from 20 on nothing; 2 and 3 are [CLS] and [SEP]. */
function examplesOf(classes: number): TrainExample[] {
  const random = createRandom(1, 'linear start test')
  return Array.from({ length: 300 }, (_, i) => ({
    ids: Int32Array.of(2, 20 + random.int(18), TELLS + (i % classes), 20 + random.int(18), 3),
    label: i % classes,
  }))
}

/** What was added to the row of an id. */
function added(labels: string[], examples: TrainExample[]): (id: number) => Float32Array {
  const model = initializeModel({ ...CONFIG, labels }, 1)
  const begun = startLinearly(model, examples, { seed: 1 })
  const dataOf = (of: typeof model): Float32Array => (of.embeddings.word as { data: Float32Array }).data
  return (id) => Float32Array.from({ length: 32 }, (_, c) => dataOf(begun)[id * 32 + c] - dataOf(model)[id * 32 + c])
}
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i], 0)
const cosine = (a: Float32Array, b: Float32Array): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

it('tells the pieces of two classes apart along one direction, and leaves the others where they were', () => {
  const row = added(['a', 'b'], examplesOf(2))
  expect(cosine(row(TELLS), row(TELLS + 1))).toBeCloseTo(-1, 3)
  const length = Math.sqrt(dot(row(TELLS), row(TELLS)))
  for (let id = 20; id < 38; id++) expect(Math.sqrt(dot(row(id), row(id)))).toBeLessThan(length / 3)
  // pieces that no text has
  for (const id of [0, 2, 3, 5]) expect(dot(row(id), row(id))).toBe(0)
})

it('has the length of the random numbers in the mean over all tokens', () => {
  const examples = examplesOf(2)
  const row = added(['a', 'b'], examples)
  const ids = examples.flatMap(({ ids: of }) => [...of])
  const mean = Math.sqrt(ids.reduce((sum, id) => sum + dot(row(id), row(id)), 0) / ids.length)
  const { word } = initializeModel(CONFIG, 1).embeddings
  const { data } = word as { data: Float32Array }
  expect(mean).toBeCloseTo(Math.sqrt(dot(data, data) / CONFIG.vocabSize), 5)
})

it('has a direction for each of several classes, and does not learn from texts without a label', () => {
  const examples = examplesOf(3)
  const row = added(['a', 'b', 'c'], examples)
  for (const [i, j] of [
    [0, 1],
    [1, 2],
    [0, 2],
  ])
    expect(cosine(row(TELLS + i), row(TELLS + j))).toBeLessThan(0.5)
  const more = [...examples, { ids: Int32Array.of(2, 5, 3), label: -1 }]
  const again = added(['a', 'b', 'c'], more)
  expect(again(TELLS)).toEqual(row(TELLS))
  expect(dot(again(5), again(5))).toBe(0)
})
