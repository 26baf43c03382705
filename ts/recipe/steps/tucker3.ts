import type { RecipeStep } from '../step.ts'
import { sharedFactors, type Tucker } from './tucker.ts'

export const tucker3: RecipeStep<Tucker> = {
  ...sharedFactors('tucker3'),
  syntax: [
    [
      'tucker3:<R>',
      'tucker whose cores are mixed from half as many common ones; the file is smaller, the speed the same, e.g. tucker3:0.25',
    ],
  ],
  texts: () => ({ inputs: 'helpful' }),
}
