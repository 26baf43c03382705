// What a budget measures models by: of a classifier F1 on labelled texts, of an embedder the cosine to the vectors of the
// uncompressed model.

import type { ModelWeights } from '../model/weights.ts'
import type { Device } from '../../kernels/program/device.ts'
import { compareVectors, type VectorScores } from '../evaluation/vectors.ts'
import { f1Interval, mcnemar, relativeLoss, scorePredictions, type RelativeLoss } from '../evaluation/statistics.ts'
import type { Features } from '../inference/embedder.ts'
import { predict, logitsOf } from '../inference/logits.ts'
import { wholeVectors } from '../inference/whole-vectors.ts'
import type { BudgetTexts } from './texts.ts'

export interface LedgerScore {
  f1: number
  f1Low: number
  f1High: number
}

/** What the finished model says beside the one before; one of the two is null. */
export interface LedgerQuality {
  /** of classifiers */
  f1: { before: LedgerScore; after: LedgerScore; loss: RelativeLoss; mcnemarP: number } | null
  /** of models without a classifier: their vectors beside those before */
  vectors: VectorScores | null
}

export interface BudgetQuality {
  /** F1, or the mean cosine to the model before */
  of(model: ModelWeights): Promise<number>
  /** what a search for a loss must keep of it */
  least(share: number): number
  /** of what `least` is, in words */
  name: string
  compare(made: ModelWeights): Promise<LedgerQuality>
}

export interface QualityInput {
  model: ModelWeights
  texts: BudgetTexts
  device: Device
  seed: number
  signal?: AbortSignal
}

/** @throws where the texts are none that the model can be measured with */
export async function openBudgetQuality(input: QualityInput): Promise<BudgetQuality> {
  return input.model.classifier ? ofClasses(input) : ofVectors(input)
}

async function ofClasses({ model, texts, device, seed, signal }: QualityInput): Promise<BudgetQuality> {
  const { labels: expected, development } = texts
  if (!expected) throw new Error('a budget of a classifier is decided by its F1: give texts with labels')
  const labels = model.config.labels.length
  const classify = async (of: ModelWeights): Promise<Int32Array> =>
    predict(await logitsOf(device, of, development, { signal }), labels)
  const f1Of = (said: Int32Array): number => scorePredictions(expected, said, labels).f1
  const scoreOf = (said: Int32Array): LedgerScore => {
    const { low, high } = f1Interval(expected, said, labels, { seed })
    return { f1: f1Of(said), f1Low: low, f1High: high }
  }
  const before = await classify(model)
  return {
    name: 'F1',
    least: (share) => f1Of(before) * (1 - share),
    of: async (made) => f1Of(await classify(made)),
    async compare(made) {
      const after = await classify(made)
      const loss = relativeLoss(expected, before, after, labels, { seed })
      const mcnemarP = mcnemar(expected, before, after).p
      return { f1: { before: scoreOf(before), after: scoreOf(after), loss, mcnemarP }, vectors: null }
    },
  }
}

async function ofVectors({ model, texts, device, seed, signal }: QualityInput): Promise<BudgetQuality> {
  const { reading, development: ids } = texts
  if (!reading)
    throw new Error('a budget of an embedder is decided by its vectors: texts.reading says how they are made')
  const { rule, tokenizer } = reading
  const vectorsOf = (of: ModelWeights): Promise<Features> =>
    wholeVectors(device, of, { ids, tokenizer }, rule, { signal })
  const before = await vectorsOf(model)
  const compared = async (made: ModelWeights): Promise<VectorScores> =>
    compareVectors(before, await vectorsOf(made), { seed })
  return {
    name: 'mean cosine',
    least: (share) => 1 - share,
    of: async (made) => (await compared(made)).cosine!.mean,
    compare: async (made) => ({ f1: null, vectors: await compared(made) }),
  }
}
