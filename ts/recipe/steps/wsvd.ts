import type { RecipeStep } from '../step.ts'
import { twoFactors, type Svd } from './svd.ts'

export const wsvd: RecipeStep<Svd> = {
  ...twoFactors('wsvd'),
  syntax: [['wsvd:…', 'svd that is best for the outputs over calibration texts, not for the weights, e.g. wsvd:0.25']],
  texts: () => ({ inputs: 'needed' }),
}
