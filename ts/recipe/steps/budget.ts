import type { ParsedStep, RecipeStep } from '../step.ts'

/** A storage format for every layer, chosen from data by ts/budget: a record of what was done, which nobody writes. */
export interface Budget extends ParsedStep {
  kind: 'budget'
}

export const budget: RecipeStep<Budget> = {
  kind: 'budget',
  syntax: [],
  parse: (text) => (/^(budget:[\d.]+(kB|MB|GB|ms)|max-loss:[\d.]+%)$/.test(text) ? { kind: 'budget' } : null),
  parseOfShape: null,
  leaves: 'chosen',
  cannotFollow: {},
  stage: 'model',
  texts: () => ({}),
  changesInputs: false,
  apply: (_, { text }) => {
    throw new Error(
      `recipe: '${text}' is chosen from texts; give it as an option: compress MODEL --${text.replace(':', ' ')} --data FILE`,
    )
  },
  reshape: (_, { text }) => {
    throw new Error(`${text}: the formats depend on the texts; compress the model and inspect what was written`)
  },
  grow: null,
  ranks: null,
}
