// How far the vectors of an embedder would move without a head or a neuron, to first order.
//
// Taking a part out moves the vector v_b of text b by J_b d, with d minus the part's weights. The squared distance
// |J_b d|^2 is what counts, but its gradient is zero at the model itself. So it is estimated by random projections
// (Hutchinson): with z_b of independent signs, E (sum over b of z_b . J_b d)^2 = sum over b of |J_b d|^2, since the signs of
// different texts and channels do not meet. One backward pass of sum z_b . v_b gives the inner sum for all parts at once, as
// minus the sum of gradient times weight. The score is the mean of its squares over batches and draws, divided by the texts of
// a batch: the mean squared distance; of vectors of length 1 twice what their cosine loses.

import { TrainSession } from '../../kernels/train/session.ts'
import { applicationsOf } from '../../kernels/train/layout.ts'
import { createRandom } from '../../kernels/program/random.ts'
import type { Importance } from '../compress/structure.ts'
import type { PoolingRule } from '../inference/pooling.ts'
import type { ModelWeights } from '../model/weights.ts'
import { joinSequences } from './batches.ts'
import { parametersOf, shapeOfModel } from './convert.ts'
import { emptyImportance, partProducts } from './part-products.ts'
import { pooledSlopes } from './pooled-slope.ts'
import { checkPadding } from './trainable.ts'
import { withHead } from './zero-head.ts'

export interface VectorImportanceOptions {
  /** how a text's rows become its vector; their mean, divided by its length, where not given. Not read of a classifier */
  vectors?: PoolingRule
  /** random directions for each text, 2; of the square of each batch's sum the relative deviation is sqrt(2). Not read of a classifier */
  draws?: number
  /** of the directions; 1 */
  seed?: number
  /** token types of each sequence; all 0 where not given */
  types?: readonly Int32Array[]
  /** sequences per batch; 8 of a model without a classifier: every batch is a sample */
  batch?: number
  /** CPU threads; the engine's cores, at most 8 */
  threads?: number
  signal?: AbortSignal
  progress?: (done: number, total: number) => void
}

/**
 * Mean squared distance, to first order, that the vectors of `sequences` move without a head or a neuron.
 * @param model dense f32
 * @param sequences token ids; some hundred texts are enough
 * @returns scores per layer, comparable across layers
 * @throws where the model is compressed already, or there are no sequences
 */
export async function vectorImportance(
  model: ModelWeights,
  sequences: readonly Int32Array[],
  options: VectorImportanceOptions = {},
): Promise<Importance[]> {
  const { vectors = { pooling: 'mean', normalize: true }, draws = 2, seed = 1, types, batch = 8 } = options
  const { threads, signal, progress } = options
  if (sequences.length === 0) throw new Error('importance: there are no texts; give some of the training part')
  if (!(Number.isInteger(draws) && draws >= 1))
    throw new Error(`importance: ${draws} draws, expected a whole number from 1`)
  checkPadding(model.config, sequences)
  const whole = withHead(model)
  const own = shapeOfModel(whole)
  const { hidden: C } = own
  const last = applicationsOf(own).length
  const shape = { ...own, matches: [{ layer: last, width: C, isProjected: false }] }
  const session = await TrainSession.create(shape, threads ? { threads } : {})
  const scores = emptyImportance(shape)
  const random = createRandom(seed, 'directions of vectors')
  const share = 1 / (sequences.length * draws)
  try {
    const parameters = parametersOf(whole, session.layout)
    session.setParameters(parameters)
    for (let begin = 0; begin < sequences.length; begin += batch) {
      signal?.throwIfAborted()
      const joined = joinSequences(sequences.slice(begin, begin + batch), types?.slice(begin, begin + batch))
      const B = joined.offsets.length - 1
      const [rows] = await session.hiddenStates(joined, [last])
      for (let draw = 0; draw < draws; draw++) {
        const directions = Float32Array.from({ length: B * C }, () => (random.next() < 0.5 ? -1 : 1))
        await session.step(
          joined,
          goalOfSlopes(rows, pooledSlopes(rows, joined.offsets, directions, vectors), B),
          null,
          null,
        )
        const products = partProducts(session.layout, parameters.rest, session.gradients().rest)
        products.forEach(({ heads, outgoing }, i) => {
          heads.forEach((x, h) => (scores[i].heads[h] += share * x * x))
          outgoing.forEach((x, f) => (scores[i].neurons[f] += share * x * x))
        })
      }
      progress?.(begin + B, sequences.length)
    }
  } finally {
    await session.dispose()
  }
  return scores
}

/**
 * A goal whose gradient at the rows is `slopes`: the mean square between rows and a state that is off by half of M C slopes,
 * whose own gradient is 2 / (M C) times the offset. Texts have no label, so the head adds nothing.
 */
function goalOfSlopes(rows: Float32Array, slopes: Float32Array, B: number) {
  const half = rows.length / 2
  return {
    target: new Float32Array(2 * B),
    teacher: null,
    alpha: 1,
    temperature: 1,
    states: { weight: 1, teacher: [rows.map((x, i) => x - half * slopes[i])] },
  }
}
