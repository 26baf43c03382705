// Where word vectors begin: random numbers, and along one direction for each class (one for two classes) what logistic
// regression on the word pieces found. A model with random weights spends its first passes on finding which words tell the
// classes apart; so begun it knows that from its first step, and learns the rest.

import { createRandom } from '../../kernels/program/random.ts'
import { Linear } from '../evaluation/logistic-regression.ts'
import type { Features } from '../evaluation/features.ts'
import type { ModelWeights } from '../model/weights.ts'
import { dropPieces, type PieceDropout } from './pieces.ts'
import type { TrainExample } from './options.ts'

const PASSES = 5

/** What the notes of a training call it. */
export const LINEAR_START_WORDS = 'word vectors begun with logistic regression on their pieces'

/**
 * The same model with other word vectors: beside its random numbers each has, along a direction that is random too, the weight
 * of its piece, as long in the mean over all tokens of the texts as the random numbers are.
 * @param examples of classes; those without a label are left out
 * @param pieceDropout as the training has it: the regression reads another spelling in each pass, so that parts of pieces have
 *   weights as well
 */
export function startLinearly(
  model: ModelWeights,
  examples: readonly TrainExample[],
  { seed, pieceDropout = null }: { seed: number; pieceDropout?: PieceDropout | null },
): ModelWeights {
  const { word } = model.embeddings
  if (word.kind !== 'f32') throw new Error(`linear start: the word table is ${word.kind}; expected f32`)
  const { rows: V, width: E } = word
  const labelled = examples.filter(({ label }) => label >= 0)
  const classes = model.config.labels.length
  const rows = classes === 2 ? 1 : classes
  const linear = new Linear(V, rows)
  const random = createRandom(seed, 'linear start')
  const order = Uint32Array.from(labelled, (_, i) => i)
  for (let pass = 0; pass < PASSES; pass++)
    for (const i of random.shuffle(order)) {
      const { ids, label } = labelled[i]
      const read = pieceDropout ? dropPieces({ ids }, pieceDropout, Infinity, random).ids : ids
      linear.learn(pieceFeatures(read), label)
    }
  const data = Float32Array.from(word.data)
  const randomLength = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / V)
  for (let r = 0; r < rows; r++) {
    const direction = Float32Array.from({ length: E }, () => (random.next() < 0.5 ? -1 : 1) / Math.sqrt(E))
    const rms = rootMeanSquare(labelled, (id) => linear.weights[id * rows + r])
    if (rms === 0) continue
    for (let id = 0; id < V; id++) {
      const length = (randomLength * linear.weights[id * rows + r]) / rms
      for (let c = 0; c < E; c++) data[id * E + c] += length * direction[c]
    }
  }
  return { ...model, embeddings: { ...model.embeddings, word: { ...word, data } } }
}

/** Pieces between [CLS] and [SEP] with 1 + log(count), scaled to length 1. */
function pieceFeatures(ids: Int32Array): Features {
  const counts = new Map<number, number>()
  for (let m = 1; m < ids.length - 1; m++) counts.set(ids[m], (counts.get(ids[m]) ?? 0) + 1)
  const values = Float32Array.from(counts.values(), (times) => 1 + Math.log(times))
  const length = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))
  return { ids: Uint32Array.from(counts.keys()), values: values.map((x) => x / length) }
}

/** Over all tokens of the texts. */
function rootMeanSquare(examples: readonly TrainExample[], weightOf: (id: number) => number): number {
  let [sum, tokens] = [0, 0]
  for (const { ids } of examples) {
    for (const id of ids) sum += weightOf(id) ** 2
    tokens += ids.length
  }
  return tokens === 0 ? 0 : Math.sqrt(sum / tokens)
}
