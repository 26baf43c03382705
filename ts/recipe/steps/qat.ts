import type { ParsedStep, RecipeStep } from '../step.ts'

/** Nothing but a training: whoever trains takes it, and applying a recipe cannot. */
export interface Qat extends ParsedStep {
  kind: 'qat'
}

export const qat: RecipeStep<Qat> = {
  kind: 'qat',
  syntax: [
    [
      'qat',
      'train with operands rounded as q8 and e8 after it will round them; a training, which compress --train and study have',
    ],
  ],
  parse: (text) => (text === 'qat' ? { kind: 'qat' } : null),
  parseOfShape: null,
  leaves: 'trained',
  cannotFollow: {
    int8: 'weights are rounded already: put it before q8',
    'int8 words': 'the word table is rounded already: put it before e8',
  },
  stage: 'shape',
  texts: () => ({ inputs: 'needed' }),
  changesInputs: false,
  apply: (_, { text }) => {
    throw new Error(
      `recipe: '${text}' is a training, and nothing is trained here; give compress --train, or let study train its rows`,
    )
  },
  reshape: (shape) => shape,
  grow: null,
  ranks: null,
  isRoundedTraining: true,
}
