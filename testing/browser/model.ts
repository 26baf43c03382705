// A small classifier with a tokenizer, for pages to load.

import { encodeModel } from '../../ts/model/save.ts'
import { randomModel } from '../../ts/model/preset.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'

export const TEXTS = ['the film was good', 'a dull plot and bad sound', 'not bad at all, quite the opposite !']

const WORDS = 'the a film was good dull plot and bad sound not at all , quite opposite ! ##s ##ing'.split(' ')
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'].flatMap((c) => [c, `##${c}`])
const VOCABULARY = [...new Set(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...WORDS, ...LETTERS])]

/** Two layers of 64, seeded. */
export function smallModel(): ModelWeights {
  const model = randomModel(
    {
      vocabSize: VOCABULARY.length,
      hiddenSize: 64,
      layers: 2,
      heads: 4,
      intermediateSize: 128,
      maxPositions: 32,
      typeVocabSize: 2,
      layerNormEpsilon: 1e-12,
      labels: ['negative', 'positive'],
      recipe: '',
      lowercase: true,
    },
    3,
  )
  // Weights at BERT's scale leave the logits of two texts alike; at this one they differ in every digit.
  for (const layer of model.layers)
    for (const role of ['query', 'key', 'value', 'attentionOutput', 'intermediate', 'output'] as const) {
      const { weight } = layer[role]
      if (weight.kind === 'f32') weight.data = weight.data.map((x) => x * 8)
    }
  return model
}

/** The files of a model folder: config.json, model.safetensors, vocab.txt. */
export function modelFiles(model: ModelWeights): Record<string, string | Uint8Array> {
  return encodeModel(model, { files: { 'vocab.txt': `${VOCABULARY.join('\n')}\n` } })
}
