import { cubicSparsity, type PruneRule } from '../../compress/prune-mask.ts'
import { shareOf } from '../numbers.ts'
import { NOT_PRUNED_AFTER } from '../reasons.ts'
import { sparsify } from '../sparsify.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Sparse extends ParsedStep {
  kind: 'sparse'
  sparsity: number
  /** 1x4 blocks, not single weights */
  blocks: boolean
}

const rule = ({ blocks }: Sparse, sparsity: number): PruneRule => ({
  kind: blocks ? 'blocks' : 'unstructured',
  sparsity,
})

export const sparse: RecipeStep<Sparse> = {
  kind: 'sparse',
  syntax: [
    ['sp<NN>', 'drop NN % of the encoder weights by magnitude, e.g. sp80'],
    ['sp<NN>x4', 'the same in blocks of 1x4, e.g. sp80x4'],
  ],
  parse: (text) => {
    const match = /^sp(\d+(?:\.\d+)?)(x4)?$/.exec(text)
    return match && { kind: 'sparse', sparsity: shareOf(text, match[1]), blocks: match[2] !== undefined }
  },
  parseOfShape: null,
  leaves: 'sparse',
  cannotFollow: NOT_PRUNED_AFTER,
  stage: 'shape',
  texts: () => ({}),
  changesInputs: false,
  apply: async (model, step, { once }) => {
    const { prune } = await import('../../compress/prune.ts')
    return once(() => prune(model, rule(step, step.sparsity), step.text))
  },
  reshape: (shape, { sparsity, blocks, text }) => sparsify(shape, sparsity, [1, blocks ? 4 : 1], text),
  grow: { rule: (step, done) => rule(step, cubicSparsity(done, 0, step.sparsity)), isGradual: true, by: 'saliency' },
  ranks: null,
}
