// BERT, and the encoders that differ from it in numbers alone: MiniLM, multilingual BERT, BERT miniatures.

import type { Family, TensorNames } from './family.ts'

/** The names of families that keep BERT's own behind another prefix. */
export const tensorsLikeBert = (prefix: string): TensorNames => ({
  word: `${prefix}.embeddings.word_embeddings`,
  position: `${prefix}.embeddings.position_embeddings`,
  type: `${prefix}.embeddings.token_type_embeddings`,
  embeddingNorm: `${prefix}.embeddings.LayerNorm`,
  layer: (index) => `${prefix}.encoder.layer.${index}`,
  linears: {
    query: 'attention.self.query',
    key: 'attention.self.key',
    value: 'attention.self.value',
    attentionOutput: 'attention.output.dense',
    intermediate: 'intermediate.dense',
    output: 'output.dense',
  },
  norms: { attention: 'attention.output.LayerNorm', output: 'output.LayerNorm' },
})

type Json = Readonly<Record<string, unknown>>

/** A decoder has another mask in its attention, and layers that look at an encoder. */
export function refuseDecoders(json: Json): string | null {
  for (const key of ['is_decoder', 'add_cross_attention'])
    if (json[key] === true) return `${key} is true, expected an encoder; decoders are not computed here`
  return null
}

/** What no encoder of this library computes; `relative_key` changes the attention. */
export function refuseLikeBert(json: Json): string | null {
  const positions = json.position_embedding_type ?? 'absolute'
  if (positions !== 'absolute')
    return `position_embedding_type is ${JSON.stringify(positions)}, expected "absolute"; relative positions are not computed here`
  return refuseDecoders(json)
}

const pooler = { stem: 'bert.pooler.dense', activation: 'tanh' } as const

export const bert: Family = {
  modelTypes: ['bert'],
  classPrefix: 'Bert',
  prefix: 'bert.',
  tensors: tensorsLikeBert('bert'),
  ignored: /(^|\.)embeddings\.position_ids$/,
  // files converted from TensorFlow
  renamed: [
    [/\.LayerNorm\.gamma$/, '.LayerNorm.weight'],
    [/\.LayerNorm\.beta$/, '.LayerNorm.bias'],
  ],
  positions: 'index',
  head: { dense: pooler, pooler, classifier: 'classifier', tokenClassifier: 'classifier' },
  config: {
    sizes: {
      vocabSize: { key: 'vocab_size' },
      hiddenSize: { key: 'hidden_size' },
      layers: { key: 'num_hidden_layers' },
      heads: { key: 'num_attention_heads' },
      intermediateSize: { key: 'intermediate_size' },
      maxPositions: { key: 'max_position_embeddings', otherwise: 512 },
      typeVocabSize: { key: 'type_vocab_size', otherwise: 2 },
      layerNormEpsilon: { key: 'layer_norm_eps', otherwise: 1e-12 },
    },
    activation: { key: 'hidden_act', otherwise: 'gelu' },
    written: { pad_token_id: 0 },
    refuse: refuseLikeBert,
  },
  tokenizer: { lowercase: true },
}
