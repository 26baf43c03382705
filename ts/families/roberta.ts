// RoBERTa, CamemBERT, XLM-R: BERT's layers; positions that pass over padding; a dense layer and tanh in the head.

import { bert, refuseLikeBert, tensorsLikeBert } from './bert.ts'
import type { Family } from './family.ts'

/** The families differ in the names of their classes; all of them call their tensors after RoBERTa. */
const likeRoberta = (modelType: string, classPrefix: string): Family => ({
  modelTypes: [modelType],
  classPrefix,
  prefix: 'roberta.',
  tensors: tensorsLikeBert('roberta'),
  ignored: bert.ignored,
  renamed: bert.renamed,
  positions: 'after-padding',
  head: {
    dense: { stem: 'classifier.dense', activation: 'tanh' },
    pooler: { stem: 'roberta.pooler.dense', activation: 'tanh' },
    classifier: 'classifier.out_proj',
    tokenClassifier: 'classifier',
  },
  config: {
    sizes: {
      ...bert.config.sizes,
      maxPositions: { key: 'max_position_embeddings', otherwise: 514 },
      typeVocabSize: { key: 'type_vocab_size', otherwise: 1 },
      layerNormEpsilon: { key: 'layer_norm_eps', otherwise: 1e-5 },
    },
    activation: bert.config.activation,
    written: { pad_token_id: 1, bos_token_id: 0, eos_token_id: 2 },
    refuse: refuseLikeBert,
  },
  tokenizer: { lowercase: false },
})

export const roberta = likeRoberta('roberta', 'Roberta')
export const camembert = likeRoberta('camembert', 'Camembert')
export const xlmRoberta = likeRoberta('xlm-roberta', 'XLMRoberta')
