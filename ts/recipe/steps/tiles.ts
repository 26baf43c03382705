import { TILE_INPUTS, TILE_OUTPUTS } from '../../../kernels/program/weights.ts'
import { cubicSparsity } from '../../compress/prune-mask.ts'
import { shareOf } from '../numbers.ts'
import { NOT_PRUNED_AFTER } from '../reasons.ts'
import { sparsify } from '../sparsify.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Tiles extends ParsedStep {
  kind: 'tiles'
  sparsity: number
}

export const tiles: RecipeStep<Tiles> = {
  kind: 'tiles',
  syntax: [['sp<NN>x16x32', 'the same in tiles of 16 outputs x 32 inputs, e.g. sp80x16x32']],
  parse: (text) => {
    const match = /^sp(\d+(?:\.\d+)?)x16x32$/.exec(text)
    return match && { kind: 'tiles', sparsity: shareOf(text, match[1]) }
  },
  parseOfShape: null,
  leaves: 'sparse',
  cannotFollow: NOT_PRUNED_AFTER,
  stage: 'shape',
  texts: () => ({}),
  changesInputs: false,
  apply: async (model, { sparsity, text }, { once }) => {
    const { prune } = await import('../../compress/prune.ts')
    return once(() => prune(model, { kind: 'tiles', sparsity }, text))
  },
  reshape: (shape, { sparsity, text }) => sparsify(shape, sparsity, [TILE_OUTPUTS, TILE_INPUTS], text),
  grow: {
    rule: ({ sparsity }, done) => ({ kind: 'tiles', sparsity: cubicSparsity(done, 0, sparsity) }),
    isGradual: true,
    by: 'saliency',
  },
  ranks: null,
}
