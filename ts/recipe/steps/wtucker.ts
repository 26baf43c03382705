import type { RecipeStep } from '../step.ts'
import { sharedFactors, type Tucker } from './tucker.ts'

const common = sharedFactors('wtucker')

export const wtucker: RecipeStep<Tucker> = {
  ...common,
  syntax: [['wtucker:<R>', 'tucker that is best for the outputs over calibration texts, e.g. wtucker:0.25']],
  texts: () => ({ inputs: 'needed' }),
  ranks: {
    shares: common.ranks!.shares,
    // layers that stop sharing are Tucker on groups of one: more bytes at the same rank, and less is lost
    then: { shape: 'wsvd:R', shares: [0.25, 0.3125, 0.375, 0.4375] },
  },
}
