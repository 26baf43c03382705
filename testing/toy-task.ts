// A small classifier and texts that it can learn. Imported by tests only.

import { layoutOf } from '../kernels/train/layout.ts'
import type { BertConfig } from '../ts/model/config.ts'
import type { ModelWeights } from '../ts/model/weights.ts'
import { createRandom } from '../kernels/program/random.ts'
import { parametersOf, shapeOfModel } from '../ts/train/convert.ts'
import type { TrainExample } from '../ts/train/options.ts'

export const TOY: BertConfig = {
  vocabSize: 50,
  hiddenSize: 32,
  layers: 2,
  heads: 2,
  intermediateSize: 64,
  maxPositions: 16,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  labels: ['without', 'with'],
  recipe: '',
  lowercase: true,
}

/** Label 1: token 9 is somewhere among others; label 0: token 7 does. */
export function toy(count: number, seed: number): TrainExample[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const middle = Array.from({ length: 4 + random.int(8) }, () => 10 + random.int(40))
    const label = i % 2
    middle[random.int(middle.length)] = label ? 9 : 7
    return { ids: Int32Array.from([2, ...middle, 3]), label }
  })
}

/** All that is trained: the word table, then the rest. */
export const numbersOf = (model: ModelWeights): Float32Array[] => {
  const { words, rest } = parametersOf(model, layoutOf(shapeOfModel(model)))
  return [words, rest]
}
