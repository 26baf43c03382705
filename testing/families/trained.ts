// The models of every family that training takes, with texts for them. Imported by tests only.

import { runReference } from '../../kernels/reference.ts'
import { packBatch } from '../../ts/inference/batches.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { loadModel } from '../../ts/model/load.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'
import { initializeModel } from '../../ts/train/initialize.ts'
import type { TrainExample } from '../../ts/train/options.ts'
import { FIXTURES, type Fixture } from './fixtures.ts'

export const fixture = (name: string): Fixture => FIXTURES.find((found) => found.name === name)!

/** One of each family, and of each problem type. */
export const TRAINED = [
  ...['bert-classification', 'bert-pruned', 'distilbert-classification', 'distilbert-regression'],
  ...['roberta-classification', 'camembert-classification', 'xlm-roberta-classification', 'mpnet-classification'],
  ...['electra-classification', 'albert-classification', 'albert-groups'],
]

/** Training takes tables by vectors of four; the tables of these fixtures are 6 wide: fresh weights, one size larger. */
const TABLE_WIDTH = 8

export interface Opened {
  weights: ModelWeights
  examples: TrainExample[]
  /** PyTorch's, or the float64 reference's of fresh weights */
  logits: ArrayLike<number>
}

export const logitsOf = (weights: ModelWeights, examples: readonly TrainExample[]): Float64Array => {
  const ids = examples.map((example) => example.ids)
  const types = examples.map((example) => example.types!)
  return runReference(buildProgram(weights, 'logits'), packBatch(ids, types))
}

/** Its texts, pairs too, without those with padding tokens among the others; labels and targets are made up. */
export async function opened(name: string): Promise<Opened> {
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
