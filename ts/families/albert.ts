// ALBERT: one stored layer (or a few) applied again and again, narrow embedding tables, the projection always there.

import { bert, refuseLikeBert } from './bert.ts'
import type { Family } from './family.ts'

const pooler = { stem: 'albert.pooler', activation: 'tanh' } as const

export const albert: Family = {
  modelTypes: ['albert'],
  classPrefix: 'Albert',
  prefix: 'albert.',
  tensors: {
    word: 'albert.embeddings.word_embeddings',
    position: 'albert.embeddings.position_embeddings',
    type: 'albert.embeddings.token_type_embeddings',
    embeddingNorm: 'albert.embeddings.LayerNorm',
    projection: { stem: 'albert.encoder.embedding_hidden_mapping_in', isAlwaysThere: true },
    layer: (group) => `albert.encoder.albert_layer_groups.${group}.albert_layers.0`,
    linears: {
      query: 'attention.query',
      key: 'attention.key',
      value: 'attention.value',
      attentionOutput: 'attention.dense',
      intermediate: 'ffn',
      output: 'ffn_output',
    },
    norms: { attention: 'attention.LayerNorm', output: 'full_layer_layer_norm' },
  },
  ignored: bert.ignored,
  renamed: bert.renamed,
  positions: 'index',
  head: { dense: pooler, pooler, classifier: 'classifier', tokenClassifier: 'classifier' },
  config: {
    sizes: {
      ...bert.config.sizes,
      embeddingSize: { key: 'embedding_size', otherwise: 128 },
      layerGroups: { key: 'num_hidden_groups', otherwise: 1 },
    },
    activation: { key: 'hidden_act', otherwise: 'gelu_new' },
    written: { pad_token_id: 0, bos_token_id: 2, eos_token_id: 3 },
    refuse: (json) => {
      const inner = json.inner_group_num ?? 1
      if (inner !== 1)
        return `inner_group_num is ${JSON.stringify(inner)}, expected 1; groups of several layers are not computed here`
      return refuseLikeBert(json)
    },
  },
  tokenizer: { lowercase: true },
}
