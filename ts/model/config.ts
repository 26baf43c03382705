// What a model is beside its weights, and the presets.

import type { Activation } from '../../kernels/program/program.ts'
import type { EncoderSizes } from '../families/family.ts'
import type { TextPreparation } from '../text/preparation.ts'

export const PROBLEM_TYPES = ['regression', 'single_label_classification', 'multi_label_classification'] as const
/** What the outputs of a classifier are: numbers, or scores of labels of which one holds, or of which any number may hold. */
export type ProblemType = (typeof PROBLEM_TYPES)[number]

/** The part of Hugging Face's config.json that an encoder needs, of BERT's family unless `family` says otherwise. */
export interface BertConfig extends EncoderSizes {
  /** `model_type` of a family other than BERT (ts/families/index.ts), which is where its files' names come from */
  family?: string
  /** label names by id; empty for a bare encoder */
  labels: string[]
  /** recipe steps applied so far, e.g. 'sp80x4+q8+e8'; '' for none */
  recipe: string
  /** what the tokenizer needs where there is no tokenizer.json */
  lowercase: boolean
  /** what feed-forward layers compute between their two products; gelu where not given */
  activation?: Activation
  /** the classifier reads the rows of all tokens; where not given, the first token's after the head's dense layer */
  task?: 'token-classification'
  /** problem_type as config.json has it; where it has none, one label of several holds */
  problemType?: ProblemType
  /** the padding token's id, in families whose positions pass over padding (`Family.positions`) */
  paddingId?: number
  /** pruned_heads: heads that other libraries took out of layers, by layer; their tensors are smaller */
  prunedHeads?: Readonly<Record<number, readonly number[]>>
  /** what config.json has beside all this; it is written again as it came */
  kept?: Readonly<Record<string, unknown>>
  /** how the texts that the model learned from were prepared; not there: not at all */
  preparation?: TextPreparation
}

/** What a model's outputs are; one output that is called nothing is a number, as transformers trains it. */
export const problemTypeOf = ({ problemType, labels }: Pick<BertConfig, 'problemType' | 'labels'>): ProblemType =>
  problemType ?? (labels.length === 1 ? 'regression' : 'single_label_classification')

export interface Preset extends Omit<BertConfig, 'labels' | 'recipe' | 'preparation' | 'kept'> {
  name: string
}

const bert = { maxPositions: 512, typeVocabSize: 2, layerNormEpsilon: 1e-12 }

/** Shapes of known models; their weights are seeded random numbers: for size and latency where none can be had. */
export const PRESETS: Record<string, Preset> = {
  mbert: {
    name: 'mbert',
    ...bert,
    vocabSize: 119547,
    hiddenSize: 768,
    layers: 12,
    heads: 12,
    intermediateSize: 3072,
    lowercase: false,
  },
  'bert-base': {
    name: 'bert-base',
    ...bert,
    vocabSize: 30522,
    hiddenSize: 768,
    layers: 12,
    heads: 12,
    intermediateSize: 3072,
    lowercase: true,
  },
  minilm: {
    name: 'minilm',
    ...bert,
    vocabSize: 30522,
    hiddenSize: 384,
    layers: 6,
    heads: 12,
    intermediateSize: 1536,
    lowercase: true,
  },
  mini: {
    name: 'mini',
    ...bert,
    vocabSize: 30522,
    hiddenSize: 256,
    layers: 4,
    heads: 4,
    intermediateSize: 1024,
    lowercase: true,
  },
  tiny: {
    name: 'tiny',
    ...bert,
    vocabSize: 30522,
    hiddenSize: 128,
    layers: 2,
    heads: 2,
    intermediateSize: 512,
    lowercase: true,
  },
  distilbert: {
    name: 'distilbert',
    family: 'distilbert',
    ...bert,
    typeVocabSize: 1,
    vocabSize: 30522,
    hiddenSize: 768,
    layers: 6,
    heads: 12,
    intermediateSize: 3072,
    lowercase: true,
  },
  'xlm-roberta': {
    name: 'xlm-roberta',
    family: 'xlm-roberta',
    vocabSize: 250002,
    hiddenSize: 768,
    layers: 12,
    heads: 12,
    intermediateSize: 3072,
    maxPositions: 512,
    typeVocabSize: 1,
    layerNormEpsilon: 1e-5,
    paddingId: 1,
    lowercase: false,
  },
  // fits the four student rows of the study (ts/report/paper-sizes.ts); layers and width are those of a BERT miniature
  'study-student': {
    name: 'study-student',
    ...bert,
    maxPositions: 128,
    vocabSize: 4650,
    hiddenSize: 128,
    layers: 10,
    heads: 2,
    intermediateSize: 512,
    lowercase: false,
  },
}
