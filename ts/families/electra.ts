// ELECTRA: BERT's layers; embedding tables that may be narrower than the layers; gelu in the head.

import { bert, refuseLikeBert, tensorsLikeBert } from './bert.ts'
import type { Family } from './family.ts'

export const electra: Family = {
  modelTypes: ['electra'],
  classPrefix: 'Electra',
  prefix: 'electra.',
  tensors: {
    ...tensorsLikeBert('electra'),
    projection: { stem: 'electra.embeddings_project', isAlwaysThere: false },
  },
  ignored: bert.ignored,
  renamed: bert.renamed,
  positions: 'index',
  head: {
    // the class has gelu there whatever summary_activation says
    dense: { stem: 'classifier.dense', activation: 'gelu' },
    pooler: null,
    classifier: 'classifier.out_proj',
    tokenClassifier: 'classifier',
  },
  config: {
    sizes: { ...bert.config.sizes, embeddingSize: { key: 'embedding_size', otherwise: 128 } },
    activation: bert.config.activation,
    written: { pad_token_id: 0 },
    refuse: refuseLikeBert,
  },
  tokenizer: { lowercase: true },
}
