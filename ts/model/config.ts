// What a model is beside its weights, and the presets.

import type { EncoderSizes } from '../families/family.ts'
import type { TextPreparation } from '../text/preparation.ts'

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
  /** labels do not exclude one another: scores by sigmoid, not softmax (problem_type multi_label_classification) */
  multiLabel?: boolean
  /** how the texts that the model learned from were prepared; not there: not at all */
  preparation?: TextPreparation
}

export interface Preset extends Omit<BertConfig, 'labels' | 'recipe' | 'preparation'> {
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
