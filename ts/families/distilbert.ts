// DistilBERT: BERT's layers under other names, no token types, ReLU in the head.

import { bert, refuseDecoders } from './bert.ts'
import type { Family } from './family.ts'

export const distilbert: Family = {
  modelTypes: ['distilbert'],
  classPrefix: 'DistilBert',
  prefix: 'distilbert.',
  tensors: {
    word: 'distilbert.embeddings.word_embeddings',
    position: 'distilbert.embeddings.position_embeddings',
    type: null,
    embeddingNorm: 'distilbert.embeddings.LayerNorm',
    layer: (index) => `distilbert.transformer.layer.${index}`,
    linears: {
      query: 'attention.q_lin',
      key: 'attention.k_lin',
      value: 'attention.v_lin',
      attentionOutput: 'attention.out_lin',
      intermediate: 'ffn.lin1',
      output: 'ffn.lin2',
    },
    norms: { attention: 'sa_layer_norm', output: 'output_layer_norm' },
  },
  ignored: bert.ignored,
  renamed: [],
  positions: 'index',
  head: {
    dense: { stem: 'pre_classifier', activation: 'relu' },
    pooler: null,
    classifier: 'classifier',
    tokenClassifier: 'classifier',
  },
  config: {
    sizes: {
      vocabSize: { key: 'vocab_size' },
      hiddenSize: { key: 'dim' },
      layers: { key: 'n_layers' },
      heads: { key: 'n_heads' },
      intermediateSize: { key: 'hidden_dim' },
      maxPositions: { key: 'max_position_embeddings', otherwise: 512 },
      typeVocabSize: { fixed: 1 },
      layerNormEpsilon: { fixed: 1e-12 },
    },
    activation: { key: 'activation', otherwise: 'gelu' },
    written: { pad_token_id: 0 },
    refuse: refuseDecoders,
  },
  tokenizer: { lowercase: true },
}
