// MPNet: BERT's layers under other names, RoBERTa's positions and head, and a bias by distance in attention.

import { bert, refuseDecoders } from './bert.ts'
import type { Family } from './family.ts'

/** From this distance on all are alike. */
const FARTHEST = 128

/**
 * The row of a distance key - query. The upper half of the rows is for keys after the query. In each half the first half is
 * for the shortest distances, one row each; the rest divides the logarithms of the longer ones, up to FARTHEST.
 */
function bucketOf(distance: number, buckets: number): number {
  const half = Math.floor(buckets / 2)
  const exact = Math.floor(half / 2)
  const [far, start] = [Math.abs(distance), distance > 0 ? half : 0]
  if (far < exact) return start + far
  const share = Math.log2(far / exact) / Math.log2(FARTHEST / exact)
  return start + Math.min(half - 1, exact + Math.floor(share * (half - exact)))
}

export const mpnet: Family = {
  modelTypes: ['mpnet'],
  classPrefix: 'MPNet',
  prefix: 'mpnet.',
  tensors: {
    word: 'mpnet.embeddings.word_embeddings',
    position: 'mpnet.embeddings.position_embeddings',
    type: null,
    embeddingNorm: 'mpnet.embeddings.LayerNorm',
    layer: (index) => `mpnet.encoder.layer.${index}`,
    linears: {
      query: 'attention.attn.q',
      key: 'attention.attn.k',
      value: 'attention.attn.v',
      attentionOutput: 'attention.attn.o',
      intermediate: 'intermediate.dense',
      output: 'output.dense',
    },
    norms: { attention: 'attention.LayerNorm', output: 'output.LayerNorm' },
  },
  ignored: bert.ignored,
  renamed: bert.renamed,
  positions: 'after-padding',
  distances: { stem: 'mpnet.encoder.relative_attention_bias', bucketOf },
  head: {
    dense: { stem: 'classifier.dense', activation: 'tanh' },
    pooler: { stem: 'mpnet.pooler.dense', activation: 'tanh' },
    classifier: 'classifier.out_proj',
    tokenClassifier: 'classifier',
  },
  config: {
    sizes: {
      ...bert.config.sizes,
      typeVocabSize: { fixed: 1 },
      distanceBuckets: { key: 'relative_attention_num_buckets', otherwise: 32 },
    },
    activation: bert.config.activation,
    written: { pad_token_id: 1, bos_token_id: 0, eos_token_id: 2 },
    refuse: refuseDecoders,
  },
  tokenizer: { lowercase: true },
}
