import type { RecipeStep } from '../step.ts'
import { sharedFactors, type Tucker } from './tucker.ts'

export const tucker3: RecipeStep<Tucker> = {
  ...sharedFactors('tucker3'),
  syntax: [
    [
      'tucker3:<R>',
      'tucker whose cores are mixed from half as many common ones; the file is smaller, the speed the same',
    ],
  ],
  readme: [
    ['`tucker3:R`', '`tucker` with cores mixed from half as many common ones: a smaller file, the same speed', ''],
  ],
  texts: () => ({ inputs: 'helpful' }),
}
