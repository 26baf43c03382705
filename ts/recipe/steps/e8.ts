import type { ParsedStep, RecipeStep } from '../step.ts'

export interface E8 extends ParsedStep {
  kind: 'e8'
}

export const e8: RecipeStep<E8> = {
  kind: 'e8',
  syntax: [['e8', 'int8 word embeddings, scale and offset per row']],
  parse: (text) => (text === 'e8' ? { kind: 'e8' } : null),
  parseOfShape: null,
  leaves: 'int8 words',
  cannotFollow: {},
  stage: 'store',
  texts: () => ({}),
  changesInputs: false,
  apply: (model, _, { once }) =>
    once(async () => {
      const { quantizeWordEmbeddings } = await import('../../compress/quantize.ts')
      return quantizeWordEmbeddings(model)
    }),
  reshape: (shape) => {
    shape.word.kind = 'int8'
    return shape
  },
  grow: null,
  ranks: null,
}
