// What sets one family of encoders apart from another: the names that its files use, the tables and the head that it has,
// and how its config.json is read. One family is one file of this folder and one line of index.ts; everything else in ts
// asks a `Family` and holds no name of a tensor.

import type { Activation } from '../../kernels/program/program.ts'

export const LAYER_LINEARS = ['query', 'key', 'value', 'attentionOutput', 'intermediate', 'output'] as const
/** The linear layers of one encoder layer. */
export type LayerLinear = (typeof LAYER_LINEARS)[number]

/** The numbers of config.json that give an encoder its shape. */
export interface EncoderSizes {
  vocabSize: number
  /** C */
  hiddenSize: number
  /** L */
  layers: number
  /** H, before any head was pruned */
  heads: number
  /** F, before any neuron was pruned */
  intermediateSize: number
  /** longest sequence, special tokens included */
  maxPositions: number
  /** 1 where the family has no token types */
  typeVocabSize: number
  layerNormEpsilon: number
  /** E, the width of the embedding tables; C where not given */
  embeddingSize?: number
  /** layers that are stored, each of which is applied L / G times in a row; L where not given */
  layerGroups?: number
  /** rows of the table that gives attention a bias by distance; no such table where not given */
  distanceBuckets?: number
}

/** The sizes that a family may lack. */
export type OptionalSize = 'embeddingSize' | 'layerGroups' | 'distanceBuckets'

/**
 * Where config.json has a number, and what it is where the file does not say; without `otherwise` the file must say.
 * `fixed`: the family has no such key, since the number is always the same.
 */
export type ConfigField = { key: string; otherwise?: number } | { fixed: number }

/** A dense layer on the first token's row [C, C] and what follows it. */
export interface HeadLayer {
  /** tensor stem */
  stem: string
  activation: Activation
}

/** Tensor stems in full, e.g. `bert.embeddings.word_embeddings`, to which files add `.weight` and `.bias`. */
export interface TensorNames {
  word: string
  position: string
  /** null: no file has the table, and in memory it is one row of zeros */
  type: string | null
  embeddingNorm: string
  /** the linear layer from the tables' width to C, which files have where the two differ, or always; not there: never */
  projection?: { stem: string; isAlwaysThere: boolean }
  /** what the names of one stored layer's tensors begin with, e.g. `bert.encoder.layer.0` */
  layer: (index: number) => string
  /** after the layer's own stem and a dot */
  linears: Record<LayerLinear, string>
  /** after the layer's own stem and a dot */
  norms: { attention: string; output: string }
}

export interface Family {
  /** `model_type` of config.json; the first one is written where a model does not name another */
  modelTypes: readonly string[]
  /** what the names of transformers' classes begin with: `Bert` of `BertForSequenceClassification` */
  classPrefix: string
  /** before the names of the encoder's tensors; files of a bare encoder may leave it out */
  prefix: string
  tensors: TensorNames
  /** tensors that some files have and no model needs, by their names in the file */
  ignored: RegExp
  /** older names of tensors: pattern, and what takes its place */
  renamed: readonly (readonly [RegExp, string])[]
  /**
   * Which row of the position table a token has. 'index': its index in the sequence. 'after-padding': the padding token has
   * the row of its own id, the others count from the row after that one and pass over padding
   */
  positions: 'index' | 'after-padding'
  /** the table [buckets, H] that gives attention a bias by the distance key - query, and the row of a distance */
  distances?: { stem: string; bucketOf: (distance: number, buckets: number) => number }
  head: {
    /** between the first token's row and the classifier */
    dense: HeadLayer
    /** the same of an encoder without a classifier; null where it has none */
    pooler: HeadLayer | null
    /** tensor stem of the classifier [labels, C] of whole texts */
    classifier: string
    /** tensor stem of the classifier [labels, C] of tokens, which reads the encoder's rows */
    tokenClassifier: string
  }
  config: {
    sizes: Record<Exclude<keyof EncoderSizes, OptionalSize>, ConfigField> & Partial<Record<OptionalSize, ConfigField>>
    /** of the feed-forward layers */
    activation: { key: string; otherwise: string }
    /** what config.json holds beside sizes, activation and labels, for other readers */
    written: Readonly<Record<string, unknown>>
    /** what this library does not compute, in words; null where it computes all that config.json asks for */
    refuse: (json: Readonly<Record<string, unknown>>) => string | null
  }
  /** where the tokenizer's own files do not say */
  tokenizer: { lowercase: boolean }
}
