// Logistic regression on words and characters: with naive Bayes the floor that a model with attention must pass, and a teacher
// for one that starts from random weights.

import { createRandom } from '../../kernels/program/random.ts'
import type { LabelledText } from '../data/examples.ts'
import { FEATURES, fitFeatures, type Features } from './features.ts'

export interface LinearClassifier {
  /** The most likely class; the lower one where two are equally likely. */
  classify(text: string): number
}

/** More learn the training texts by heart: SST-2's accuracy is 0.84 after 5 and 0.83 after 12. */
const EPOCHS = 5
const RATE = 0.3
/** Adagrad's first sum of squares: keeps the first steps small. */
const START = 1e-3
const BIAS_RATE = 0.01

/**
 * Trains multinomial logistic regression by Adagrad, one text a step; two classes share one row of weights.
 * @param classes number of classes; labels lie in [0, classes)
 * @param options seed of the order of the texts
 * @throws where there is no example
 */
export function trainLogisticRegression(
  examples: LabelledText[],
  classes: number,
  { seed }: { seed: number },
): LinearClassifier {
  if (examples.length === 0) throw new Error('logistic regression: no examples; expected at least one')
  const { train, read } = fitFeatures(examples.map(({ text }) => text))
  const order = Uint32Array.from(examples, (_, i) => i)
  const model = fit(train, examples, order, classes, seed)
  return {
    classify(text) {
      const scores = model.scores(read(text))
      if (scores.length === 1) return scores[0] > 0 ? 1 : 0
      return scores.indexOf(Math.max(...scores))
    },
  }
}

/** Parts that the texts are cut into, each of which is said by a regression that was trained on the others. */
const CROSS_FITTED_PARTS = 5

/**
 * What logistic regression says of its own training texts without having learned their labels: the texts are cut into parts,
 * and each part is said by a regression that was trained on the other parts. Texts without a label (-1) are said by one that was
 * trained on all that have one. How rare a feature is, is counted in all texts, labels apart.
 * @param classes number of classes; labels lie in [0, classes), or are -1
 * @param options seed of the parts and of the order of the texts; pause: called between two regressions, a chance for the
 *   caller's timers, and to stop
 * @returns logits, f32 [examples, classes]
 * @throws where fewer texts have a label than there are parts
 */
export async function crossFittedLogits(
  examples: LabelledText[],
  classes: number,
  { seed, pause = () => Promise.resolve() }: { seed: number; pause?: () => Promise<void> },
): Promise<Float32Array> {
  const labelled = Uint32Array.from(examples.flatMap(({ label }, i) => (label >= 0 ? [i] : [])))
  if (labelled.length < CROSS_FITTED_PARTS)
    throw new Error(
      `logistic regression as teacher: ${labelled.length} texts with a label; expected at least ${CROSS_FITTED_PARTS}`,
    )
  const { train } = fitFeatures(examples.map(({ text }) => text))
  const logits = new Float32Array(examples.length * classes)
  const say = (model: Linear, i: number): void => {
    const scores = model.scores(train[i])
    // one row is the second class's lead
    if (scores.length === 1) logits.set([-scores[0] / 2, scores[0] / 2], i * classes)
    else logits.set(scores, i * classes)
  }
  const order = createRandom(seed, 'cross-fitting').shuffle(labelled.slice())
  for (let part = 0; part < CROSS_FITTED_PARTS; part++) {
    await pause()
    const others = order.filter((_, at) => at % CROSS_FITTED_PARTS !== part)
    const model = fit(train, examples, others, classes, seed)
    for (let at = part; at < order.length; at += CROSS_FITTED_PARTS) say(model, order[at])
  }
  if (labelled.length < examples.length) {
    await pause()
    const model = fit(train, examples, labelled, classes, seed)
    examples.forEach(({ label }, i) => label < 0 && say(model, i))
  }
  return logits
}

/** Learns the examples whose numbers are in `numbers`, whose order is changed. */
function fit(
  features: Features[],
  examples: LabelledText[],
  numbers: Uint32Array,
  classes: number,
  seed: number,
): Linear {
  const model = new Linear(FEATURES, classes === 2 ? 1 : classes)
  const random = createRandom(seed, 'logistic regression')
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    for (const i of random.shuffle(numbers)) model.learn(features[i], examples[i].label)
  return model
}

/** Weights [features, rows] and a bias of each row; Adagrad's sums of squares beside them. */
export class Linear {
  readonly #rows: number
  /** f32 [features, rows] */
  readonly weights: Float32Array
  readonly #squares: Float32Array
  readonly #bias: Float32Array
  readonly #scores: Float64Array

  /** @param features how many there are; ids lie in [0, features) */
  constructor(features: number, rows: number) {
    this.#rows = rows
    this.weights = new Float32Array(features * rows)
    this.#squares = new Float32Array(features * rows).fill(START)
    this.#bias = new Float32Array(rows)
    this.#scores = new Float64Array(rows)
  }

  /** One number a row; the caller must not keep the array. */
  scores({ ids, values }: Features): Float64Array {
    const scores = this.#scores
    const [rows, weights] = [this.#rows, this.weights]
    for (let r = 0; r < rows; r++) {
      let sum = this.#bias[r]
      for (let i = 0; i < ids.length; i++) sum += weights[ids[i] * rows + r] * values[i]
      scores[r] = sum
    }
    return scores
  }

  learn(features: Features, label: number): void {
    const { ids, values } = features
    const rows = this.#rows
    const errors = this.#errors(this.scores(features), label)
    for (let r = 0; r < rows; r++) {
      const error = errors[r]
      for (let i = 0; i < ids.length; i++) {
        const at = ids[i] * rows + r
        const gradient = error * values[i]
        this.#squares[at] += gradient * gradient
        this.weights[at] -= (RATE * gradient) / Math.sqrt(this.#squares[at])
      }
      this.#bias[r] -= BIAS_RATE * error
    }
  }

  /** Probability less target, in place of the scores. */
  #errors(scores: Float64Array, label: number): Float64Array {
    if (this.#rows === 1) {
      scores[0] = 1 / (1 + Math.exp(-scores[0])) - label
      return scores
    }
    const most = Math.max(...scores)
    let sum = 0
    for (let r = 0; r < scores.length; r++) sum += scores[r] = Math.exp(scores[r] - most)
    for (let r = 0; r < scores.length; r++) scores[r] = scores[r] / sum - (r === label ? 1 : 0)
    return scores
  }
}
